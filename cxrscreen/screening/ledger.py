"""The ledger: which file arrived in which batch, what came of it, and where it lies now.

SQLite, one row a file. A row is written when a batch claims the file (no outcome yet), completed when the
outcome is known (with the place the file is to go to), and marked placed once it lies there. So whatever
moment a run dies at, the ledger tells what is left to do. It holds pseudonyms, never identifiers.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from cxrscreen.classifier.card import ModelCard
from cxrscreen.errors import LedgerError
from cxrscreen.owner import is_dead, this_process
from cxrscreen.screening import schema
from cxrscreen.screening.outcomes import BatchRecord, Claim, FileRecord, Outcome, Verdict

LOCK_WAIT_SECONDS = 30.0
LEASE_SECONDS = 300.0  # a run that has not been heard of for so long is dead, and another takes its batch over
OTHER_RUN = "in the hands of another run"


class Ledger:
    """An open ledger. One per thread; any number of processes may have the same file open.

    Every method raises ``LedgerError`` where the database is locked for too long, full or damaged.
    """

    def __init__(self, path: Path) -> None:
        self._name = path.name
        try:
            self._connection = sqlite3.connect(path, timeout=LOCK_WAIT_SECONDS, isolation_level=None)
        except sqlite3.Error as exc:
            raise self._error(exc) from exc
        self._connection.row_factory = sqlite3.Row
        self._make_schema()
        path.chmod(0o600)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    # Batches

    def open_batch(self, batch: BatchRecord, claims: Iterable[Claim], waiting: Mapping[str, str]) -> None:
        """Write a batch, the files it claims and those that must wait (each with the cause), or none of it.

        A file that another living batch has claimed meanwhile waits, too.
        """
        row = {
            "batch_id": batch.batch_id,
            "folder": os.fsencode(batch.folder),
            "keeps_source": batch.keeps_source,
            "card": batch.card.model_dump_json(),
            "language": batch.language,
            "explanation": batch.explanation,
            "started_at": batch.started_at,
            "owner": this_process(),
            "lease_until": time.time() + LEASE_SECONDS,
        }
        with self._transaction() as db:
            taken = self.claimed_names(batch.folder)
            db.execute(
                "INSERT INTO batch VALUES (:batch_id, :folder, :keeps_source, :card, :language, :explanation, "
                ":started_at, NULL, :owner, :lease_until)",
                row,
            )
            waiting = dict(waiting)
            for claim in claims:
                if claim.name in taken:
                    waiting[claim.name] = OTHER_RUN
                    continue
                db.execute(
                    "INSERT INTO file (batch_id, name, sha256, study_key) VALUES (?, ?, ?, ?)",
                    (batch.batch_id, schema.stored(claim.name), claim.sha256, claim.study_key),
                )
            db.executemany(
                "INSERT INTO file (batch_id, name, outcome, detail) VALUES (?, ?, 'pending', ?)",
                ((batch.batch_id, schema.stored(name), cause) for name, cause in waiting.items()),
            )

    def claimed_names(self, folder: Path) -> set[str]:
        """Return the files of ``folder`` that unfinished batches have claimed."""
        rows = self._rows(
            "SELECT name FROM file JOIN batch USING (batch_id) WHERE finished_at IS NULL AND folder = :folder "
            "AND (outcome IS NULL OR (destination IS NOT NULL AND placed = 0))",
            {"folder": os.fsencode(folder)},
        )
        return {os.fsdecode(row["name"]) for row in rows}

    def batch(self, batch_id: str) -> BatchRecord:
        """Return a batch.

        Raises:
            LedgerError: There is none of that id.
        """
        rows = self._rows("SELECT * FROM batch WHERE batch_id = :id", {"id": batch_id})
        if not rows:
            raise LedgerError(f"The ledger knows no batch {batch_id}. List the reports folder for those there are.")
        values = dict(rows[0])
        del values["owner"], values["lease_until"]
        values["folder"] = Path(os.fsdecode(values["folder"]))
        values["keeps_source"] = bool(values["keeps_source"])
        values["card"] = ModelCard.model_validate_json(values["card"])
        return BatchRecord(**values)

    def batch_count(self) -> int:
        """Return how many batches there have been."""
        return int(self._rows("SELECT COUNT(*) FROM batch")[0][0])

    def renew_lease(self, batch_id: str) -> None:
        """Say that the batch's run is alive."""
        self._write(
            "UPDATE batch SET lease_until = :until WHERE batch_id = :id",
            {"until": time.time() + LEASE_SECONDS, "id": batch_id},
        )

    def end_lease(self, batch_id: str) -> None:
        """Say that the batch's run has stopped: the next one may take it over at once."""
        self._write("UPDATE batch SET lease_until = 0 WHERE batch_id = :id", {"id": batch_id})

    def take_over(self, *, but: Iterable[str] = ()) -> str | None:
        """Take a batch whose run is dead, oldest first; two runs never get the same one.

        Args:
            but: Batches that are not wanted, e.g. because finishing them failed.
        """
        now, left = time.time(), set(but)
        with self._transaction() as db:
            for row in db.execute("SELECT * FROM batch WHERE finished_at IS NULL ORDER BY started_at").fetchall():
                if row["batch_id"] in left or (row["lease_until"] >= now and not is_dead(row["owner"])):
                    continue
                db.execute(
                    "UPDATE batch SET lease_until = ?, owner = ? WHERE batch_id = ?",
                    (now + LEASE_SECONDS, this_process(), row["batch_id"]),
                )
                return str(row["batch_id"])
        return None

    def leave_pending(self, batch_id: str) -> None:
        """Give up the batch's claim on files without an outcome; they may be claimed again."""
        self._write("UPDATE file SET outcome = 'pending' WHERE batch_id = :id AND outcome IS NULL", {"id": batch_id})

    def finish_batch(self, batch_id: str, finished_at: str) -> None:
        """Say that nothing is left to do for a batch."""
        self._write("UPDATE batch SET finished_at = :at WHERE batch_id = :id", {"at": finished_at, "id": batch_id})

    # Files

    def files(self, batch_id: str, study_key: str | None = None) -> list[FileRecord]:
        """Return the files of a batch, or of one study in it, in the order of their names."""
        return self._files(
            "batch_id = :batch AND (:study IS NULL OR study_key = :study) ORDER BY name",
            {"batch": batch_id, "study": study_key},
        )

    def unscreened_studies(self, batch_id: str) -> list[str]:
        """Return the studies of a batch that have claimed files without an outcome."""
        rows = self._rows(
            "SELECT study_key, MIN(file_id) AS first FROM file "
            "WHERE batch_id = :id AND outcome IS NULL GROUP BY study_key ORDER BY first",
            {"id": batch_id},
        )
        return [row["study_key"] for row in rows]

    def unplaced(self, batch_id: str) -> list[FileRecord]:
        """Return the files of a batch with an outcome that do not lie at their destination yet."""
        return self._files("batch_id = :id AND destination IS NOT NULL AND placed = 0", {"id": batch_id})

    def batches_with_leftovers(self, folder: Path) -> list[str]:
        """Return the finished batches of ``folder`` with files that could not be brought to their destinations."""
        rows = self._rows(
            "SELECT DISTINCT batch_id FROM file JOIN batch USING (batch_id) WHERE finished_at IS NOT NULL "
            "AND folder = :folder AND destination IS NOT NULL AND placed = 0",
            {"folder": os.fsencode(folder)},
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
        """Return in how many batches this content has failed before."""
        query = "SELECT COUNT(DISTINCT batch_id) FROM file WHERE sha256 = :sha256 AND outcome = 'failed'"
        return int(self._rows(query, {"sha256": sha256})[0][0])

    def record(self, verdicts: Mapping[int, Verdict]) -> None:
        """Write what came of some files (by ``file_id``), all or none. What is decided already stays so.

        Content that another run has reported meanwhile becomes a duplicate of it: one report a content.
        """
        with self._transaction() as db:
            for file_id, verdict in verdicts.items():
                (file,) = self._files("file_id = :id", {"id": file_id})
                first = self.first_report(file.sha256) if verdict.outcome is Outcome.REPORTED else None
                written = verdict
                if first is not None:
                    written = replace(
                        verdict,
                        outcome=Outcome.DUPLICATE,
                        score=first.score,
                        positive=first.positive,
                        report=first.report,
                    )
                row = asdict(written) | {"file_id": file_id}
                if written.destination is not None:
                    row["destination"] = schema.stored(written.destination)
                db.execute(
                    "UPDATE file SET outcome = :outcome, reason = :reason, detail = :detail, score = :score, "
                    "positive = :positive, report = :report, destination = :destination "
                    "WHERE file_id = :file_id AND outcome IS NULL",
                    row,
                )

    def mark_placed(self, file_id: int) -> None:
        """Write that a file lies at its destination."""
        self._write("UPDATE file SET placed = 1 WHERE file_id = :id", {"id": file_id})

    def mark_gone(self, file_id: int, what: str) -> None:
        """Write that a decided file can no longer be placed, and why; its outcome stays."""
        self._write(
            "UPDATE file SET destination = NULL, detail = :what WHERE file_id = :id", {"what": what, "id": file_id}
        )

    # The database

    def _make_schema(self) -> None:
        with self._transaction() as db:
            version = db.execute("PRAGMA user_version").fetchone()[0]
            if version == 0:
                for statement in schema.TABLES.split(";\n"):
                    db.execute(statement)
                db.execute(f"PRAGMA user_version = {schema.VERSION}")
            elif version != schema.VERSION:
                raise LedgerError(
                    f"The ledger has format {version}; this cxrscreen reads format {schema.VERSION}. "
                    "Install the version that wrote it."
                )

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """Commit everything inside or nothing; the write lock is taken at once, so that two runs cannot interleave."""
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            yield self._connection
            self._connection.execute("COMMIT")
        except BaseException as exc:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            if isinstance(exc, sqlite3.Error):
                raise self._error(exc) from exc
            raise

    def _write(self, statement: str, values: Mapping[str, Any]) -> None:
        with self._transaction() as db:
            db.execute(statement, values)

    def _rows(self, query: str, values: Mapping[str, Any] | None = None) -> list[sqlite3.Row]:
        try:
            return self._connection.execute(query, values or {}).fetchall()
        except sqlite3.Error as exc:
            raise self._error(exc) from exc

    def _files(self, condition: str, values: Mapping[str, Any]) -> list[FileRecord]:
        return [schema.file_record(row) for row in self._rows(f"SELECT * FROM file WHERE {condition}", values)]  # noqa: S608  # our own words

    def _error(self, exc: sqlite3.Error) -> LedgerError:
        return LedgerError(
            f"The ledger {self._name} cannot be used: {exc}. Make room if the disk is full, wait if another program "
            "holds it, else restore it from the backup."
        )
