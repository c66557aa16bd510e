"""The ledger's rows, put together again from what can still be read of it and from what lies in the folders.

For each file the strongest witness counts: the record beside it, then the old ledger's row, then the reports.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass, fields
from datetime import datetime
from itertools import count
from pathlib import Path, PurePosixPath

from cxrscreen.classifier.card import ModelCard
from cxrscreen.classifier.operating_point import Finding
from cxrscreen.screening import schema
from cxrscreen.screening.ledger import Ledger
from cxrscreen.screening.moving import content_hash
from cxrscreen.screening.opening import holds_anything
from cxrscreen.screening.outcomes import TOLD_BY_REPORT, BatchRecord, Outcome
from cxrscreen.screening.placing import archive_path, quarantine_path
from cxrscreen.upkeep.evidence import Evidence, Place
from cxrscreen.upkeep.plausible import Row
from cxrscreen.upkeep.salvage import Salvage
from cxrscreen.workspace import Workspace

RECOVERED = "recovered"  # stands where the owner of a batch is unknown: the next run takes it over
GONE = "neither in archive and quarantine nor in the intake when the ledger was rebuilt"
UNTOLD = "lies here, but nothing tells what came of it"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rebuilt:
    """Rows for a new ledger, and what no witness could tell, in sentences without names of files."""

    batches: tuple[Row, ...]
    files: tuple[Row, ...]
    lost: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What a rebuilding needs to know beside the rows.

    Attributes:
        workspace: Where reports, archive and quarantine lie now.
        intake: Where the intake will be when the new ledger is used.
        card: The model to name for a batch of which nothing tells its own.
        language: Of such a batch.
        explanation: Likewise.
    """

    workspace: Workspace
    intake: Path
    card: Callable[[], ModelCard]
    language: str
    explanation: str


def rebuild(around: Surroundings, salvaged: Salvage, evidence: Evidence) -> Rebuilt:
    """Return one row for each batch and file that any witness tells of."""
    lost: list[str] = []
    files = _merged(salvaged, evidence)
    batches = _batches(around, salvaged, evidence, {batch_id for batch_id, _ in files}, lost)
    _forget_earlier_waits(batches, files, salvaged)
    for place, row in files.items():
        _give_destination(batches[place[0]], row)
    _add_strays(around, batches, files, evidence, lost)
    gone = sum(not _settled(around, batches[batch_id], row, evidence) for (batch_id, _), row in files.items())
    if gone:
        lost.append(f"{gone} files lie nowhere any more; their outcomes are kept.")
    if salvaged.implausible:
        lost.append(f"{salvaged.implausible} rows of the old ledger cannot be true: they do not count.")
    if evidence.unreadable:
        lost.append(f"{evidence.unreadable} records and reports could not be read.")
    ordered = sorted(files.values(), key=lambda row: (batches[row["batch_id"]]["started_at"], row.get("file_id") or 0))
    _number(ordered)
    _report_each_content_once(ordered)
    _complete_duplicates(ordered)
    hashless = sum(not row["sha256"] and row["outcome"] == Outcome.FAILED for row in ordered)
    if hashless and not salvaged.sound:
        lost.append(f"{hashless} failed files are known by name only: their attempts are counted anew.")
    return Rebuilt(batches=tuple(batches.values()), files=tuple(ordered), lost=tuple(lost))


def write_ledger(path: Path, rebuilt: Rebuilt) -> None:
    """Write a new ledger with these rows; columns that a row does not have take their defaults.

    Raises:
        LedgerError: The disk is full.
        sqlite3.Error: Likewise, or the rows contradict each other.
    """
    Ledger(path).close()
    with closing(sqlite3.connect(path)) as db, db:
        for row in rebuilt.batches:
            _insert(db, "batch", row | {"folder": os.fsencode(row["folder"])})
        for row in rebuilt.files:
            stored = {name: schema.stored(row[name]) for name in ("name", "destination") if row.get(name) is not None}
            _insert(db, "file", row | stored)


def _insert(db: sqlite3.Connection, table: str, row: Row) -> None:
    known = {column[1] for column in db.execute(f"PRAGMA table_info({table})")}
    columns = [name for name in row if name in known]
    places = ", ".join(f":{name}" for name in columns)
    db.execute(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({places})", row)  # noqa: S608  # the schema's names


def _merged(salvaged: Salvage, evidence: Evidence) -> dict[Place, Row]:
    files = {place: dict(row) for place, row in evidence.told.items()}
    recorded = {row["destination"]: place for place, row in evidence.placed.items()}
    for row in salvaged.files:
        place = row["batch_id"], row["name"]
        if recorded.get(row["destination"], place) != place:
            continue  # the record beside that file names another one: a changed letter that SQLite cannot notice
        told = files.get(place, {})
        same_content = told.get("sha256", row["sha256"]) == row["sha256"]
        # What was written in the moment before the end, and not entered any more, counts all the same.
        unheard = row["outcome"] is None or told.get("outcome") == row["outcome"] == Outcome.REPORTED
        files[place] = row | (told if same_content and unheard else {})
        if row["outcome"] is None:
            del files[place]["destination"]  # none was given yet
    for place, row in evidence.placed.items():
        files[place] = files.get(place, {}) | row
    defaults: Row = {"sha256": "", "study_key": "", "reason": "", "detail": ""}
    for place, row in files.items():
        files[place] = defaults | dict.fromkeys(TOLD_BY_REPORT) | {"review": "", "placed": 0} | row
        if row.get("finding") is None and row.get("positive") is not None:  # of before there was a third finding
            files[place]["finding"] = str(Finding.POSITIVE if row["positive"] else Finding.NEGATIVE)
    return files


def _forget_earlier_waits(batches: dict[str, Row], files: dict[Place, Row], salvaged: Salvage) -> None:
    """Keep one row of a file that waited in batch after batch, as the ledger does: its own, or else the latest."""
    known = {(row["batch_id"], row["name"]) for row in salvaged.files}
    waited = [place for place, row in files.items() if row["outcome"] == Outcome.PENDING and not row["sha256"]]
    kept = set()
    order = {batch_id: number for number, batch_id in enumerate(batches)}  # by their start
    for place in sorted(waited, key=lambda place: (place in known, order[place[0]]), reverse=True):
        file = os.fsencode(batches[place[0]]["folder"]), place[1]
        if file in kept and place not in known:
            del files[place]
        kept.add(file)


def _batches(
    around: Surroundings, salvaged: Salvage, evidence: Evidence, named: Iterable[str], lost: list[str]
) -> dict[str, Row]:
    """Return a row for each batch, in the order of their start; one that the old ledger knows stays as it was."""
    old = {row["batch_id"]: row for row in salvaged.batches}
    indexed = {batch_id for batch_id, row in evidence.batches.items() if row.get("indexed")}
    unknown = 0
    batches = {}
    for batch_id in {*named, *indexed}:
        row: Row = {"batch_id": batch_id, "owner": RECOVERED, "lease_until": 0.0, "finished_at": None}
        row |= {"keeps_source": 0, "folder": around.intake, "started_at": _started_at(batch_id)}
        row |= {"language": around.language, "explanation": around.explanation}
        row |= evidence.batches.get(batch_id, {}) | old.get(batch_id, {})
        if "card" not in row:
            row["card"] = around.card().model_dump_json()
            unknown += 1
        if not row["keeps_source"]:
            row["folder"] = around.intake  # files are moved out of the workspace's own intake only
        if row["finished_at"] is None:
            row |= {"owner": RECOVERED, "lease_until": 0.0}
        batches[batch_id] = row
    if unknown:
        lost.append(f"Of {unknown} batches nothing tells which model screened them: the present one is named.")
    return dict(sorted(batches.items(), key=lambda item: (item[1]["started_at"], item[0])))


def _started_at(batch_id: str) -> str:
    """Return the time that a batch's name tells."""
    try:
        return datetime.strptime(batch_id.partition("-")[0], "%Y%m%dT%H%M%S").astimezone().isoformat()
    except ValueError:
        return datetime.fromtimestamp(0).astimezone().isoformat()


def _give_destination(batch: Row, row: Row) -> None:
    """Name the place where a file goes that only a report tells of, as the run that screened it would have."""
    if "destination" in row:
        return
    own = not batch["keeps_source"]
    if row["outcome"] == Outcome.REPORTED or (row["outcome"] == Outcome.DUPLICATE and own):
        row["destination"] = archive_path(_record_of(batch), row["name"])
    elif row["outcome"] == Outcome.REFUSED:
        row["destination"] = quarantine_path(_record_of(batch), row["name"])
    else:
        row["destination"] = None


def _record_of(batch: Row) -> BatchRecord:
    columns: Row = {column.name: batch.get(column.name) for column in fields(BatchRecord)}
    folder, card = Path(os.fsdecode(batch["folder"])), ModelCard.model_validate_json(batch["card"])
    return BatchRecord(**columns | {"folder": folder, "card": card})


def _add_strays(
    around: Surroundings, batches: dict[str, Row], files: dict[Place, Row], evidence: Evidence, lost: list[str]
) -> None:
    """Give each file that lies in archive or quarantine a row, also where no row leads to it."""
    by_destination = {row["destination"] for row in files.values()}
    reported = {row["sha256"]: row for row in files.values() if row["outcome"] == Outcome.REPORTED}
    refused = {row["sha256"]: row for row in files.values() if row["outcome"] == Outcome.REFUSED}
    untold = 0
    for destination in sorted(evidence.lying - by_destination):
        batch_id, name = _came_from(destination)
        if batch_id not in batches:
            untold += 1  # no batch of ours: a person put it there
            continue
        told = files.get((batch_id, name))
        sha256 = content_hash(around.workspace.root / destination, like=told["sha256"] if told else "")
        older = told or {"sha256": sha256}
        if older["sha256"] not in ("", sha256):
            untold += 1  # another file has come under its name; it is left as it lies
            continue
        row: Row = older | {"batch_id": batch_id, "name": name, "sha256": sha256, "destination": destination}
        if destination.startswith("archive/") and sha256 in reported:
            known = reported[sha256]
            row |= {"outcome": Outcome.DUPLICATE} | {c: known[c] for c in (*TOLD_BY_REPORT, "study_key")}
        elif destination.startswith("quarantine/") and sha256 in refused:
            row |= {"outcome": Outcome.REFUSED} | {c: refused[sha256][c] for c in ("reason", "detail")}
        else:
            untold += 1
            row |= {"outcome": Outcome.FAILED, "reason": "failed", "detail": UNTOLD, "placed": 1}
        defaults: Row = {"study_key": "", "reason": "", "detail": "", "placed": 0}
        files[batch_id, name] = defaults | dict.fromkeys(TOLD_BY_REPORT) | {"review": ""} | row
    if untold:
        lost.append(f"{untold} files lie in archive or quarantine, but nothing tells what came of them: look at them.")


def _came_from(destination: str) -> tuple[str, str]:
    """Return the batch of a file by the place where it lies, and its name there."""
    top, _, batch, *rest = (*PurePosixPath(destination).parts, "")
    kept = [part for part in rest if part]
    name = PurePosixPath(*(kept if top == "archive" else kept[:-1] or kept))
    return batch.removesuffix(".short"), str(name)


def _settled(around: Surroundings, batch: Row, row: Row, evidence: Evidence) -> bool:
    """Say whether a file lies where it was to go, as far as can be seen; return false where it lies nowhere."""
    destination = row["destination"]
    if destination is None:
        row["placed"] = 0
        return True
    if destination in evidence.lying:
        row["placed"] = int(bool(row["placed"]) or (row["batch_id"], row["name"]) in evidence.placed)
        return True
    was_placed, row["placed"] = row["placed"], 0
    folder = around.workspace.intake if not batch["keeps_source"] else Path(os.fsdecode(batch["folder"]))
    source = folder / row["name"]
    try:
        known_by = content_hash(source, like=row["sha256"]) if source.is_file() and not source.is_symlink() else None
        # Of a folder whose disk may be away nobody knows what it holds; the next run will tell.
        still_there = known_by == row["sha256"] or not (was_placed or holds_anything(folder))
    except OSError:
        still_there = True  # placing will tell
    if still_there:
        return True
    row |= {"destination": None, "detail": row["detail"] or GONE}
    return False


def _number(files: list[Row]) -> None:
    """Let each row keep its number, which names its record; give a new one where that is unknown or taken."""
    taken: set[int] = set()
    for row in files:
        if row.get("file_id") in taken:
            row["file_id"] = None
        elif row.get("file_id"):
            taken.add(row["file_id"])
    free = count(max(taken, default=0) + 1)
    for row in files:
        row["file_id"] = row.get("file_id") or next(free)


def _report_each_content_once(files: list[Row]) -> None:
    """Keep the first report of a content, and make later ones duplicates of it, as the ledger does."""
    first: dict[str, Row] = {}
    for row in files:
        if row["outcome"] == Outcome.REPORTED and first.setdefault(row["sha256"], row) is not row:
            known = {name: first[row["sha256"]][name] for name in TOLD_BY_REPORT}
            row.update(known, outcome=Outcome.DUPLICATE)


def _complete_duplicates(files: list[Row]) -> None:
    """Tell a duplicate of which only the report is known by it, where that is the report of one content."""
    by_report: dict[str, list[Row]] = {}
    for row in files:
        if row["outcome"] == Outcome.REPORTED:
            by_report.setdefault(row["report"], []).append(row)
    for row in files:
        originals = by_report.get(row["report"] or "", ())
        if row["outcome"] == Outcome.DUPLICATE and not row["sha256"] and len(originals) == 1:
            row.update((name, originals[0][name]) for name in ("sha256", "study_key", *TOLD_BY_REPORT))
