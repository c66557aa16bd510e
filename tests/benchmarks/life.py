"""A day of ``watch`` in one process: does it grow?

Run it with ``python -m tests.benchmarks.life [HOURS]``. Only the clock of the loop is not real: what it would sleep
passes at once. So each look, each scheduled screening, each file that drops in and each report of 24 hours happens. One
file grows for ever, which makes every scheduled look a screening; the classifier is a stub.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
import types
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

from tests.benchmarks.arrivals import Arrival, arrivals, faults, fingerprint
from tests.benchmarks.metering import slope, usage

HOURS, SEED = 24.0, 9
SCREEN_EVERY_MINUTES = 1.0  # the shortest that the settings allow
ARRIVAL_SECONDS = 150.0
SAMPLE_SECONDS = 600.0
SLOW = Arrival("slow.dcm.part", b"begun long ago", "waiting")


def main(hours: float) -> None:
    from tests.benchmarks.results import save  # noqa: PLC0415  # not needed by the measured process

    with tempfile.TemporaryDirectory() as folder:
        figures = day(Path(folder), hours)
    save("life", figures)
    if figures["faults"]:
        sys.exit("Not every file is accounted for.")


def day(folder: Path, hours: float) -> dict[str, Any]:
    """Let a process of its own live so many hours; return what it used and left."""
    temporary, answer = folder / "tmp", folder / "answer.json"
    temporary.mkdir()
    command = [sys.executable, "-m", "tests.benchmarks.life", "--live", str(folder / "w"), str(hours), str(answer)]
    subprocess.run(command, check=True, env=os.environ | {"TMPDIR": str(temporary)})
    figures: dict[str, Any] = json.loads(answer.read_text())
    return figures | {"temporary_files": sum(1 for _ in temporary.rglob("*"))}


class Day:
    """Stands for the module ``time`` in the loop: sleeping lets time pass, files arrive and samples be taken."""

    def __init__(self, intake: Path, hours: float) -> None:
        self.seconds, self.end = 0.0, 3600 * hours
        self.looks = 0
        self.samples: list[dict[str, float]] = []
        self.dropped: Counter[str] = Counter()
        self.expected: Counter[str] = Counter()
        self._intake = intake
        self._arrivals = arrivals(10**6, seed=SEED)
        self._next_arrival = self._next_sample = 0.0

    def monotonic(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds
        self.looks += 1
        if self.seconds >= self.end:
            raise KeyboardInterrupt
        if self.seconds >= self._next_arrival and self.seconds < self.end - ARRIVAL_SECONDS:
            self._next_arrival += ARRIVAL_SECONDS
            self.drop(next(self._arrivals))
        if self.seconds >= self._next_sample:
            self._next_sample += SAMPLE_SECONDS
            self.samples.append({"hour": round(self.seconds / 3600, 2)} | usage(os.getpid()))

    def drop(self, arrival: Arrival) -> None:
        path = self._intake / arrival.name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(arrival.content)
        self.dropped[fingerprint(arrival.content)] += 1
        self.expected[arrival.outcome] += 1

    def loop_time(self) -> types.SimpleNamespace:
        return types.SimpleNamespace(**vars(time) | {"monotonic": self.monotonic, "sleep": self.sleep})


def live(root: Path, hours: float) -> dict[str, Any]:
    """Live through the hours in this process."""
    from cxrscreen.screening import screen  # noqa: PLC0415  # imported by the measured process alone
    from tests.fakes import stub_session  # noqa: PLC0415

    passing = Day(root / "intake", hours)
    outcomes: Counter[str] = Counter()
    start = time.perf_counter()
    with stub_session(root, screen_every_minutes=SCREEN_EVERY_MINUTES) as session:
        passing.drop(SLOW)
        screen.time = passing.loop_time()  # type: ignore[attr-defined]  # the loop's clock
        with suppress(KeyboardInterrupt):
            screen.watch(session, lambda _opened, summary: outcomes.update(["idle" if summary is None else "batches"]))
    (root / "intake" / SLOW.name).unlink()
    passing.dropped.subtract([fingerprint(SLOW.content)])
    del passing.expected[SLOW.outcome]
    return {
        "hours": hours,
        "seconds": time.perf_counter() - start,
        "looks": passing.looks,
        "screenings": outcomes.total(),
        "batches": outcomes["batches"],
        "outcomes": dict(passing.expected),
        "faults": faults(root, +passing.dropped, passing.expected),
        **growth(passing.samples),
        "samples": passing.samples[:: max(1, len(passing.samples) // 24)],
    }


def growth(samples: list[dict[str, float]]) -> dict[str, Any]:
    """Return first, last and greatest of each figure, and how memory grew by the hour in the second half."""
    warm = samples[len(samples) // 2 :]
    figures: dict[str, Any] = {
        what: {"first": samples[0][what], "last": samples[-1][what], "most": max(s[what] for s in samples)}
        for what in ("rss_mib", "handles", "threads", "children")
    }
    by_sample = slope([sample["rss_mib"] for sample in warm])
    return figures | {"rss_mib_an_hour_in_the_second_half": by_sample * 3600 / SAMPLE_SECONDS}


if __name__ == "__main__":
    if sys.argv[1:2] == ["--live"]:
        Path(sys.argv[4]).write_text(json.dumps(live(Path(sys.argv[2]), float(sys.argv[3]))))
    else:
        main(float(sys.argv[1]) if len(sys.argv) > 1 else HOURS)
