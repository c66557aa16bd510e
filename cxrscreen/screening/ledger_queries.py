"""What the ledger tells: of batches, of what is left in them, of files and of contents."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from cxrscreen.errors import LedgerError
from cxrscreen.owner import is_dead
from cxrscreen.screening import schema
from cxrscreen.screening.database import Database
from cxrscreen.screening.outcomes import TAKEN_AWAY, BatchRecord, FileRecord

LEASE_SECONDS = 300.0  # a run that has not been heard of for so long is dead, and another takes its batch over
STUCK = 1.0  # in 1970, in place of a lease's end: the run that took the batch over could not finish it

Record = TypeVar("Record")

IS_OF = "CASE keeps_source WHEN 0 THEN :own ELSE folder = :folder END"  # a batch, of the folder that is asked for


class LedgerQueries:
    """All that may be asked of a ledger by anybody.

    Every method raises ``LedgerError`` where the database is locked for too long, and ``LedgerDamagedError`` where it
    is damaged.
    """

    def __init__(self, database: Database, workspace: Path) -> None:
        self._database = database
        self._workspace = workspace

    @property
    def _intake(self) -> Path:
        """Where the workspace's own intake is now: it may have been moved or copied since a batch was written."""
        return Path(os.path.realpath(self._workspace / "intake"))

    def claimed_names(self, folder: Path) -> set[str]:
        """Return the files of ``folder`` that unfinished batches have claimed."""
        return set(self.claims(folder))

    def claims(self, folder: Path) -> dict[str, bool]:
        """Return the files of ``folder`` that unfinished batches have claimed, and whether the batch's run is alive."""
        rows = self._database.rows(
            "SELECT name, batch_id, owner, lease_until FROM file JOIN batch USING (batch_id) WHERE finished_at IS NULL "  # noqa: S608  # our own words
            f"AND {IS_OF} "
            "AND (outcome IS NULL OR (destination IS NOT NULL AND placed = 0))",
            self._of(folder),
        )
        now = time.time()
        batches = {row["batch_id"]: row for row in rows}  # to be asked once each: thousands of files may be claimed
        alive = {batch_id: is_held(row, now) for batch_id, row in batches.items()}
        return {os.fsdecode(row["name"]): alive[row["batch_id"]] for row in rows}

    def left_in_place(self, batch_id: str) -> set[str]:
        """Return the files of a batch that still lie where they were found."""
        rows = self._database.rows(
            "SELECT name FROM file JOIN batch USING (batch_id) WHERE batch_id = :id AND (keeps_source OR NOT placed)",
            {"id": batch_id},
        )
        return {os.fsdecode(row["name"]) for row in rows}

    def batch(self, batch_id: str) -> BatchRecord:
        """Return a batch.

        Raises:
            LedgerError: There is none of that id.
        """
        rows = self._database.rows("SELECT * FROM batch WHERE batch_id = :id", {"id": batch_id})
        if not rows:
            raise LedgerError(f"The ledger knows no batch {batch_id}. List the reports folder for those there are.")
        record = self._record_in(rows[0], schema.batch_record)
        return record if record.keeps_source else replace(record, folder=self._intake)

    def batch_count(self) -> int:
        """Return how many batches there have been."""
        return int(self._database.rows("SELECT COUNT(*) FROM batch")[0][0])

    def steps(self, batch_id: str, *, studies: int, files: int) -> list[list[str]]:
        """Cut what a batch has left into steps.

        A study that was in hand when a run died is a step of its own: should it be what kills, it takes no other along.

        Args:
            batch_id: The batch.
            studies: At most so many in a step.
            files: At most so many in a step, unless a study alone has more.
        """
        steps: list[list[str]] = []
        room = 0  # for files in the last step
        for key, count, tries in self._open_studies(batch_id):
            if tries or count > room or len(steps[-1]) >= studies:
                steps.append([])
                room = files
            steps[-1].append(key)
            room = 0 if tries else room - count
        return steps

    def _open_studies(self, batch_id: str) -> list[tuple[str, int, int]]:
        """Return key, number of open files and tries of each study that is left."""
        rows = self._database.rows(
            "SELECT study_key, COUNT(*) AS files, MAX(tries) AS most FROM file "
            "WHERE batch_id = :id AND outcome IS NULL GROUP BY study_key ORDER BY most, MIN(file_id)",
            {"id": batch_id},
        )
        return [(row["study_key"], row["files"], row["most"]) for row in rows]

    def files(self, batch_id: str, study_key: str | None = None) -> list[FileRecord]:
        """Return the files of a batch, or of one study in it, in the order of their names."""
        if study_key is None:
            return self._files("batch_id = :batch ORDER BY name", {"batch": batch_id})
        return self._files(
            "batch_id = :batch AND study_key = :study ORDER BY name", {"batch": batch_id, "study": study_key}
        )

    def file(self, file_id: int) -> FileRecord:
        """Return one file as it stands now."""
        (file,) = self._files("file_id = :id", {"id": file_id})
        return file

    def unplaced(self, batch_id: str) -> list[FileRecord]:
        """Return the files of a batch with an outcome that do not lie at their destination yet."""
        return self._files("batch_id = :id AND destination IS NOT NULL AND placed = 0", {"id": batch_id})

    def batches_with_leftovers(self, folder: Path | None = None) -> list[str]:
        """Return the finished batches (of ``folder``) with files that could not be brought to their places."""
        rows = self._database.rows(
            "SELECT DISTINCT batch_id FROM file JOIN batch USING (batch_id) WHERE finished_at IS NOT NULL "  # noqa: S608  # our own words
            f"AND (:folder IS NULL OR {IS_OF}) AND destination IS NOT NULL AND placed = 0",
            {"folder": None, "own": False} if folder is None else self._of(folder),
        )
        return [row["batch_id"] for row in rows]

    def first_report(self, sha256: str) -> FileRecord | None:
        """Return the file of the same content that was reported, if there is one."""
        found = self._files("sha256 = :sha256 AND outcome = 'reported'", {"sha256": sha256})
        return found[0] if found else None

    def is_quarantined(self, sha256: str) -> bool:
        """Return whether this content lies in the quarantine already."""
        kept = "sha256 = :sha256 AND outcome = 'refused' AND destination IS NOT NULL AND placed = 1"
        return bool(self._files(kept, {"sha256": sha256}))

    def failures(self, sha256: str) -> int:
        """Return in how many batches this content has failed before; that it was taken away says nothing about it."""
        query = (
            "SELECT COUNT(DISTINCT batch_id) FROM file "
            "WHERE sha256 = :sha256 AND outcome = 'failed' AND detail != :taken_away"
        )
        return int(self._database.rows(query, {"sha256": sha256, "taken_away": TAKEN_AWAY})[0][0])

    def _of(self, folder: Path) -> dict[str, Any]:
        return {"folder": os.fsencode(folder), "own": folder == self._intake}

    def _files(self, condition: str, values: Mapping[str, Any]) -> list[FileRecord]:
        rows = self._database.rows(f"SELECT * FROM file WHERE {condition}", values)  # noqa: S608  # our own words
        return [self._record_in(row, schema.file_record) for row in rows]

    def _record_in(self, row: sqlite3.Row, read: Callable[[sqlite3.Row], Record]) -> Record:
        try:
            return read(row)
        except (ValueError, TypeError) as exc:  # overwritten in a way that the database does not notice
            raise self._database.damaged() from exc


def is_held(row: sqlite3.Row, now: float) -> bool:
    """Return whether a batch's run counts as alive.

    A lease that ends later than any that was given lately is one of before the clock was put back; machines that share
    a workspace may differ by as much as a lease is long.
    """
    return now <= row["lease_until"] <= now + 2 * LEASE_SECONDS and not is_dead(row["owner"])
