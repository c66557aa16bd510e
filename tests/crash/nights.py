"""Nights in which screening is killed again and again, and started again each time.

Nights of sixty files pass until a process that screens has died so often as is asked for, at random moments; the
accounts are checked after each death and at the end of each night. Each process runs the command ``cxrscreen screen``
from start to end. In place of the network, the reader's process and the PDF's layout, which take most of the time,
stand stubs: the kills are to fall between the steps. ``tests.benchmarks.kills`` does the same with everything real.
"""

from __future__ import annotations

import os
import random
import secrets
import signal
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from tests.crash.accounts import check_at_any_moment, check_in_the_end
from tests.crash.arrivals import arrive, draw_night
from tests.crash.command import screen, stand_in_for_what_is_slow, what_it_said
from tests.crash.forked import fork

LONGEST_LIFE_SECONDS = 0.3  # of the processor; a night of sixty files takes about one
STOPPED = 130  # exit code of a command that was interrupted
LONGEST_END_SECONDS = 20.0  # after which a process that was asked to stop counts as hanging


@dataclass(frozen=True, kw_only=True)
class Killer:
    """Ends processes at random moments."""

    how: signal.Signals
    chance: random.Random
    work: Callable[[Path], None]  # what a process does; it is forked for it
    longest_seconds: float  # of the processor, in one life


def main(how: str, deaths: int, at: str, arrives_in: str = "") -> dict[str, Any]:
    """Let nights pass and return what happened; the intake may lie on another file system."""
    seed = secrets.randbits(32)
    print(f"seed {seed}", flush=True)
    stand_in_for_what_is_slow(chunk_studies=5)
    killer = Killer(
        how=signal.Signals[how],
        chance=random.Random(seed),  # noqa: S311  # moments to die at, no secrets
        work=screen,
        longest_seconds=LONGEST_LIFE_SECONDS,
    )
    passed = pass_nights(killer, deaths, draw_night, Path(at), Path(arrives_in) if arrives_in else None)
    return {"seed": seed} | passed


def pass_nights(
    killer: Killer, deaths: int, draw: Callable[[int], dict[str, bytes]], root: Path, intake: Path | None = None
) -> dict[str, Any]:
    """Let nights pass until a process has been ended so often; return how many, and what came of the files."""
    nights, died, outcomes = 0, 0, Counter[str]()
    while died < deaths:
        nights += 1
        home = root / f"night{nights}"
        there = (intake / f"night{nights}") if intake else home / "intake"
        there.mkdir(parents=True)
        if intake:
            home.mkdir(parents=True)
            (home / "intake").symlink_to(there)  # as a site does whose intake is a share
        files = draw(nights)
        arrive(there, files)
        died += live_through(home, there, files, killer)
        outcomes += check_in_the_end(home, there, files)
    return {"nights": nights, "died": died, "outcomes": dict(outcomes)}


def live_through(root: Path, intake: Path, files: Mapping[str, bytes], killer: Killer) -> int:
    """Screen one night's files in as many lives as it takes; return how many of them were ended."""
    died, longest, decided = 0, killer.longest_seconds, 0
    while True:
        life = fork(partial(killer.work, root))
        wait_until_it_has_worked(life, killer.chance.uniform(0, longest))
        os.kill(life, killer.how)
        if wait_for(life, root) == 0 and not is_left(root):
            return died
        died += 1
        check_at_any_moment(root, intake, files, copied=intake.parent != root)
        # A life that is too short for anything is no random moment: the next may last longer.
        longest = killer.longest_seconds if decided < (decided := count_decided(root)) else 2 * longest


def wait_until_it_has_worked(life: int, seconds: float) -> None:
    """Wait for processor time, which is the same on a busy machine, or for the end."""
    while _is_alive(life) and sum(map(_worked, Path(f"/proc/{life}/task").iterdir())) < seconds:
        time.sleep(0.002)


def _worked(thread: Path) -> float:
    try:
        return int((thread / "schedstat").read_text().split()[0]) / 1e9
    except (FileNotFoundError, ProcessLookupError):  # it has just ended
        return 0.0


def _is_alive(life: int) -> bool:
    return Path(f"/proc/{life}/stat").read_text().rpartition(")")[2].split()[0] != "Z"


def count_decided(root: Path) -> int:
    """Return how many files have an outcome."""
    if not (root / "ledger.sqlite").exists():
        return 0
    with closing(sqlite3.connect(root / "ledger.sqlite")) as db:
        if not db.execute("SELECT 1 FROM sqlite_master WHERE name = 'file'").fetchone():
            return 0  # the end came while the ledger was being made
        return int(db.execute("SELECT COUNT(*) FROM file WHERE outcome IS NOT NULL").fetchone()[0])


def is_left(root: Path) -> bool:
    """Return whether something is left to do: an orderly stop ends well, too."""
    intake = root / "intake"
    return any(file.is_file() and not file.name.startswith(".") for file in intake.rglob("*")) or not list(
        (root / "reports").glob("*/index.html")
    )


def wait_for(life: int, root: Path) -> int:
    """Return how a process ended: 0, the negative number of the signal, or the code of an orderly stop."""
    deadline = time.monotonic() + LONGEST_END_SECONDS
    while True:
        process, status = os.waitpid(life, os.WNOHANG)
        if process:
            break
        if time.monotonic() > deadline:
            os.kill(life, signal.SIGKILL)
            raise AssertionError("it did not stop when it was asked to")
        time.sleep(0.002)
    code = os.waitstatus_to_exitcode(status)
    assert code in (0, STOPPED, -signal.SIGKILL, -signal.SIGTERM), f"ended with {code}: {what_it_said(root)}"
    return code
