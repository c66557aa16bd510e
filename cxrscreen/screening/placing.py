"""Where a file goes when its outcome is known: the archive or the quarantine, with a record of it."""

from __future__ import annotations

import hashlib
import json
import logging
from pathlib import Path, PurePosixPath

from cxrscreen.durable import move_file, write_file
from cxrscreen.radiograph.refusal import Reason
from cxrscreen.reporting.words import Words
from cxrscreen.screening.ledger import Ledger
from cxrscreen.screening.outcomes import BatchRecord, FileRecord, Outcome
from cxrscreen.workspace import Workspace

log = logging.getLogger(__name__)

REASON_FILE = "reason.json"


def archive_path(batch: BatchRecord, name: str) -> str:
    """Return where a screened file goes, relative to the workspace: by date, batch, and its place in the intake."""
    return str(PurePosixPath("archive", batch.started_at[:10], batch.batch_id, name))


def quarantine_path(batch: BatchRecord, name: str) -> str:
    """Return where a refused file goes: a folder of its own, so that its ``reason.json`` lies beside it."""
    place = PurePosixPath(name)
    kept_name = f"_{place.name}" if place.name == REASON_FILE else place.name
    return str(PurePosixPath("quarantine", batch.started_at[:10], batch.batch_id, place, kept_name))


def content_hash(path: Path) -> str:
    """Return the SHA-256 of a file's content, 64 hex digits, without holding all of it in memory."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def place_files(workspace: Workspace, ledger: Ledger, batch: BatchRecord, words: Words) -> None:
    """Bring every file of the batch that has an outcome to its destination.

    The outcome stands in the ledger before the file moves. A file that cannot be moved now (no right, no room)
    stays where it is and is tried again by later runs. Called again after a crash, it finishes the rest.

    Args:
        workspace: Where archive and quarantine are.
        ledger: Tells what is left to place.
        batch: The batch.
        words: Say what each reason means and what to do.
    """
    for file in ledger.unplaced(batch.batch_id):
        try:
            _place(workspace, ledger, batch, file, words)
        except OSError as exc:
            log.warning("file %d of batch %s cannot be moved: %s", file.file_id, batch.batch_id, exc.strerror)


def _place(workspace: Workspace, ledger: Ledger, batch: BatchRecord, file: FileRecord, words: Words) -> None:
    source, destination = batch.folder / file.name, workspace.root / (file.destination or "")
    destination.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not destination.exists():
        # What lies under that name now may be another file: only the content that was screened is moved.
        if not source.exists():
            ledger.mark_gone(file.file_id, "taken away before it could be moved")
            return
        if content_hash(source) != file.sha256:
            ledger.mark_gone(file.file_id, "replaced by other content before it could be moved")
            return
        move_file(source, destination, keep_source=batch.keeps_source)
    # Else a run that died has moved it already; what has come under the same name since is another arrival.
    record = _record_path(workspace, batch, file, destination)
    record.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_file(record, json.dumps(_record(file, words), indent=2).encode())
    ledger.mark_placed(file.file_id)


def _record_path(workspace: Workspace, batch: BatchRecord, file: FileRecord, destination: Path) -> Path:
    """Return the place of the record: beside a refused file; for archived ones in a folder beside the batch's."""
    if file.outcome in (Outcome.REFUSED, Outcome.FAILED):
        return destination.with_name(REASON_FILE)
    return workspace.archive / batch.started_at[:10] / f"{batch.batch_id}.records" / f"{file.file_id}.json"


def _record(file: FileRecord, words: Words) -> dict[str, object]:
    """Return what is recorded of a file; enough to write the ledger anew."""
    record: dict[str, object] = {
        "file": file.name,
        "outcome": file.outcome,
        "batch": file.batch_id,
        "study": file.study_key,
        "sha256": file.sha256,
    }
    if file.outcome in (Outcome.REPORTED, Outcome.DUPLICATE):
        return record | {"score": file.score, "report": file.report}
    title, what_to_do = words.failure() if file.outcome is Outcome.FAILED else words.reason(Reason(file.reason))
    return record | {"reason": file.reason, "title": title, "detail": file.detail, "what_to_do": what_to_do}
