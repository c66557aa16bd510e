"""A new key behind the pseudonyms."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from cxrscreen.durable import write_file
from cxrscreen.errors import WorkspaceError
from cxrscreen.screening.marking import mark_intake, marked_under
from cxrscreen.upkeep.standstill import standstill
from cxrscreen.workspace import Workspace, batches_in, write_new_key


def rotate_key(workspace: Workspace) -> Path | None:
    """Give the workspace a new key; the former one is set aside.

    Reports written from now on call the same patients and studies by other pseudonyms; those written before keep
    theirs. Copies are still recognised: by their content. A change whose last step failed, the mark in the intake, is
    finished and not made again.

    Returns:
        Where the former key lies; ``None`` where there was none any more.

    Raises:
        LedgerError: A run or ``serve`` has the workspace open.
        WorkspaceError: A batch is unfinished, the intake is another workspace's, or a file cannot be written; the
            words say which key counts.
    """
    try:
        with standstill(workspace):
            if batches_in(workspace.ledger, unfinished=True):
                raise WorkspaceError(
                    "A batch is unfinished, and its studies have pseudonyms under the present key. Run "
                    "`cxrscreen screen` once, then change the key."
                )
            under = marked_under(workspace)  # a foreign intake is refused while nothing has been changed
            kept = workspace.key.exists()
            aside = under if kept and under != workspace.key else None
            if aside is None:
                aside = _set_aside(workspace.key) if kept else None
                write_new_key(workspace.key, replace=kept)
            _mark_anew(workspace)
    except OSError as exc:
        raise WorkspaceError(f"The key cannot be changed: {exc.strerror}. The former one counts.") from exc
    return aside


def _set_aside(key: Path) -> Path:
    aside = key.with_name(f"{key.name}.until-{datetime.now().astimezone():%Y-%m-%dT%H%M%S}")
    write_file(aside, key.read_bytes())
    return aside


def _mark_anew(workspace: Workspace) -> None:
    try:
        mark_intake(workspace)
    except WorkspaceError as exc:
        raise WorkspaceError(
            f"The key is new: back it up. Only the mark in the intake is still that of the former one. {exc} Then call "
            "rotate-key again: it does not change the key once more."
        ) from exc
