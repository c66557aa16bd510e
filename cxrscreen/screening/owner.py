"""Which process holds a batch, and whether it still lives."""

from __future__ import annotations

import os
import platform
from pathlib import Path


def this_process() -> str:
    """Return a name for this process that no other one bears, on this machine since its start or elsewhere."""
    return f"{_machine()}/{os.getpid()}"


def is_dead(owner: str) -> bool:
    """Return true where the process is known to be gone; of another machine's processes nothing is known."""
    machine, _, process = owner.rpartition("/")
    if machine != _machine():
        return False
    try:
        os.kill(int(process), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False


def _machine() -> str:
    boot = Path("/proc/sys/kernel/random/boot_id")
    return f"{platform.node()}:{boot.read_text().strip() if boot.exists() else ''}"
