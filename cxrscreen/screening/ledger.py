"""The ledger: which file arrived in which batch, what came of it, and where it lies now.

SQLite, one row a file. A row is written when a batch claims the file (no outcome yet), completed when the
outcome is known (with the place the file is to go to), and marked placed once it lies there. So whatever
moment a run dies at, the ledger tells what is left to do. It holds pseudonyms, never identifiers.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from cxrscreen.errors import LedgerError
from cxrscreen.screening.records import BatchRecord, Claim, FileRecord, Outcome, Verdict

SCHEMA_VERSION = 1
LOCK_WAIT_SECONDS = 30.0
LEASE_SECONDS = 300.0  # a run that has not been heard of for so long is dead, and another takes its batch over

SCHEMA = """
CREATE TABLE batch (
  batch_id TEXT PRIMARY KEY,
  folder TEXT NOT NULL,            -- where the files were found
  keeps_source INTEGER NOT NULL,   -- 1: copy files out of a folder that is not ours, 0: move them out of the intake
  model TEXT NOT NULL,             -- the version, fixed for the batch's whole length
  started_at TEXT NOT NULL,        -- ISO 8601
  finished_at TEXT,
  lease_until REAL NOT NULL        -- seconds since the epoch
);
CREATE TABLE file (
  file_id INTEGER PRIMARY KEY,
  batch_id TEXT NOT NULL REFERENCES batch,
  name TEXT NOT NULL,              -- relative to the batch's folder
  sha256 TEXT NOT NULL DEFAULT '',   -- empty for a file that was never read
  study_key TEXT NOT NULL DEFAULT '',
  outcome TEXT CHECK (outcome IN ('reported', 'refused', 'duplicate', 'failed', 'pending')),
  reason TEXT NOT NULL DEFAULT '',
  detail TEXT NOT NULL DEFAULT '',
  score REAL,
  positive INTEGER,                -- score at or above the model's operating point
  report TEXT,                     -- report folder, relative to the workspace; a duplicate has that of the first report
  destination TEXT,                -- relative to the workspace
  placed INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX file_by_study ON file (batch_id, study_key);
CREATE INDEX file_by_content ON file (sha256);
CREATE UNIQUE INDEX one_claim_a_file ON file (name, batch_id);
CREATE UNIQUE INDEX one_report_a_content ON file (sha256) WHERE outcome = 'reported';
CREATE INDEX unfinished_batch ON batch (lease_until) WHERE finished_at IS NULL;
CREATE INDEX claimed_file ON file (name) WHERE outcome IS NULL;
"""


class Ledger:
    """An open ledger. One per thread; any number of processes may have the same file open."""

    def __init__(self, path: Path) -> None:
        try:
            self._connection = sqlite3.connect(path, timeout=LOCK_WAIT_SECONDS, isolation_level=None)
            self._connection.row_factory = sqlite3.Row
            self._make_schema()
        except sqlite3.Error as exc:
            raise LedgerError(f"The ledger {path.name} cannot be opened: {exc}. Restore it from the backup.") from exc
        path.chmod(0o600)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _make_schema(self) -> None:
        with self._transaction() as db:
            version = db.execute("PRAGMA user_version").fetchone()[0]
            if version == 0:
                for statement in SCHEMA.split(";\n"):
                    db.execute(statement)
                db.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
            elif version != SCHEMA_VERSION:
                raise LedgerError(
                    f"The ledger has format {version}; this cxrscreen reads format {SCHEMA_VERSION}. "
                    "Install the version that wrote it."
                )

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """Commit everything inside or nothing; the write lock is taken at once, so that two runs cannot interleave."""
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield self._connection
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    # Batches

    def open_batch(self, batch: BatchRecord, claims: Iterable[Claim], waiting: Mapping[str, str]) -> None:
        """Write a batch, the files it claims and those that must wait (each with the cause), or none of it.

        A file that another living batch has claimed meanwhile waits too.
        """
        with self._transaction() as db:
            taken = self._claimed_names(batch.folder)
            db.execute(
                "INSERT INTO batch VALUES (?, ?, ?, ?, ?, NULL, ?)",
                (
                    batch.batch_id,
                    str(batch.folder),
                    batch.keeps_source,
                    batch.model,
                    batch.started_at,
                    time.time() + LEASE_SECONDS,
                ),
            )
            db.executemany(
                "INSERT INTO file (batch_id, name, sha256, study_key, outcome) VALUES (?, ?, ?, ?, ?)",
                (
                    (batch.batch_id, c.name, c.sha256, c.study_key, Outcome.PENDING if c.name in taken else None)
                    for c in claims
                ),
            )
            db.executemany(
                "INSERT INTO file (batch_id, name, outcome, detail) VALUES (?, ?, 'pending', ?)",
                ((batch.batch_id, name, cause) for name, cause in waiting.items()),
            )

    def claimed_names(self, folder: Path) -> set[str]:
        """Return the files of ``folder`` that unfinished batches have claimed."""
        return self._claimed_names(folder)

    def _claimed_names(self, folder: Path) -> set[str]:
        rows = self._connection.execute(
            "SELECT name FROM file JOIN batch USING (batch_id) "
            "WHERE finished_at IS NULL AND folder = ? "
            "AND (outcome IS NULL OR (destination IS NOT NULL AND placed = 0))",
            (str(folder),),
        )
        return {row["name"] for row in rows}

    def batch(self, batch_id: str) -> BatchRecord:
        """Return a batch.

        Raises:
            LedgerError: There is none of that id.
        """
        row = self._connection.execute("SELECT * FROM batch WHERE batch_id = ?", (batch_id,)).fetchone()
        if row is None:
            raise LedgerError(f"The ledger knows no batch {batch_id}. List the reports folder for those there are.")
        return BatchRecord(
            batch_id=row["batch_id"],
            folder=Path(row["folder"]),
            keeps_source=bool(row["keeps_source"]),
            model=row["model"],
            started_at=row["started_at"],
            finished_at=row["finished_at"],
        )

    def batch_count(self) -> int:
        """Return how many batches there have been."""
        return int(self._connection.execute("SELECT COUNT(*) FROM batch").fetchone()[0])

    def renew_lease(self, batch_id: str) -> None:
        """Say that the batch's run is alive."""
        with self._transaction() as db:
            db.execute("UPDATE batch SET lease_until = ? WHERE batch_id = ?", (time.time() + LEASE_SECONDS, batch_id))

    def take_over(self) -> str | None:
        """Take a batch whose run is dead, oldest first; two runs never get the same one."""
        with self._transaction() as db:
            row = db.execute(
                "UPDATE batch SET lease_until = :now + :lease WHERE batch_id = (SELECT batch_id FROM batch "
                "WHERE finished_at IS NULL AND lease_until < :now ORDER BY started_at LIMIT 1) RETURNING batch_id",
                {"now": time.time(), "lease": LEASE_SECONDS},
            ).fetchone()
            return None if row is None else str(row["batch_id"])

    def leave_pending(self, batch_id: str) -> None:
        """Give up the batch's claim on files without an outcome; they may be claimed again."""
        with self._transaction() as db:
            db.execute("UPDATE file SET outcome = 'pending' WHERE batch_id = ? AND outcome IS NULL", (batch_id,))

    def finish_batch(self, batch_id: str, finished_at: str) -> None:
        """Say that nothing is left to do for a batch."""
        with self._transaction() as db:
            db.execute("UPDATE batch SET finished_at = ? WHERE batch_id = ?", (finished_at, batch_id))

    # Files

    def files(self, batch_id: str, study_key: str | None = None) -> list[FileRecord]:
        """Return the files of a batch, or of one study in it, in the order of their names."""
        rows = self._connection.execute(
            "SELECT * FROM file WHERE batch_id = :batch AND (:study IS NULL OR study_key = :study) ORDER BY name",
            {"batch": batch_id, "study": study_key},
        )
        return [_file_record(row) for row in rows]

    def unscreened_studies(self, batch_id: str) -> list[str]:
        """Return the studies of a batch that have claimed files without an outcome."""
        rows = self._connection.execute(
            "SELECT study_key, MIN(file_id) AS first FROM file "
            "WHERE batch_id = ? AND outcome IS NULL GROUP BY study_key ORDER BY first",
            (batch_id,),
        )
        return [row["study_key"] for row in rows]

    def unplaced(self, batch_id: str) -> list[FileRecord]:
        """Return the files with an outcome that may not lie at their destination yet."""
        rows = self._connection.execute(
            "SELECT * FROM file WHERE batch_id = ? AND destination IS NOT NULL AND placed = 0", (batch_id,)
        )
        return [_file_record(row) for row in rows]

    def first_report(self, sha256: str) -> FileRecord | None:
        """Return the file of the same content that was reported, if there is one."""
        row = self._connection.execute(
            "SELECT * FROM file WHERE sha256 = ? AND outcome = 'reported'", (sha256,)
        ).fetchone()
        return None if row is None else _file_record(row)

    def failures(self, sha256: str) -> int:
        """Return how often this content has failed before."""
        row = self._connection.execute(
            "SELECT COUNT(*) FROM file WHERE sha256 = ? AND outcome = 'failed'", (sha256,)
        ).fetchone()
        return int(row[0])

    def record(self, verdicts: Mapping[int, Verdict]) -> None:
        """Write what came of some files (by ``file_id``), all or none.

        Content that another batch has reported meanwhile becomes a duplicate of it: one report a content.
        """
        with self._transaction() as db:
            db.executemany(
                "UPDATE file SET outcome = CASE WHEN :outcome = 'reported' AND EXISTS ("
                "  SELECT 1 FROM file AS other WHERE other.sha256 = file.sha256 AND other.outcome = 'reported'"
                ") THEN 'duplicate' ELSE :outcome END, reason = :reason, detail = :detail, score = :score, "
                "positive = :positive, report = :report, destination = :destination WHERE file_id = :file_id",
                (asdict(verdict) | {"file_id": file_id} for file_id, verdict in verdicts.items()),
            )

    def mark_placed(self, file_ids: Iterable[int]) -> None:
        """Write that these files lie at their destinations."""
        with self._transaction() as db:
            db.executemany("UPDATE file SET placed = 1 WHERE file_id = ?", ((i,) for i in file_ids))


def _file_record(row: sqlite3.Row) -> FileRecord:
    values = dict(row)
    outcome, positive, placed = (values.pop(column) for column in ("outcome", "positive", "placed"))
    return FileRecord(
        outcome=None if outcome is None else Outcome(outcome),
        positive=None if positive is None else bool(positive),
        placed=bool(placed),
        **values,
    )
