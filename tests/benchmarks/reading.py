"""What it costs to read a file in the reader process instead of in this one: processor time, both processes together.

``python -m tests.benchmarks.reading``; the two ways take turns, file by file, so that the machine's moods hit both.
"""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np

from cxrscreen.errors import RefusedError
from cxrscreen.radiograph.acceptance import AcceptanceLimits, acceptance_limits
from cxrscreen.radiograph.decode import decode_identity, decode_radiograph
from cxrscreen.radiograph.decoder_warnings import Heard
from cxrscreen.radiograph.identity import identify
from cxrscreen.radiograph.isolation import READER
from cxrscreen.radiograph.read import read_radiograph
from cxrscreen.settings import load_settings
from tests.benchmarks.results import real_folder, real_radiographs, save

STUDY_CPU_MILLISECONDS = 440  # of a whole study, reading to report
ROUNDS = 5


def processor_seconds() -> float:
    """Return the processor time of this process and of the reader."""
    return time.process_time() + int(Path(f"/proc/{READER.pid}/schedstat").read_text().split()[0]) / 1e9


def here(content: bytes, limits: AcceptanceLimits) -> None:
    decode_identity(content)
    decode_radiograph(content, limits, Heard())


def there(content: bytes, limits: AcceptanceLimits) -> None:
    identify(content)
    read_radiograph(content, limits)


def main() -> None:
    limits = acceptance_limits(load_settings(Path.cwd()))
    files = [*real_radiographs(40), *sorted((real_folder() / "formats").glob("*.dcm"))]
    contents = [file.read_bytes() for file in files]
    started = time.perf_counter()
    identify(bytes(128) + b"DICM")
    start = time.perf_counter() - started
    start_cpu = int(Path(f"/proc/{READER.pid}/schedstat").read_text().split()[0]) / 1e9
    spent = np.zeros((2, ROUNDS, len(files)))
    for turn in range(ROUNDS):
        for number, content in enumerate(contents):
            for way in ((0, 1), (1, 0))[(turn + number) % 2]:
                before = processor_seconds()
                try:
                    (here, there)[way](content, limits)
                except RefusedError as exc:
                    raise SystemExit(f"{files[number].name}: {exc}") from exc
                spent[way, turn, number] = processor_seconds() - before
    medians = np.median(spent, axis=1) * 1000
    more = medians[1] - medians[0]
    save(
        "reading",
        {
            "files": len(files),
            "mean_megabytes": round(float(np.mean([len(content) for content in contents])) / 1e6, 2),
            "cpu_milliseconds_in_process": round(float(medians[0].mean()), 2),
            "cpu_milliseconds_in_reader": round(float(medians[1].mean()), 2),
            "more_milliseconds": round(float(more.mean()), 2),
            "more_milliseconds_dicom": round(float(more[40:].mean()), 2),
            "share_of_a_study": round(float(more.mean()) / STUDY_CPU_MILLISECONDS, 4),
            "start_seconds": round(start, 2),
            "start_cpu_seconds": round(start_cpu, 2),
        },
    )


if __name__ == "__main__":
    main()
