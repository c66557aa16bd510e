"""What a process uses: time by function, memory, handles, threads, children."""

from __future__ import annotations

import functools
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")
MEBIBYTE = 2**20


class Meter:
    """Counts calls and seconds of functions that it stands in for, and the seconds that a process sleeps."""

    def __init__(self) -> None:
        self.seconds: Counter[str] = Counter()
        self.calls: Counter[str] = Counter()
        self.asleep = 0.0
        self._started = time.perf_counter()
        self._cpu = cpu_seconds()

    def time(self, owner: object, *names: str) -> None:
        """Measure functions of a module or methods of a class from now on, each under its name."""
        for name in names:
            setattr(owner, name, self._measured(getattr(owner, name), name))

    def _measured(self, function: Callable[..., Any], name: str) -> Callable[..., Any]:
        @functools.wraps(function)
        def measured(*given: Any, **named: Any) -> Any:
            with self.measuring(name):
                return function(*given, **named)

        return measured

    @contextmanager
    def measuring(self, name: str) -> Iterator[None]:
        start, asleep = time.perf_counter(), self.asleep
        try:
            yield
        finally:
            self.seconds[name] += time.perf_counter() - start - (self.asleep - asleep)
            self.calls[name] += 1

    def count_sleep(self) -> None:
        """Count what is slept from now on; before anything has imported ``time.sleep``."""
        sleep = time.sleep

        def counted(seconds: float) -> None:
            sleep(seconds)
            self.asleep += seconds

        time.sleep = counted

    def busy(self) -> dict[str, float]:
        """Return the wall seconds since the start, without those slept, and the CPU seconds."""
        wall = time.perf_counter() - self._started - self.asleep
        return {"wall_seconds": wall, "cpu_seconds": cpu_seconds() - self._cpu}


def cpu_seconds() -> float:
    """Return what this process and its living and dead children have used."""
    return sum(_cpu_of(process) for process in [os.getpid(), *children(os.getpid())])


def _cpu_of(process: int) -> float:
    fields = _stat(process)
    return sum(int(value) for value in fields[11:15]) / TICKS if fields else 0.0  # utime, stime, cutime, cstime


def children(process: int) -> list[int]:
    """Return the living children of a process, children of children included."""
    found: list[int] = []
    for task in Path(f"/proc/{process}/task").glob("*/children"):
        try:
            direct = [int(number) for number in task.read_text().split()]
        except OSError:
            continue  # the thread has ended
        for child in direct:
            found += [child, *children(child)]
    return found


def usage(process: int) -> dict[str, float]:
    """Return a process's resident memory (MiB), open handles, threads and children; nothing where it has ended."""
    try:
        resident = int(Path(f"/proc/{process}/statm").read_text().split()[1]) * PAGE / MEBIBYTE
        handles = len(list(Path(f"/proc/{process}/fd").iterdir()))
    except OSError:
        return {}
    return {
        "rss_mib": round(resident, 1),
        "handles": handles,
        "threads": len(list(Path(f"/proc/{process}/task").iterdir())),
        "children": len(children(process)),
    }


def _stat(process: int) -> list[str]:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def slope(values: list[float]) -> float:
    """Return the least-squares growth from one value to the next."""
    if len(values) < 2:
        return 0.0
    middle = (len(values) - 1) / 2
    mean = sum(values) / len(values)
    above = sum((i - middle) * (value - mean) for i, value in enumerate(values))
    return above / sum((i - middle) ** 2 for i in range(len(values)))
