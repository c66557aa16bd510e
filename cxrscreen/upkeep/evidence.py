"""What the folders say about every file: reports, records, and the files themselves."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from cxrscreen.classifier.card import ModelCard
from cxrscreen.screening import schema
from cxrscreen.screening.outcomes import Outcome
from cxrscreen.screening.records import BATCH_FILE, REASON_FILE
from cxrscreen.upkeep.below import below, folders
from cxrscreen.upkeep.plausible import Row, is_batch, is_file
from cxrscreen.workspace import Workspace

RECORDS = ".records"  # what the name of the folder beside an archived batch ends with
_OF_A_BATCH = ("folder", "keeps_source", "language", "explanation", "started_at", "meant")
_OF_A_FILE = ("score", "positive", "report", "reason", "detail", "destination", "tries", "file_id")
_LARGEST_BYTES = 2**26  # of a record or report: a batch of 200,000 files

Place = tuple[str, str]
"""Which file: its batch, and its name there."""


@dataclass(slots=True)
class Evidence:
    """What stands in the workspace beside the ledger.

    Attributes:
        batches: What is known of each batch, by columns of the ledger; ``indexed`` where its report is written.
        told: What the reports tell of a file.
        placed: What the record beside a file says.
        lying: The files in archive and quarantine, relative to the workspace, without our own records.
        unreadable: Records and reports that cannot be read.
    """

    batches: dict[str, Row] = field(default_factory=dict)
    told: dict[Place, Row] = field(default_factory=dict)
    placed: dict[Place, Row] = field(default_factory=dict)
    lying: set[str] = field(default_factory=set)
    unreadable: int = 0


def collect(workspace: Workspace) -> Evidence:
    """Read all reports and records, and list archive and quarantine.

    Raises:
        OSError: A folder cannot be listed.
    """
    evidence = Evidence()
    for folder in folders(workspace.reports):
        _read_reports(evidence, folder)
    for top in (workspace.archive, workspace.quarantine):
        for name in below(top).files:
            _read_placed(evidence, workspace, top, top / name)
    return evidence


def _read_reports(evidence: Evidence, folder: Path) -> None:
    """Read the reports of one batch. Once its index is written, only that tells which of its reports count."""
    batch_id = folder.name
    index = _load(evidence, folder / BATCH_FILE) if (folder / BATCH_FILE).is_file() else None
    counted: set[str] | None = None
    if index is not None:
        with _counting_faults(evidence):
            counted = {name for study in index.get("studies", ()) for name in study["files"]}
    if counted is None:
        index = None  # it cannot be read
    for study in folders(folder):
        record = _load(evidence, study / "report.json") if (study / "report.json").is_file() else None
        if record is not None and record.get("batch") == batch_id and "radiographs" in record:
            with _counting_faults(evidence):
                _tell(evidence, _study_rows(record), counted)
                own = {"started_at": record["screened_at"], "explanation": record["explanation"]}
                _know(evidence, batch_id, **own, **_card(record))
    if index is not None and index.get("batch") == batch_id:
        with _counting_faults(evidence):
            _tell(evidence, _index_rows(index), None)
            times = {name: index[name] for name in ("started_at", "finished_at")}
            _know(evidence, batch_id, indexed=True, **times, **_card(index))


def _study_rows(record: dict[str, Any]) -> Iterator[Row]:
    report = str(PurePosixPath("reports", record["batch"], record["study"]))
    shared = {"batch_id": record["batch"], "study_key": record["study"], "report": report}
    for radiograph in record["radiographs"]:
        yield shared | {
            "name": radiograph["file"],
            "sha256": radiograph["sha256"],
            "outcome": Outcome.REPORTED,
            "score": radiograph["score"],
            "positive": radiograph["positive"],
            **_latest(radiograph),
        }
    for refused in record["refused"]:
        yield shared | _refused(refused)


def _latest(record: dict[str, Any]) -> Row:
    """Return the columns that came with the third format, as far as a record has them."""
    told = {name: record[name] for name in schema.LATEST if name in record}
    if "review" in told:
        told["review"] = "\n".join(told["review"])
    return told


def _index_rows(index: dict[str, Any]) -> Iterator[Row]:
    """Return what the batch's index adds: the files that have no report of their own."""
    shared = {"batch_id": index["batch"]}
    for file in index["refused_files"]:
        yield shared | _refused(file)
    for file in index["duplicates"]:
        first = file["first_report"]
        report = None if first is None else str(PurePosixPath("reports", *PurePosixPath(first).parts[1:-1]))
        yield shared | {"name": file["file"], "outcome": Outcome.DUPLICATE, "report": report}
    for file in index["failed_files"]:
        yield shared | {"name": file["file"], "outcome": Outcome.FAILED, "reason": "failed", "detail": file["detail"]}
    for file in index["pending_files"]:
        yield shared | {"name": file["file"], "outcome": Outcome.PENDING, "detail": file["detail"]}


def _refused(file: dict[str, Any]) -> Row:
    row = {name: file[name] for name in ("reason", "detail")}
    return row | {"name": file["file"], "sha256": file["sha256"] or "", "outcome": Outcome.REFUSED}


def _tell(evidence: Evidence, rows: Iterator[Row], counted: set[str] | None) -> None:
    for row in map(_checked, rows):
        if row["outcome"] is Outcome.REPORTED and counted is not None and row["name"] not in counted:
            continue  # an attempt that was given up: the index was written later and does not list it
        place = row["batch_id"], row["name"]
        evidence.told[place] = evidence.told.get(place, {}) | row


def _checked(row: Row) -> Row:
    """Return a row of the table ``file``.

    Raises:
        ValueError: It cannot be true.
    """
    names = {column: schema.stored(row[column]) for column in ("name", "destination") if row.get(column) is not None}
    if not is_file(row | names):
        raise ValueError
    return row


def _read_placed(evidence: Evidence, workspace: Workspace, top: Path, path: Path) -> None:
    """Read one file below archive or quarantine, if it is a record of ours; else note that it lies there."""
    within = path.relative_to(top).parts
    destination = str(PurePosixPath(*path.relative_to(workspace.root).parts))
    if top == workspace.archive and len(within) == 3 and within[1].endswith(RECORDS):  # noqa: PLR2004  # date, batch, record
        if path.name == BATCH_FILE:
            _read_batch_record(evidence, path)
        elif path.suffix == ".json":
            _read_file_record(evidence, path, beside=None)
    elif top == workspace.quarantine and path.name == REASON_FILE:
        _read_file_record(evidence, path, beside=PurePosixPath(destination).parent)
    else:
        evidence.lying.add(destination)


def _read_batch_record(evidence: Evidence, path: Path) -> None:
    record = _load(evidence, path)
    if record is not None:
        with _counting_faults(evidence):
            told = {column: record[column] for column in _OF_A_BATCH if column in record}
            card = ModelCard.model_validate(record["card"]).model_dump_json()
            _know(evidence, record["batch"], **told | {"card": card})


def _read_file_record(evidence: Evidence, path: Path, *, beside: PurePosixPath | None) -> None:
    record = _load(evidence, path)
    if record is None:
        return
    with _counting_faults(evidence):
        row: Row = {
            "batch_id": record["batch"],
            "name": record["file"],
            "outcome": Outcome(record["outcome"]),
            "sha256": record["sha256"],
            "study_key": record["study"],
        }
        row |= {name: record[name] for name in _OF_A_FILE if name in record} | _latest(record)
        if beside is None:
            row.setdefault("file_id", int(path.stem))
            row.setdefault(
                "destination", str(PurePosixPath("archive", path.parts[-3], record["batch"], record["file"]))
            )
        elif "destination" not in row:  # before format 2 the record did not say: its file is the one beside it
            row["destination"] = _neighbour(path, beside)
        evidence.placed[row["batch_id"], row["name"]] = _checked(row)


def _neighbour(reason: Path, folder: PurePosixPath) -> str:
    (other,) = (entry.name for entry in reason.parent.iterdir() if entry.name != REASON_FILE and entry.is_file())
    return str(folder / other)


def _know(evidence: Evidence, batch_id: str, **columns: object) -> None:
    if not is_batch({"batch_id": batch_id} | columns):
        raise ValueError
    evidence.batches[batch_id] = evidence.batches.get(batch_id, {}) | columns


def _card(record: dict[str, Any]) -> dict[str, str]:
    with suppress(ValueError, KeyError, RecursionError):
        return {"card": ModelCard.model_validate(record["model"]).model_dump_json()}
    return {}  # of another format: the batch's record, if there is one, has it


@contextmanager
def _counting_faults(evidence: Evidence) -> Iterator[None]:
    """A record of another shape is counted and passed over; the others still tell."""
    try:
        yield
    except (LookupError, TypeError, ValueError, AttributeError, RecursionError):
        evidence.unreadable += 1


def _load(evidence: Evidence, path: Path) -> dict[str, Any] | None:
    try:
        record = json.loads(path.read_bytes()) if path.stat().st_size <= _LARGEST_BYTES else None
    except (OSError, ValueError, RecursionError):
        record = None
    if isinstance(record, dict):
        return record
    evidence.unreadable += 1
    return None
