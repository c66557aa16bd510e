"""Which process holds something, and whether it still lives."""

from __future__ import annotations

import hashlib
import os
import platform
import re
from functools import lru_cache
from pathlib import Path

_STATE_FIELD, _STARTED_FIELD = 3, 22  # of /proc/PID/stat (proc(5)); the start in clock ticks since the machine's
_ENDED = ("Z", "X")  # it has ended, and waits at most for its parent to ask


def this_process() -> str:
    """Return a name for this process that no other one bears, here since the machine's start or elsewhere.

    Letters, digits and ``.-:/`` alone: ``NODE:DIGEST/PROCESS/START``, where the digest is of machine and container.
    """
    return f"{_machine()}/{os.getpid()}/{_started_at(os.getpid())}"


def is_here(owner: str) -> bool:
    """Return whether the process is, or was, one of this machine since its start."""
    return owner.partition("/")[0] == _machine()


def is_dead(owner: str) -> bool:
    """Return true where the process is known to be gone; of another machine's processes nothing is known."""
    _, _, process = owner.partition("/")
    number, _, started_at = process.partition("/")
    if not is_here(owner) or not number.isdecimal():
        return False
    try:
        os.kill(int(number), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        pass  # another person's
    return _started_at(int(number)) != started_at  # it has ended, or another process has been given the number since


@lru_cache(maxsize=1)
def _machine() -> str:
    """Return a name of the machine since its start, and of the container: both may share their process numbers."""
    boot = Path("/proc/sys/kernel/random/boot_id")
    since_start = boot.read_text().strip() if boot.exists() else ""
    numbers = Path("/proc/self/ns/pid")
    container = str(numbers.readlink()) if numbers.is_symlink() else ""
    digest = hashlib.sha256(f"{platform.node()} {since_start} {container}".encode()).hexdigest()
    return f"{re.sub(r'[^A-Za-z0-9.-]', '-', platform.node())}:{digest[:12]}"


def _started_at(process: int) -> str:
    """Return when a process was started; "" where the system does not say, "ended" for one that nobody waited for."""
    try:
        stat = Path(f"/proc/{process}/stat").read_text()
    except OSError:
        return ""
    after_name = stat.rpartition(")")[2].split()  # the name, field 2, may hold blanks and brackets
    return "ended" if after_name[_STATE_FIELD - 3] in _ENDED else after_name[_STARTED_FIELD - 3]
