"""Locks between processes; the system frees those of a process that dies, whatever killed it."""

from __future__ import annotations

import fcntl
import os
import time
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cxrscreen.errors import LedgerError, WorkspaceError

PATIENCE_SECONDS = 1.0  # whoever only asks whether a lock is held has it for a moment (``cxrscreen status``)


@contextmanager
def one_at_a_time(file: Path) -> Iterator[None]:
    """Wait until nobody else is in here; the folder is made where it is missing.

    Raises:
        WorkspaceError: The file cannot be made.
    """
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(file, os.O_CREAT | os.O_RDWR, 0o600)
    except OSError as exc:
        raise WorkspaceError(
            f"The folder {file.parent.name} of the workspace cannot be used: {exc.strerror}. Give its owner the right "
            "to write there, and remove what is in its place."
        ) from exc
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


class Hold:
    """A file that nobody else may hold, until ``let_go`` is called, the object is forgotten, or the process ends.

    Raises:
        BlockingIOError: Somebody holds it.
        OSError: It cannot be made.
    """

    def __init__(self, file: Path) -> None:
        handle = os.open(file, os.O_CREAT | os.O_RDWR, 0o600)
        self.let_go = weakref.finalize(self, os.close, handle)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self.let_go()
            raise


@contextmanager
def hold(file: Path, words: str) -> Iterator[None]:
    """Hold a file alone, after a moment's patience.

    Raises:
        LedgerError: Another process holds it: ``words``.
        OSError: It cannot be made.
    """
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            held = Hold(file)
        except BlockingIOError as exc:
            if time.monotonic() > deadline:
                raise LedgerError(words) from exc
            time.sleep(0.05)
        else:
            break
    try:
        yield
    finally:
        held.let_go()


def is_held(file: Path) -> bool:
    """Return whether a living process holds a file alone; to ask makes none."""
    try:
        handle = os.open(file, os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False  # a file system without locks: nobody can hold anything
    else:
        return False
    finally:
        os.close(handle)
