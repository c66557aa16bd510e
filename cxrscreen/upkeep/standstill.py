"""A workspace at a standstill: nobody else has its ledger open while it is taken apart."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from cxrscreen.errors import LedgerError
from cxrscreen.workspace import Workspace

PATIENCE_SECONDS = 1.0  # whoever only asks whether a lock is held has it for a moment (``cxrscreen status``)


@contextmanager
def standstill(workspace: Workspace) -> Iterator[None]:
    """Keep every other process away from the workspace; the system lifts this with the process, however it ends.

    Whoever has the old ledger open would go on writing into it after it was set aside: so it is not enough that no
    batch is under way.

    Raises:
        LedgerError: ``serve``, ``watch`` or any other process has the workspace open.
    """
    open_elsewhere = (
        (workspace.serve_lock, "cxrscreen serve serves this workspace. Stop it first."),
        (
            workspace.ledger_lock,
            "Another process has the ledger open. Stop what runs (screen, watch, a flow run) first.",
        ),
    )
    with ExitStack() as held:
        for path, words in open_elsewhere:
            held.enter_context(hold(path, words))
        yield


@contextmanager
def hold(path: Path, words: str) -> Iterator[None]:
    """Hold a lock alone; the system drops it with the process, however that ends.

    Raises:
        LedgerError: Another process holds it: ``words``.
    """
    handle = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
    try:
        _lock(handle, words)
        yield
    finally:
        os.close(handle)


def is_held(path: Path) -> bool:
    """Return whether a living process holds a lock alone."""
    try:
        handle = os.open(path, os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    else:
        return False
    finally:
        os.close(handle)


def _lock(handle: int, words: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as exc:
            if time.monotonic() > deadline:
                raise LedgerError(words) from exc
            time.sleep(0.05)
        else:
            return
