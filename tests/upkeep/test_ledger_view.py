"""What an onlooker makes of a ledger that SQLite can open and nobody can read."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from cxrscreen.errors import LedgerDamagedError
from cxrscreen.upkeep.ledger_view import LedgerView


@pytest.mark.parametrize(
    "damage",
    [
        "ALTER TABLE file RENAME COLUMN outcome TO outcomf",
        "ALTER TABLE file RENAME TO filf",
        "UPDATE file SET detail = CAST(x'ff' AS TEXT)",
    ],
)
def test_an_overwritten_schema_or_text_is_damage(lived_in: Path, damage: str) -> None:
    ledger = lived_in / "ledger.sqlite"
    with closing(sqlite3.connect(ledger)) as db, db:
        db.execute(damage)
        ((batch_id,),) = db.execute("SELECT batch_id FROM batch ORDER BY started_at LIMIT 1")
    with LedgerView(ledger) as view, pytest.raises(LedgerDamagedError):
        view.files(batch_id)
