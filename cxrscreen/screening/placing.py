"""Where a file goes when its outcome is known: the archive or the quarantine, with a record of it."""

from __future__ import annotations

import errno
import logging
import os
from dataclasses import replace
from pathlib import PurePosixPath

from cxrscreen.durable import make_folder
from cxrscreen.errors import WorkspaceError
from cxrscreen.reporting.words import Words
from cxrscreen.screening.ledger import Ledger
from cxrscreen.screening.moving import GoneError, bring
from cxrscreen.screening.outcomes import BatchRecord, FileRecord
from cxrscreen.screening.records import REASON_FILE, write_batch_record, write_file_record
from cxrscreen.workspace import Workspace

log = logging.getLogger(__name__)

_LONGEST_NAME = 2000  # bytes of a place below the workspace; the system's bound for a whole path is 4096
_NO_PLACE = {errno.EEXIST, errno.ENAMETOOLONG, errno.ENOTDIR, errno.EISDIR, errno.EILSEQ, errno.EINVAL}


def archive_path(batch: BatchRecord, name: str) -> str:
    """Return where a screened file goes, relative to the workspace: by date, batch, and its place in the intake."""
    return str(PurePosixPath("archive", batch.started_at[:10], batch.batch_id, name))


def quarantine_path(batch: BatchRecord, name: str) -> str:
    """Return where a refused file goes: a folder of its own, so that its ``reason.json`` lies beside it."""
    place = PurePosixPath(name)
    kept_name = f"_{place.name}" if place.name == REASON_FILE else place.name
    return str(PurePosixPath("quarantine", batch.started_at[:10], batch.batch_id, place, kept_name))


def place_files(workspace: Workspace, ledger: Ledger, batch: BatchRecord, words: Words) -> None:
    """Bring every file of the batch that has an outcome to its destination.

    The outcome stands in the ledger before the file moves. A file that cannot be moved now (no right, no room, no
    archive where it was) stays where it is and is tried again by later runs. Called again after a crash, or by two
    runs at once, it finishes the rest.

    Args:
        workspace: Where archive and quarantine are.
        ledger: Tells what is left to place.
        batch: The batch.
        words: Say what each reason means and what to do.
    """
    for file in ledger.unplaced(batch.batch_id):
        if batch.finished_at is None:
            ledger.renew_lease(batch.batch_id)
        try:
            workspace.check_in_place()
            write_batch_record(workspace, batch)
            _place(workspace, ledger, batch, file, words)
        except OSError as exc:
            log.warning("file %d of batch %s cannot be moved: %s", file.file_id, batch.batch_id, exc.strerror)
        except WorkspaceError as exc:
            log.warning("the files of batch %s cannot be moved: %s", batch.batch_id, exc)
            return


def _place(workspace: Workspace, ledger: Ledger, batch: BatchRecord, file: FileRecord, words: Words) -> None:
    try:
        file = _brought(workspace, ledger, batch, file)
    except GoneError as gone:
        now = ledger.file(file.file_id)
        if not now.placed and now.destination == file.destination:  # else another run has brought it
            ledger.mark_gone(file.file_id, str(gone))
        return
    write_file_record(workspace, batch, file, words)
    ledger.mark_placed(file.file_id)


def _brought(workspace: Workspace, ledger: Ledger, batch: BatchRecord, file: FileRecord) -> FileRecord:
    """Bring a file to its destination, or to a short one where it cannot have that name; return it as it is now."""
    if len(os.fsencode(file.destination or "")) > _LONGEST_NAME:
        file = _redirected(ledger, batch, file)
    try:
        _bring(workspace, batch, file)
    except OSError as exc:
        if exc.errno not in _NO_PLACE or file.destination == _short_path(batch, file):
            raise
        file = _redirected(ledger, batch, file)
        _bring(workspace, batch, file)
    return file


def _redirected(ledger: Ledger, batch: BatchRecord, file: FileRecord) -> FileRecord:
    short = _short_path(batch, file)
    ledger.redirect(file.file_id, short)  # before it moves
    return replace(file, destination=short)


def _short_path(batch: BatchRecord, file: FileRecord) -> str:
    """Return a place with a name of our own; the file's own one stands in its record."""
    top = PurePosixPath(file.destination or "").parts[0]
    folder = PurePosixPath(top, batch.started_at[:10], f"{batch.batch_id}.short")
    return str(folder / str(file.file_id) / "file" if top == "quarantine" else folder / str(file.file_id))


def _bring(workspace: Workspace, batch: BatchRecord, file: FileRecord) -> None:
    destination = workspace.root / (file.destination or "")
    make_folder(destination.parent)
    bring(batch.folder, file.name, destination, sha256=file.sha256, keep_source=batch.keeps_source)
