"""What a whole study costs, decode to PDF, against the bare batched forward pass of VGG16.

Run it with ``python -m tests.benchmarks.whole_study``. Both halves work on the same radiographs in the same
process, in turn, so that the ratio holds on a noisy machine. CPU seconds of all threads.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from cxrscreen.classifier.bundle import load_classifier
from cxrscreen.classifier.registry import SHIPPED_MODELS, Registry
from cxrscreen.radiograph.acceptance import acceptance_limits
from cxrscreen.radiograph.prepare import prepare
from cxrscreen.radiograph.read import read_radiograph
from cxrscreen.screening.screen import screen
from cxrscreen.screening.session import open_session
from cxrscreen.settings import load_settings
from tests.benchmarks.results import real_radiographs, save

RADIOGRAPHS = 50
ROUNDS = 3


def cpu_seconds(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def main() -> None:
    files = real_radiographs(RADIOGRAPHS)
    classifier = load_classifier(Registry((SHIPPED_MODELS,)).folder_of("champion"))
    limits = acceptance_limits(load_settings())
    prepared = np.stack([prepare(read_radiograph(f.read_bytes(), limits).pixels) for f in files])
    bare, whole = [], []
    screen_once(files[:4])  # warm up: traced graphs, fonts, templates
    for _ in range(ROUNDS):
        bare.append(cpu_seconds(lambda: classifier.backbone.feature_maps(prepared)) / RADIOGRAPHS)
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


def screen_once(files: list[Path]) -> None:
    """Screen the files into a new workspace, settle time left out."""
    with tempfile.TemporaryDirectory() as folder:
        for index, file in enumerate(files):
            target = Path(folder, "w", "intake", f"{index:03}{file.suffix}")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(file.read_bytes())
        with open_session(load_settings(Path(folder, "w"), settle_seconds=0)) as session:
            _, summary = screen(session)
            assert summary is not None
            assert summary.tally.reported == len(files)


if __name__ == "__main__":
    main()
