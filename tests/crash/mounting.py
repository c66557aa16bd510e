"""A file system of its own for a test, where the machine allows it."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def mounted(folder: Path, *options: str) -> Iterator[Path]:
    """Mount over ``folder``, e.g. ``-t tmpfs -o size=4m none`` or ``--bind /elsewhere``; skips where not allowed."""
    mount, umount = shutil.which("mount"), shutil.which("umount")
    if mount is None or umount is None:
        pytest.skip("nothing can be mounted here")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    answer = subprocess.run([mount, *options, str(folder)], capture_output=True, text=True, check=False)
    if answer.returncode != 0:
        pytest.skip(f"nothing may be mounted here: {answer.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run([umount, "--lazy", str(folder)], check=True)
