"""Ten thousand small files arrive in bursts while ``watch`` screens them in another process.

Run it with ``python -m tests.benchmarks.load [FILES [bare]]``. The classifier is a stub, everything else is real: the
files settle, are claimed, read, reported (HTML and PDF) and archived. Afterwards every file is accounted for by its
content. Time a file is CPU time of the screening process and its children, since the machine may have other work; wall
time is told, too, without what was slept. ``bare`` leaves out the PDFs, nine tenths of the time, so that growth of
anything else shows.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

from tests.benchmarks.arrivals import arrivals, faults, fingerprint, write
from tests.benchmarks.metered_watch import BARE, SETTLE_SECONDS
from tests.benchmarks.results import save

FILES, BURST, SEED = 10_000, 500, 4
PAUSE_SECONDS = 6.0  # between two bursts
WINDOW = 1000
CLOCKS = ("cpu_seconds", "wall_seconds")
QUIET_SECONDS = 600.0  # without a file screened: something hangs


def main(files: int, *, bare: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        figures = load(Path(folder), files=files, burst=BURST, pause_seconds=PAUSE_SECONDS, bare=bare)
    save("load_bare" if bare else "load", figures)
    if figures["faults"]:
        sys.exit("Not every file is accounted for.")


def load(folder: Path, *, files: int, burst: int, pause_seconds: float, bare: bool = False) -> dict[str, Any]:
    """Drop the files while a process screens them; return what was measured, and what does not add up."""
    root, log = folder / "w", folder / "log.jsonl"
    (root / "intake").mkdir(parents=True)
    command = [sys.executable, "-m", "tests.benchmarks.metered_watch", str(root), str(log), *[BARE][: int(bare)]]
    temporary = folder / "tmp"
    temporary.mkdir()
    with subprocess.Popen(command, env=os.environ | {"TMPDIR": str(temporary)}) as watcher:
        try:
            wait_for(log.exists, watcher)
            start = time.monotonic()
            dropped, expected = drop_in_bursts(root / "intake", files, burst, pause_seconds)
            arrived = time.monotonic() - start
            wait_for_the_last(log, files, watcher)
            seconds = time.monotonic() - start
        finally:
            watcher.terminate()
    events = [json.loads(line) for line in log.read_text().splitlines()]
    return {
        "files": files,
        "studies": len(list(root.glob("reports/*/S-*"))),
        "outcomes": dict(expected),
        "burst": burst,
        "seconds_of_arrival": arrived,
        "seconds": seconds,
        "exit_status": watcher.returncode,
        "faults": faults(root, dropped, expected),
        "temporary_files": sum(1 for _ in temporary.rglob("*")),
        **summed_up(events, min(WINDOW, files // 4)),
    }


def drop_in_bursts(intake: Path, files: int, burst: int, pause_seconds: float) -> tuple[Counter[str], Counter[str]]:
    """Drop the files; return how often each content was dropped, and how many files are to have each outcome."""
    dropped: Counter[str] = Counter()
    expected: Counter[str] = Counter()
    for number in range(0, files, burst):
        made = list(arrivals(min(burst, files - number), seed=SEED + number, folder=f"burst-{number:05}/"))
        write(intake, made, SETTLE_SECONDS / 2)
        for arrival in made:
            dropped[fingerprint(arrival.content)] += 1
            expected[arrival.outcome] += 1
        time.sleep(pause_seconds)
    return dropped, expected


def wait_for(condition: Any, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + QUIET_SECONDS
    while not condition():
        if process.poll() is not None or time.monotonic() > deadline:
            sys.exit("The screening process has ended, or does nothing.")
        time.sleep(0.1)


def wait_for_the_last(log: Path, files: int, process: subprocess.Popen[bytes]) -> None:
    """Wait until that many files are decided, and their batch is closed."""
    done, read = 0, 0
    last = time.monotonic()
    while done < files:
        time.sleep(0.2)
        lines = log.read_text().splitlines()
        for event in map(json.loads, lines[read:]):
            done = max(done, event.get("closed", 0))
        if len(lines) > read:
            read, last = len(lines), time.monotonic()
        if process.poll() is not None or time.monotonic() - last > QUIET_SECONDS:
            sys.exit(f"The screening process has ended, or does nothing, after {done} of {files} files.")


def summed_up(events: list[dict[str, Any]], window: int) -> dict[str, Any]:
    """Return time a file by windows of ``window`` files, what each batch took, and the bounds of what was used."""
    closed = [event for event in events if "closed" in event]
    parts = list(windows(events, window))
    result: dict[str, Any] = {"window": window}
    for clock in CLOCKS:
        costs = [part[clock] for part in parts]
        result |= {f"{clock}_a_file": costs, f"{clock}_last_over_first": costs[-1] / costs[0]}
        result |= {f"{clock}_most_over_first": max(costs) / costs[0]}
    for what in ("rss_mib", "handles", "threads", "children"):
        values = [event[what] for event in events]
        result |= {f"{what}_at_first": values[0], f"{what}_at_most": max(values), f"{what}_at_last": values[-1]}
    result["batches"] = [
        {
            "files": after["closed"] - before.get("closed", 0),
            "seconds": {name: round(value, 3) for name, value in after["seconds"].items() if value > 0.01},
            "calls": after["calls"],
        }
        for before, after in pairwise([{}, *closed])
    ]
    return result


def windows(events: list[dict[str, Any]], window: int) -> Iterator[dict[str, float]]:
    """Cut the files in the order of their verdicts; yield the seconds a file of each part of at least ``window``."""
    start, whole = events[0], events[-1]["closed"]
    for event in events:
        files = event.get("decided", 0) - start["decided"]
        if files >= window and whole - event["decided"] >= window:
            yield seconds_a_file(start, event, files)
            start = event
    yield seconds_a_file(start, events[-1], whole - start["decided"])  # with the last batch's report


def seconds_a_file(start: dict[str, float], end: dict[str, float], files: int) -> dict[str, float]:
    return {clock: (end[clock] - start[clock]) / files for clock in CLOCKS}


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else FILES, bare=BARE in sys.argv)
