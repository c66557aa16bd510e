"""The ledger: which file arrived in which batch, what came of it, and where it lies now.

SQLite, one row a file. A row is written when a batch claims the file (no outcome yet), completed when the
outcome is known (with the place the file is to go to), and marked placed once it lies there. So whatever
moment a run dies at, the ledger tells what is left to do. It holds pseudonyms, never identifiers.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from pathlib import Path

from cxrscreen.screening import schema
from cxrscreen.screening.database import Database
from cxrscreen.screening.leases import Leases, new_lease
from cxrscreen.screening.ledger_queries import IS_OF
from cxrscreen.screening.outcomes import BatchRecord, Claim, Outcome, Verdict

OTHER_RUN = "in the hands of another run"
LEFT_BEHIND = "in an interrupted batch that is still to be finished"

_WAITS = "INSERT INTO file (batch_id, name, outcome, detail) VALUES (:id, :name, 'pending', :cause)"
_STILL_WAITS = (
    "UPDATE file SET batch_id = :id, detail = :cause WHERE outcome = 'pending' AND sha256 = '' AND file_id = "  # noqa: S608  # our own words
    f"(SELECT MAX(file_id) FROM file JOIN batch USING (batch_id) WHERE name = :name AND {IS_OF}) "
    "AND EXISTS (SELECT 1 FROM batch WHERE batch_id = file.batch_id AND finished_at IS NOT NULL)"
)


def cause_of_claim(*, held: bool) -> str:
    """Return why a file waits that an unfinished batch has claimed."""
    return OTHER_RUN if held else LEFT_BEHIND


class Ledger(Leases):
    """An open ledger. One per thread; any number of processes may have the same file open.

    Every method raises ``LedgerError`` where the database is locked for too long or full, and ``LedgerDamagedError``
    where it is damaged.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(Database(path), path.parent)

    def close(self) -> None:
        """Close the database."""
        self._database.close()

    def check(self) -> None:
        """See that the database is sound from end to end.

        Raises:
            LedgerDamagedError: It is not.
        """
        self._database.check()

    def open_batch(
        self,
        batch: BatchRecord,
        claims: Iterable[Claim],
        waiting: Mapping[str, str],
        *,
        is_there: Callable[[Claim], bool] = lambda _claim: True,
    ) -> int:
        """Write a batch, the files it claims and those that must wait (each with the cause), or none of it.

        A file that waits stands in the ledger once, with the last batch that saw it: thousands may wait for weeks.

        Args:
            batch: The batch.
            claims: Files; one that another living batch has claimed meanwhile waits, too.
            waiting: Causes by name.
            is_there: Asked of each file when nobody else can claim any more: another run may have claimed, screened
                and moved it since it was seen.

        Returns:
            How many files were claimed; without any of its claims, nothing is written.
        """
        claims = list(claims)
        row = {
            "batch_id": batch.batch_id,
            "folder": os.fsencode(batch.folder),
            "keeps_source": batch.keeps_source,
            "card": batch.card.model_dump_json(),
            "language": batch.language,
            "explanation": batch.explanation,
            "started_at": batch.started_at,
            "meant": batch.meant,
        } | new_lease()
        with self._database.transaction() as db:
            taken = self.claims(batch.folder)
            free = [claim for claim in claims if claim.name not in taken and is_there(claim)]
            if claims and not free:
                return 0
            db.execute(
                "INSERT INTO batch (batch_id, folder, keeps_source, card, language, explanation, started_at, owner, "
                "lease_until, meant) VALUES (:batch_id, :folder, :keeps_source, :card, :language, :explanation, "
                ":started_at, :owner, :lease_until, :meant)",
                row,
            )
            db.executemany(
                "INSERT INTO file (batch_id, name, sha256, study_key) VALUES (?, ?, ?, ?)",
                ((batch.batch_id, schema.stored(claim.name), claim.sha256, claim.study_key) for claim in free),
            )
            waiting = dict(waiting) | {
                claim.name: cause_of_claim(held=taken[claim.name]) for claim in claims if claim.name in taken
            }
            of = {"id": batch.batch_id, "folder": row["folder"], "own": not batch.keeps_source}
            for name, cause in waiting.items():
                values = of | {"name": schema.stored(name), "cause": cause}
                if not db.execute(_STILL_WAITS, values).rowcount:
                    db.execute(_WAITS, values)
        return len(free)

    def leave_pending(self, batch_id: str, cause: str = "") -> None:
        """Give up the batch's claim on files without an outcome; they may be claimed again."""
        with self.holding(batch_id):
            self._write(
                "UPDATE file SET outcome = 'pending', detail = :cause WHERE batch_id = :id AND outcome IS NULL",
                {"id": batch_id, "cause": cause},
            )

    def finish_batch(self, batch_id: str, finished_at: str) -> None:
        """Say that nothing is left to do for a batch."""
        with self.holding(batch_id):
            self._write("UPDATE batch SET finished_at = :at WHERE batch_id = :id", {"at": finished_at, "id": batch_id})

    def take_in_hand(self, batch_id: str, study_keys: Iterable[str]) -> int:
        """Count a try for each open file of some studies, before anything is done with them.

        Returns:
            The most tries of any of them before this one.
        """
        before = 0
        with self.holding(batch_id), self._database.transaction() as db:
            for key in study_keys:
                study = {"id": batch_id, "key": key}
                among = "FROM file WHERE batch_id = :id AND study_key = :key AND outcome IS NULL"
                before = max(before, db.execute(f"SELECT MAX(tries) {among}", study).fetchone()[0] or 0)
                db.execute(
                    "UPDATE file SET tries = tries + 1 WHERE batch_id = :id AND study_key = :key AND outcome IS NULL",
                    study,
                )
        return before

    def put_back(self, batch_id: str, study_keys: Iterable[str]) -> None:
        """Take back the try that this run has counted for some studies, once for each ``take_in_hand``.

        Also where another run has the batch by now: it took this one for dead, which was only slow.
        """
        with self._database.transaction() as db:
            db.executemany(
                "UPDATE file SET tries = tries - 1 WHERE batch_id = ? AND study_key = ? AND outcome IS NULL "
                "AND tries > 0",
                [(batch_id, key) for key in study_keys],
            )

    def record(self, verdicts: Mapping[int, Verdict]) -> None:
        """Write what came of some files (by ``file_id``), all or none. What is decided already stays so.

        Content that another run has reported meanwhile becomes a duplicate of it: one report a content.

        Raises:
            TakenOverError: Another run has taken their batch over.
        """
        with self._database.transaction() as db:
            files = [(self.file(file_id), verdict) for file_id, verdict in verdicts.items()]
            for batch_id in {file.batch_id for file, _ in files}:
                self._check_owner(batch_id)
            for file, verdict in files:
                first = self.first_report(file.sha256) if verdict.outcome is Outcome.REPORTED else None
                written = verdict
                if first is not None:
                    written = verdict.as_first_reported(first)
                row = asdict(written) | {"file_id": file.file_id, "review": "\n".join(written.review)}
                if written.destination is not None:
                    row["destination"] = schema.stored(written.destination)
                db.execute(
                    "UPDATE file SET outcome = :outcome, reason = :reason, detail = :detail, score = :score, "
                    "positive = :positive, report = :report, destination = :destination, finding = :finding, "
                    "strangeness = :strangeness, lung_share = :lung_share, review = :review "
                    "WHERE file_id = :file_id AND outcome IS NULL",
                    row,
                )

    def mark_placed(self, file_id: int) -> None:
        """Write that a file lies at its destination."""
        self._mark(file_id, "placed = 1")

    def mark_gone(self, file_id: int, what: str) -> None:
        """Write that a decided file can no longer be placed, and why; its outcome stays."""
        self._mark(file_id, "destination = NULL, detail = :detail", detail=what)

    def redirect(self, file_id: int, destination: str) -> None:
        """Write that a file is to go elsewhere than was meant."""
        self._mark(file_id, "destination = :destination", destination=schema.stored(destination))

    def expire(self, file_ids: Iterable[int], on: str) -> None:
        """Write that some placed files of finished batches have been deleted, and when; their outcomes stay."""
        with self._database.transaction() as db:
            db.executemany(
                "UPDATE file SET destination = NULL, placed = 0, detail = detail || CASE detail WHEN '' "
                "THEN 'expired on ' || :on ELSE ' (expired on ' || :on || ')' END WHERE file_id = :id AND placed = 1 "
                "AND EXISTS (SELECT 1 FROM batch WHERE batch_id = file.batch_id AND finished_at IS NOT NULL)",
                [{"id": file_id, "on": on} for file_id in file_ids],
            )

    def _mark(self, file_id: int, what: str, **values: str | bytes) -> None:
        """Change an unplaced file: as its batch's run, or as any run where the batch is finished."""
        with self._database.transaction() as db:
            (row,) = db.execute(
                "SELECT batch_id, finished_at FROM file JOIN batch USING (batch_id) WHERE file_id = ?", (file_id,)
            ).fetchall()
            if row["finished_at"] is None:
                self._check_owner(row["batch_id"])
            db.execute(
                f"UPDATE file SET {what} WHERE file_id = :id AND destination IS NOT NULL AND placed = 0",  # noqa: S608  # our own words
                {"id": file_id, **values},
            )
