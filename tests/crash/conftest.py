"""One helper process for all tests here, and disks to break."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.crash.forked import ForkServer


@pytest.fixture(scope="session")
def helper() -> Iterator[ForkServer]:
    """Return a process that has imported everything and runs what it is told in forks of itself."""
    server = ForkServer()
    yield server
    server.close()


@pytest.fixture
def in_memory() -> Iterator[Path]:
    """Return a folder on another file system, which costs no time to flush."""
    memory = Path("/dev/shm")  # noqa: S108  # another file system is what is wanted
    if not memory.is_dir() or memory.stat().st_dev == Path(__file__).stat().st_dev:
        pytest.skip("there is no second file system here")
    folder = memory / f"cxrscreen-{os.getpid()}"
    folder.mkdir()
    yield folder
    shutil.rmtree(folder)
