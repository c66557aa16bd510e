"""Screening is killed at random moments with everything real: shipped model, reader's process, PDF, command line.

Run it with ``python -m tests.benchmarks.kills [KILLS]``. Nights of sixty files, real radiographs among them, are
screened by ``python -m cxrscreen.cli screen``, which is killed again and again, until so many processes have died;
after each death and at the end of each night every file is accounted for, as in ``tests/crash``. Then placing dies at
each of its lines. What is wrong ends the program with an error.
"""

from __future__ import annotations

import os
import random
import secrets
import signal
import sys
import tempfile
import time
from pathlib import Path

from tests.benchmarks.results import all_real_radiographs, save
from tests.crash import placing_lines
from tests.crash.arrivals import PICTURES, draw_night
from tests.crash.nights import Killer, pass_nights

MEMORY = "/dev/shm"  # noqa: S108  # another file system is what is wanted
LONGEST_LIFE_SECONDS = 40.0  # of the processor; to start takes about ten, a night about forty
SETTINGS = "settle_seconds = 0\nmin_free_megabytes = 0\nchunk_studies = 8\n"


def main(kills: int) -> None:
    """Kill, check, and save the figures."""
    seed = secrets.randbits(32)
    print(f"seed {seed}", flush=True)
    begun = time.monotonic()
    killer = Killer(
        how=signal.SIGKILL,
        chance=random.Random(seed),  # noqa: S311  # moments to die at, no secrets
        work=screen,
        longest_seconds=LONGEST_LIFE_SECONDS,
    )
    with tempfile.TemporaryDirectory() as folder:
        passed = pass_nights(killer, kills, night_of_real_files, Path(folder))
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory(dir=MEMORY) as memory:
        same = placing_lines.die(f"{memory}/same/w", f"{memory}/same/w/intake", 1)
        across = placing_lines.die(f"{memory}/across/w", f"{folder}/intake", 1)
    minutes = round((time.monotonic() - begun) / 60, 1)
    figures = {"seed": seed, "kills": kills, "minutes": minutes} | passed
    save("kills", figures | {"lines_of_placing": same, "lines_of_placing_across_file_systems": across})


def night_of_real_files(night: int) -> dict[str, bytes]:
    """Return the sixty files of the crash tests, with real radiographs for its drawn pictures.

    Each night has a workspace of its own: once all radiographs have had their night, they may come again.
    """
    real = all_real_radiographs()
    chosen = [real[(PICTURES * (night - 1) + n) % len(real)] for n in range(PICTURES)]
    return draw_night(night) | {f"picture{n:02}.png": file.read_bytes() for n, file in enumerate(chosen)}


def screen(root: Path) -> None:
    """Become the command."""
    (root / "cxrscreen.toml").write_text(SETTINGS)
    with (root / "out.txt").open("ab") as told:
        os.dup2(told.fileno(), 1)
        os.dup2(told.fileno(), 2)
    command = [sys.executable, "-m", "cxrscreen.cli", "screen", "--workspace", str(root), "--json"]
    os.execve(sys.executable, command, os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"})  # noqa: S606  # our own interpreter


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 40)
