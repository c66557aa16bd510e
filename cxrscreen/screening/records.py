"""What is recorded beside archived and quarantined files; enough to write the ledger anew.

Names that are no valid text keep their bytes: JSON escapes the surrogates that stand for them, and ``os.fsencode``
makes bytes of what is read back.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields
from datetime import datetime
from pathlib import Path

from cxrscreen.durable import make_folder, write_file
from cxrscreen.radiograph.refusal import Reason
from cxrscreen.reporting.words import Words
from cxrscreen.screening.outcomes import BatchRecord, FileRecord, Outcome
from cxrscreen.workspace import Workspace

RECORD_VERSION = 3
REASON_FILE = "reason.json"
BATCH_FILE = "batch.json"


def records_folder(workspace: Workspace, batch: BatchRecord) -> Path:
    """Return the folder, beside the batch's archived files, that holds their records and the batch's own."""
    return workspace.archive / batch.started_at[:10] / f"{batch.batch_id}.records"


def write_batch_record(workspace: Workspace, batch: BatchRecord) -> None:
    """Record what must stay the same for the whole batch, unless it is recorded already.

    Raises:
        OSError: It cannot be written.
    """
    path = records_folder(workspace, batch) / BATCH_FILE
    if path.exists():
        return
    told = {field.name: getattr(batch, field.name) for field in fields(batch)}
    del told["batch_id"], told["finished_at"]
    told |= {"folder": str(batch.folder), "card": batch.card.model_dump(mode="json")}
    _write(path, {"record_version": RECORD_VERSION, "batch": batch.batch_id} | told)


def write_file_record(workspace: Workspace, batch: BatchRecord, file: FileRecord, words: Words) -> None:
    """Record a file that lies at its destination: beside it in the quarantine, beside its batch in the archive.

    Raises:
        OSError: It cannot be written.
    """
    record: dict[str, object] = {
        "record_version": RECORD_VERSION,
        "file": file.name,
        "file_id": file.file_id,
        "batch": file.batch_id,
        "study": file.study_key,
        "sha256": file.sha256,
        "outcome": file.outcome,
        "reason": file.reason,
        "detail": file.detail,
        "score": file.score,
        "positive": file.positive,
        "report": file.report,
        "finding": file.finding,
        "strangeness": file.strangeness,
        "lung_share": file.lung_share,
        "review": list(file.review),
        "destination": file.destination,
        "placed_at": datetime.now().astimezone().isoformat(timespec="seconds"),
    }
    if file.outcome in (Outcome.REFUSED, Outcome.FAILED):
        title, what_to_do = words.failure() if file.outcome is Outcome.FAILED else words.reason(Reason(file.reason))
        path = (workspace.root / (file.destination or "")).with_name(REASON_FILE)
        _write(path, record | {"title": title, "what_to_do": what_to_do})
    else:
        _write(records_folder(workspace, batch) / f"{file.file_id}.json", record)


def _write(path: Path, record: Mapping[str, object]) -> None:
    make_folder(path.parent)
    write_file(path, json.dumps(record, indent=2).encode())
