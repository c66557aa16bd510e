"""The ledger as an onlooker reads it: nothing is made, migrated or repaired, on a full or read-only disk, too.

Status and digest must work when screening does not. So they ask the database directly, and a ledger that cannot be
read is a finding.
"""

from __future__ import annotations

import json
import os
import sqlite3
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote

from pydantic import ValidationError

from cxrscreen.classifier.card import ModelCard
from cxrscreen.errors import LedgerDamagedError, LedgerError
from cxrscreen.screening.database import is_damage
from cxrscreen.screening.ledger_queries import IS_OF, STUCK, is_held
from cxrscreen.screening.schema import stored

LOCK_WAIT_SECONDS = 5.0
DAMAGED = "The ledger is damaged. Stop what screens, keep the file, and run cxrscreen recover."

# Columns of a file; a ledger that no newer screening has opened lacks them.
_LATER = ("finding", "strangeness", "lung_share", "review")
_AS_BEGUN = "batch.rowid"  # in this order batches were entered, whatever the clock said
# The last failure of a content that nothing has come of since.
_OPEN_FAILURES = (
    "outcome = 'failed' AND NOT EXISTS (SELECT 1 FROM file AS later WHERE later.sha256 = file.sha256 "
    "AND later.file_id > file.file_id AND later.outcome IN ('reported', 'refused', 'duplicate', 'failed'))"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchLine:
    """A batch and how far it has come."""

    batch_id: str
    folder: Path
    model: str
    started_at: str
    finished_at: str | None
    alive: bool  # its run has been heard of lately
    stuck: bool  # the last run that took it over could not finish it
    claimed: int  # files
    done: int  # of those, with an outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class FileLine:
    """A file as the ledger has it; names and places as the system spells them."""

    file_id: int
    batch_id: str
    name: str
    sha256: str  # empty for a file that was never read
    study_key: str
    outcome: str | None
    reason: str
    detail: str
    score: float | None
    positive: int | None
    report: str | None
    destination: str | None
    placed: int
    finding: str | None
    strangeness: float | None  # how far from what the model was made from
    lung_share: float | None  # the activation map's energy inside the lungs, over their share of the area
    review: str | None  # why a person should look, beyond the finding


class LedgerView:
    """A ledger open for reading.

    Every method raises ``LedgerDamagedError`` where the database is damaged, and ``LedgerError`` where it cannot be
    read for another reason.
    """

    def __init__(self, path: Path) -> None:
        if not path.is_file():
            raise LedgerError(f"There is no ledger {path.name}: nothing was screened here, or the file is gone.")
        try:
            # Open for writing where that is allowed: SQLite must undo what a killed writer has left half-written.
            self._connection = sqlite3.connect(f"file:{quote(str(path))}?mode=rw", uri=True, timeout=LOCK_WAIT_SECONDS)
        except sqlite3.Error as exc:
            raise _in_words(exc) from exc
        self._connection.row_factory = sqlite3.Row
        self._intake = Path(os.path.realpath(path.with_name("intake")))
        self._rows("PRAGMA query_only = ON")
        known = {row["name"] for row in self._rows("PRAGMA table_info(file)")}
        self._later = ", ".join(column if column in known else f"NULL AS {column}" for column in _LATER)

    def __enter__(self) -> Self:
        """Return the view; it is closed at the end."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connection."""
        self._connection.close()

    def check(self) -> None:
        """Let SQLite look over every page.

        Raises:
            LedgerDamagedError: It found a fault, or the file holds no ledger.
        """
        if self._rows("PRAGMA quick_check(1)")[0][0] != "ok":
            raise LedgerDamagedError(DAMAGED)
        if not self._rows("SELECT 1 FROM sqlite_master WHERE name = 'batch'"):
            raise LedgerDamagedError("The ledger is empty. Run cxrscreen recover.")

    def batch_count(self) -> int:
        """Return how many batches there have been."""
        return int(self._rows("SELECT COUNT(*) FROM batch")[0][0])

    def counts(self, batch_id: str | None = None) -> dict[str, int]:
        """Return rows by outcome, of one batch or of all; those without one are not counted."""
        rows = self._rows(
            "SELECT outcome, COUNT(*) AS n FROM file WHERE outcome IS NOT NULL "
            "AND (:id IS NULL OR batch_id = :id) GROUP BY outcome",
            {"id": batch_id},
        )
        return {row["outcome"]: row["n"] for row in rows}

    def unfinished(self) -> list[BatchLine]:
        """Return the batches that somebody works on, or that a dead run has left, oldest first."""
        return self._batches("finished_at IS NULL ORDER BY started_at")

    def last_finished(self) -> BatchLine | None:
        """Return the finished batch that was begun last."""
        found = self._batches(f"finished_at IS NOT NULL ORDER BY {_AS_BEGUN} DESC LIMIT 1")
        return found[0] if found else None

    def finished(self, *, but: Collection[str] = ()) -> list[BatchLine]:
        """Return the finished batches but for some, in the order in which they were begun."""
        return self._batches(
            "finished_at IS NOT NULL AND batch_id NOT IN (SELECT value FROM json_each(:but)) "  # noqa: S608  # our own words
            f"ORDER BY {_AS_BEGUN}",
            {"but": json.dumps(list(but))},
        )

    def latest(self, most: int) -> list[BatchLine]:
        """Return the finished batches that were begun last, the last one first."""
        return self._batches(f"finished_at IS NOT NULL ORDER BY {_AS_BEGUN} DESC LIMIT :most", {"most": most})

    def card(self, batch_id: str) -> ModelCard | None:
        """Return the card of the model that screened a batch, or ``None`` where it is of another format."""
        (row,) = self._rows("SELECT card FROM batch WHERE batch_id = :id", {"id": batch_id})
        try:
            return ModelCard.model_validate_json(row["card"])
        except ValidationError:
            return None

    def batch_days(self) -> dict[str, str]:
        """Return the day that each batch's folders are filed under, and an empty one where it is unfinished."""
        rows = self._rows("SELECT batch_id, substr(started_at, 1, 10) AS day, finished_at FROM batch")
        return {row["batch_id"]: row["day"] if row["finished_at"] else "" for row in rows}

    def files(self, batch_id: str) -> list[FileLine]:
        """Return the files of a batch, by name."""
        return self._files("batch_id = :id ORDER BY name", {"id": batch_id})

    def open_failures(self) -> list[tuple[FileLine, Path]]:
        """Return the last failure of each content that nothing has come of since, and the folder it was found in."""
        folders = {
            row["batch_id"]: self._folder(row) for row in self._rows("SELECT batch_id, folder, keeps_source FROM batch")
        }
        files = self._files(f"{_OPEN_FAILURES} ORDER BY file_id", {})
        return [(file, folders[file.batch_id]) for file in files]

    def leftovers(self) -> int:
        """Return how many files of finished batches could not be brought to their destinations."""
        query = "SELECT COUNT(*) FROM file JOIN batch USING (batch_id) WHERE finished_at IS NOT NULL "
        return int(self._rows(query + "AND destination IS NOT NULL AND placed = 0")[0][0])

    def quarantined(self) -> int:
        """Return how many refused files lie in the quarantine."""
        query = "SELECT COUNT(*) FROM file WHERE outcome = 'refused' AND destination IS NOT NULL AND placed = 1"
        return int(self._rows(query)[0][0])

    def last_row(self, folder: Path, name: str) -> FileLine | None:
        """Return what the ledger wrote last about a name in a folder."""
        found = self._files(
            "file_id = (SELECT MAX(file_id) FROM file JOIN batch USING (batch_id) WHERE name = :name "  # noqa: S608  # our own words
            f"AND {IS_OF})",
            {"name": stored(name), "folder": os.fsencode(folder), "own": folder == self._intake},
        )
        return found[0] if found else None

    def _batches(self, condition: str, values: dict[str, Any] | None = None) -> list[BatchLine]:
        rows = self._rows(
            "SELECT batch_id, folder, keeps_source, json_extract(card, '$.version') AS model, started_at, "  # noqa: S608  # our own words
            "finished_at, owner, lease_until, "
            "(SELECT COUNT(*) FROM file WHERE file.batch_id = batch.batch_id AND sha256 != '') AS claimed, "
            "(SELECT COUNT(*) FROM file WHERE file.batch_id = batch.batch_id AND sha256 != '' "
            f"AND outcome IS NOT NULL) AS done FROM batch WHERE {condition}",
            values,
        )
        now = time.time()
        return [
            BatchLine(
                batch_id=row["batch_id"],
                folder=self._folder(row),
                model=row["model"],
                started_at=row["started_at"],
                finished_at=row["finished_at"],
                alive=is_held(row, now),
                stuck=row["lease_until"] == STUCK,
                claimed=row["claimed"],
                done=row["done"],
            )
            for row in rows
        ]

    def _folder(self, row: sqlite3.Row) -> Path:
        return Path(os.fsdecode(row["folder"])) if row["keeps_source"] else self._intake

    def _files(self, condition: str, values: dict[str, Any]) -> list[FileLine]:
        rows = self._rows(
            "SELECT file_id, batch_id, name, sha256, study_key, outcome, reason, detail, score, positive, report, "  # noqa: S608  # our own words
            f"destination, placed, {self._later} FROM file WHERE {condition}",
            values,
        )
        return [
            FileLine(
                **dict(row)
                | {
                    "name": os.fsdecode(row["name"]),
                    "destination": None if row["destination"] is None else os.fsdecode(row["destination"]),
                }
            )
            for row in rows
        ]

    def _rows(self, query: str, values: dict[str, Any] | None = None) -> Sequence[sqlite3.Row]:
        try:
            return self._connection.execute(query, values or {}).fetchall()
        except sqlite3.Error as exc:
            raise _in_words(exc) from exc


def _in_words(exc: sqlite3.Error) -> LedgerError:
    if is_damage(exc):
        return LedgerDamagedError(DAMAGED)
    return LedgerError(f"The ledger cannot be read: {exc}. Wait if another program holds it; else check who owns it.")
