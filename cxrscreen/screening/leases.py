"""Whose a batch is: a run has it in hand for as long as it lives, and another takes it over only then.

What becomes of a batch is written by the run that has it in hand, and by no other: a run that was taken for dead
(it hung, the clock jumped) learns here that another has its batch.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cxrscreen.errors import TakenOverError
from cxrscreen.owner import this_process
from cxrscreen.screening.database import Database
from cxrscreen.screening.ledger_queries import LEASE_SECONDS, STUCK, LedgerQueries, is_held

RENEW_SECONDS = 10.0  # a lease that was renewed a shorter while ago is not renewed again


def new_lease() -> dict[str, Any]:
    """Return what a batch's row says of a run that takes it in hand now: this process, until when."""
    return {"owner": this_process(), "lease_until": time.time() + LEASE_SECONDS}


class Leases(LedgerQueries):
    """What runs may do with the batches of a ledger as their owners.

    Every method raises ``LedgerError`` where the database is locked for too long or full, and ``LedgerDamagedError``
    where it is damaged.
    """

    def __init__(self, database: Database, workspace: Path) -> None:
        super().__init__(database, workspace)
        self._renewed: dict[str, float] = {}

    def renew_lease(self, batch_id: str) -> None:
        """Say that the batch's run is alive, and see that the batch is still its own.

        Raises:
            TakenOverError: Another run has taken it over.
        """
        since = time.monotonic() - self._renewed.get(batch_id, float("-inf"))
        if since < RENEW_SECONDS:
            self._check_owner(batch_id)
            return
        with self.holding(batch_id):
            pass  # a transaction of the owner renews

    @contextmanager
    def holding(self, batch_id: str) -> Iterator[None]:
        """Do what is inside as the batch's run, while no other run can take the batch over or write anything.

        To be held for moments only: all other runs wait. What is written to the ledger inside is committed at the end.

        Raises:
            TakenOverError: Another run has taken it over.
        """
        with self._database.transaction() as db:
            self._check_owner(batch_id)
            db.execute("UPDATE batch SET lease_until = ? WHERE batch_id = ?", (time.time() + LEASE_SECONDS, batch_id))
            yield
        self._renewed[batch_id] = time.monotonic()

    def end_lease(self, batch_id: str, *, stuck: bool = False) -> None:
        """Say that the batch's run has stopped: the next one may take it over at once. Another's stays as it is.

        Args:
            batch_id: The batch.
            stuck: It was taken over and could not be finished; an onlooker is to learn it.
        """
        self._write(
            "UPDATE batch SET lease_until = :until WHERE batch_id = :id AND owner = :owner",
            {"id": batch_id, "owner": this_process(), "until": STUCK if stuck else 0},
        )
        self._renewed.pop(batch_id, None)

    def take_over(self, *, but: Iterable[str] = ()) -> str | None:
        """Take a batch whose run is dead, oldest first; two runs never get the same one.

        Args:
            but: Batches that are not wanted, e.g. because finishing them failed.
        """
        now, left = time.time(), set(but)
        unfinished = "SELECT * FROM batch WHERE finished_at IS NULL ORDER BY started_at"
        if all(row["batch_id"] in left or is_held(row, now) for row in self._database.rows(unfinished)):
            return None  # as nearly always: no need to hold the others up
        with self._database.transaction() as db:
            for row in db.execute(unfinished).fetchall():
                if row["batch_id"] in left or is_held(row, now):
                    continue
                db.execute(
                    "UPDATE batch SET lease_until = :lease_until, owner = :owner WHERE batch_id = :id",
                    new_lease() | {"id": row["batch_id"]},
                )
                return str(row["batch_id"])
        return None

    def _check_owner(self, batch_id: str) -> None:
        rows = self._database.rows("SELECT owner FROM batch WHERE batch_id = :id", {"id": batch_id})
        if not rows or rows[0]["owner"] != this_process():
            raise TakenOverError(
                f"Batch {batch_id} was taken over by another run, which finishes it; this one stops. Nothing is lost. "
                "Where that happens again, the clock jumps or the machine stands still for minutes."
            )

    def _write(self, statement: str, values: Mapping[str, Any]) -> None:
        with self._database.transaction() as db:
            db.execute(statement, values)
