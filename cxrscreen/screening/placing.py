"""Where a file goes when its outcome is known: the archive or the quarantine, with a record beside it."""

from __future__ import annotations

import json
from pathlib import Path, PurePosixPath

from cxrscreen.durable import move_file, write_file
from cxrscreen.radiograph.refusal import Reason
from cxrscreen.reporting.words import Words
from cxrscreen.screening.ledger import Ledger
from cxrscreen.screening.records import BatchRecord, FileRecord, Outcome
from cxrscreen.screening.workspace import Workspace

REASON_FILE = "reason.json"


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

    The outcome stands in the ledger before the file moves. Called again after a crash, it finishes the rest.

    Args:
        workspace: Where archive and quarantine are.
        ledger: Tells what is left to place.
        batch: The batch.
        words: Say what each reason means and what to do.
    """
    placed = []
    for file in ledger.unplaced(batch.batch_id):
        if file.destination is None:
            continue
        destination = workspace.root / file.destination
        destination.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_file(_record_path(destination, file), json.dumps(_record(file, words), indent=2).encode())
        move_file(batch.folder / file.name, destination, keep_source=batch.keeps_source)
        placed.append(file.file_id)
    ledger.mark_placed(placed)


def _record_path(destination: Path, file: FileRecord) -> Path:
    if file.outcome in (Outcome.REFUSED, Outcome.FAILED):
        return destination.with_name(REASON_FILE)
    return destination.with_name(f"{destination.name}.record.json")


def _record(file: FileRecord, words: Words) -> dict[str, object]:
    """Return what lies beside the file; enough to write the ledger anew."""
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
