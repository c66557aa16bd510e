"""What SQLite can still read of a ledger, sound or damaged."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from cxrscreen.errors import LedgerError
from cxrscreen.screening import schema
from cxrscreen.upkeep.plausible import Row, is_batch, is_file, text_of

SIDE_FILES = ("-journal", "-wal", "-shm")  # belong to a database and are of no use under another name
_LEAP = 8  # rows: a page holds about twenty, so little is lost behind one that cannot be read
_SMALLEST_ROW_BYTES = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Salvage:
    """The rows of a ledger that make sense.

    Attributes:
        batches: Rows of the table ``batch``.
        files: Rows of the table ``file``.
        implausible: How many further rows were read that cannot be true.
        sound: The database is whole, so these are all rows there were.
    """

    batches: tuple[Row, ...] = ()
    files: tuple[Row, ...] = ()
    implausible: int = 0
    sound: bool = False


def copy_database(ledger: Path, copy: Path) -> None:
    """Copy a database with the files that belong to it; SQLite may then play an interrupted change back in the copy.

    Raises:
        OSError: The disk is full, or something cannot be read.
    """
    for suffix in ("", *SIDE_FILES):
        source = ledger.with_name(ledger.name + suffix)
        if source.exists():
            shutil.copyfile(source, copy.with_name(copy.name + suffix))


def salvage(copy: Path) -> Salvage:
    """Read all rows that can be read, leaping over damaged pages.

    Args:
        copy: A copy of the database, see ``copy_database``: reading it may change it.

    Raises:
        LedgerError: It was written by a newer cxrscreen, which alone may rebuild it.
    """
    sound = _is_sound(copy)
    with closing(sqlite3.connect(copy)) as db:
        db.row_factory = sqlite3.Row
        db.text_factory = text_of
        db.execute("PRAGMA writable_schema = ON")  # else SQLite reads nothing of a file that is cut short
        version = _version(db)
        if sound and version > schema.VERSION:
            raise LedgerError(
                f"The ledger has format {version}, of a newer cxrscreen. Recover it with that one. If there never was "
                "one here, rename the ledger and try again."
            )
        last_row = copy.stat().st_size // _SMALLEST_ROW_BYTES
        all_batches, all_files = list(_rows(db, "batch", last_row)), list(_rows(db, "file", last_row))
    batches = [row for row in all_batches if is_batch(row, whole=True)]
    files = [row for row in all_files if is_file(row, whole=True)]
    implausible = len(all_batches) - len(batches) + len(all_files) - len(files)
    for row in files:
        row.update((name, text_of(row[name])) for name in ("name", "destination") if row[name] is not None)
    whole = sound and not implausible and version > 0
    return Salvage(batches=tuple(batches), files=tuple(files), implausible=implausible, sound=whole)


def _version(db: sqlite3.Connection) -> int:
    try:
        return int(db.execute("PRAGMA user_version").fetchone()[0])
    except sqlite3.Error:
        return 0  # no database any more


def _is_sound(copy: Path) -> bool:
    try:
        with closing(sqlite3.connect(copy)) as db:
            return [row[0] for row in db.execute("PRAGMA integrity_check")] == ["ok"]
    except (sqlite3.Error, UnicodeDecodeError):
        return False


def _is_table(db: sqlite3.Connection, name: str) -> bool:
    """Return whether a name is a table's: to read a view in a stranger's database, SQLite may compute for ever."""
    found = db.execute("SELECT 1 FROM sqlite_schema WHERE name = ? AND type = 'table'", (name,))
    return found.fetchone() is not None


def _rows(db: sqlite3.Connection, table: str, last_row: int) -> Iterator[Row]:
    """Yield the rows in the order of their numbers; behind one that cannot be read, try again a little further on."""
    start = 0
    while start <= last_row:
        try:
            if not _is_table(db, table):
                return
            for row in db.execute(f"SELECT rowid AS number, * FROM {table} WHERE rowid >= ? ORDER BY rowid", (start,)):  # noqa: S608  # our own words
                values = dict(row)
                start = max(start, values.pop("number")) + 1
                yield values
        except (UnicodeDecodeError, TypeError):
            return  # not even the columns have names any more, or the numbers are none
        except sqlite3.DatabaseError as exc:
            if exc.sqlite_errorcode in (sqlite3.SQLITE_ERROR, sqlite3.SQLITE_NOTADB):
                return  # no such table, or no database at all: nothing behind it either
            start += _LEAP
        else:
            return
