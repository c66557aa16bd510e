"""Which process holds something, and whether it still lives."""

from __future__ import annotations

import os
import platform
from functools import lru_cache
from pathlib import Path

_STARTED_FIELD = 22  # of /proc/PID/stat, clock ticks since the machine's start (proc(5))


def this_process() -> str:
    """Return a name for this process that no other one bears, here since the machine's start or elsewhere."""
    return f"{_machine()}/{os.getpid()}/{_started_at(os.getpid())}"


def is_dead(owner: str) -> bool:
    """Return true where the process is known to be gone; of another machine's processes nothing is known."""
    machine, _, process = owner.partition("/")
    if machine != _machine():
        return False
    number, _, started_at = process.partition("/")
    try:
        os.kill(int(number), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return _started_at(int(number)) != started_at  # else another process has been given the number since


@lru_cache(maxsize=1)
def _machine() -> str:
    """Return a name of the machine since its start, and of the container: both may share their process numbers."""
    boot = Path("/proc/sys/kernel/random/boot_id")
    since_start = boot.read_text().strip() if boot.exists() else ""
    numbers = Path("/proc/self/ns/pid")
    container = str(numbers.readlink()) if numbers.is_symlink() else ""
    return f"{platform.node()}:{since_start}:{container}"


def _started_at(process: int) -> str:
    """Return when a process was started; "" where the system does not say."""
    try:
        stat = Path(f"/proc/{process}/stat").read_text()
    except OSError:
        return ""
    return stat.rpartition(")")[2].split()[_STARTED_FIELD - 3]  # the name, field 2, may hold blanks and brackets
