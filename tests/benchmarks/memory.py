"""Peak memory of one large batch, against that of a small one.

Run it with ``python -m tests.benchmarks.memory [FILES]``. Each batch is screened by a process of its own, through
the command line, with the shipped model; the files are real radiographs made distinct by a trailing comment byte.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
from pathlib import Path

from cxrscreen.classifier.registry import SHIPPED_VERSION
from tests.benchmarks.results import real_radiographs, save

SMALL = 100
SOURCES = 200


def main(files: int) -> None:
    figures: dict[str, float | int | str] = {}
    for count in (SMALL, files):
        figures["peak_gib_small" if count == SMALL else "peak_gib"] = peak_gib(count)
    save("memory", {"model": SHIPPED_VERSION, "files": files, "files_small": SMALL} | figures)


def peak_gib(count: int) -> float:
    """Screen ``count`` files and return the process's largest resident set."""
    sources = [file for file in real_radiographs(SOURCES) if file.suffix == ".jpg"]
    with tempfile.TemporaryDirectory() as folder:
        intake = Path(folder, "w", "intake")
        intake.mkdir(parents=True)
        for index in range(count):
            # Bytes after the end of a JPEG are no part of the picture; they make another file of it.
            (intake / f"{index:05}.jpg").write_bytes(sources[index % len(sources)].read_bytes() + index.to_bytes(4))
        command = [sys.executable, "-m", "cxrscreen.cli", "screen", "--workspace", str(Path(folder, "w")), "--json"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024**2


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 2000)
