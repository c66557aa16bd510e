"""A workspace at a standstill: nobody else has its ledger open while it is taken apart."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from cxrscreen.errors import LedgerError
from cxrscreen.workspace import Workspace

SERVE_LOCK = "serve.lock"


@contextmanager
def standstill(workspace: Workspace) -> Iterator[None]:
    """Keep every other process away from the workspace; the system lifts this with the process, however it ends.

    Whoever has the old ledger open would go on writing into it after it was set aside: so it is not enough that no
    batch is under way.

    Raises:
        LedgerError: ``serve``, ``watch`` or any other process has the workspace open.
    """
    open_elsewhere = (
        (workspace.root / SERVE_LOCK, "cxrscreen serve serves this workspace. Stop it first."),
        (
            workspace.ledger_lock,
            "Another process has the ledger open. Stop what runs (screen, watch, a flow run) first.",
        ),
    )
    with ExitStack() as held:
        for path, words in open_elsewhere:
            held.enter_context(_held(path, words))
        yield


@contextmanager
def _held(path: Path, words: str) -> Iterator[None]:
    handle = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as exc:
        raise LedgerError(words) from exc
    finally:
        os.close(handle)
