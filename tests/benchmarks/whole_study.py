"""What a whole study costs, decode to PDF, against the bare batched forward pass of the whole VGG16.

Run it with ``python -m tests.benchmarks.whole_study``. Both halves work on the same radiographs in the same
process, in turn, so that the ratio holds on a noisy machine. CPU seconds of all threads, the reader's process included.
The bare pass is that of VGG16 up to its last block, as the study ran it, whatever the shipped model needs of it.
"""

from __future__ import annotations

import resource
import statistics
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import numpy as np

from cxrscreen.classifier.backbone import Backbone
from cxrscreen.classifier.bundle import base_of_bundle
from cxrscreen.classifier.registry import SHIPPED_MODELS, Registry
from cxrscreen.radiograph.acceptance import acceptance_limits
from cxrscreen.radiograph.isolation import READER
from cxrscreen.radiograph.prepare import prepare
from cxrscreen.radiograph.read import read_radiograph
from cxrscreen.screening.screen import screen
from cxrscreen.screening.session import Session, open_session
from cxrscreen.settings import load_settings
from tests.benchmarks.results import real_radiographs, save

RADIOGRAPHS = 50
ROUNDS = 3

Opener = Callable[[Path], AbstractContextManager[Session]]


def cpu_seconds(work: Callable[[], object]) -> float:
    start = cpu_clock()
    work()
    return cpu_clock() - start


def cpu_clock() -> float:
    """Return what this process, its ended children and the reader that still runs have used."""
    used = [resource.getrusage(whose) for whose in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used) + _used_by_reader()


def _used_by_reader() -> float:
    if READER.pid is None:
        return 0.0
    return int(Path(f"/proc/{READER.pid}/schedstat").read_text().split()[0]) / 1e9


def main() -> None:
    files = real_radiographs(RADIOGRAPHS)
    backbone = Backbone(base_of_bundle(Registry((SHIPPED_MODELS,)).folder_of("champion")))
    limits = acceptance_limits(load_settings())
    prepared = np.stack([prepare(read_radiograph(f.read_bytes(), limits).pixels) for f in files])
    bare, whole = [], []
    screen_once(files[:4])  # warm up: traced graphs, fonts, templates
    backbone.feature_maps(prepared[:8])
    for _ in range(ROUNDS):
        bare.append(cpu_seconds(lambda: backbone.feature_maps(prepared)) / RADIOGRAPHS)
        whole.append(cpu_seconds(lambda: screen_once(files)) / RADIOGRAPHS)
    ratios = [w / b for w, b in zip(whole, bare, strict=True)]
    save(
        "whole_study",
        {
            "radiographs": RADIOGRAPHS,
            "rounds": ROUNDS,
            "bare_forward_cpu_seconds": statistics.median(bare),
            "whole_study_cpu_seconds": statistics.median(whole),
            "ratio": statistics.median(ratios),
        },
    )


@contextmanager
def shipped_session(workspace: Path) -> Iterator[Session]:
    """Open a new workspace as it comes; settle time left out."""
    with open_session(load_settings(workspace, settle_seconds=0)) as session:
        yield session


def screen_once(files: Sequence[Path], opened: Opener = shipped_session) -> None:
    """Screen the files into a new workspace; every one of them must be reported."""
    with tempfile.TemporaryDirectory() as folder:
        for index, file in enumerate(files):
            target = Path(folder, "w", "intake", f"{index:03}{file.suffix}")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(file.read_bytes())
        with opened(Path(folder, "w")) as session:
            _, summary = screen(session)
            assert summary is not None
            assert summary.tally.reported == len(files), summary.tally


if __name__ == "__main__":
    main()
