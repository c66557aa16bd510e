"""A workspace at a standstill: nobody else has its ledger open while it is taken apart."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from cxrscreen.locks import hold
from cxrscreen.workspace import Workspace


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
