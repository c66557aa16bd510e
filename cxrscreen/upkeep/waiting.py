"""What waits in the intake, for how long, and why."""

from __future__ import annotations

import os
import time
from pathlib import Path

from cxrscreen.reporting.page_parts import printable
from cxrscreen.screening.intake import look
from cxrscreen.upkeep.ledger_view import LedgerView
from cxrscreen.upkeep.state import Waiting, WaitingFile

LONGEST = 20  # files that are named
NEVER_SEEN = "no batch has taken it up yet"


def waiting_files(intake: Path, view: LedgerView | None, *, hours: float) -> Waiting:
    """Look at the intake.

    How long a file has lain there is told by the time of its last change of any kind (``ctime``), which a sender
    cannot set; the time of its content may be years old on arrival.

    Args:
        intake: The folder.
        view: Knows why a file waits; ``None`` where the ledger cannot be read.
        hours: A file that waits for longer needs a person.

    Raises:
        WorkspaceError: The intake is not there or cannot be read.
        LedgerError: The ledger cannot be read.
    """
    now = time.time()
    ages = sorted(((_age(s.path, now), s.name, s.fault) for s in look(intake)), reverse=True)
    # The ledger knows a folder by its real path.
    folder = Path(os.path.realpath(intake))
    return Waiting(
        files=len(ages),
        oldest_seconds=ages[0][0] if ages else None,
        too_long=sum(age > 3600 * hours for age, _, _ in ages),
        longest=tuple(
            WaitingFile(file=printable(name), seconds=age, cause=fault or _cause(view, folder, name))
            for age, name, fault in ages[:LONGEST]
        ),
    )


def _age(path: Path, now: float) -> float:
    try:
        return max(0.0, round(now - path.lstat().st_ctime, 1))
    except OSError:  # it has just been taken up
        return 0.0


def _cause(view: LedgerView | None, folder: Path, name: str) -> str:
    row = None if view is None else view.last_row(folder, name)
    if row is None or row.outcome not in ("pending", "failed"):
        return NEVER_SEEN
    return f"the software failed: {row.detail}" if row.outcome == "failed" else row.detail
