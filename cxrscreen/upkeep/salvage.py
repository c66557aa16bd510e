"""What SQLite can still read of a ledger, sound or damaged."""

from __future__ import annotations

import math
import re
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Any, get_args

from cxrscreen.classifier.card import ModelCard
from cxrscreen.errors import LedgerError
from cxrscreen.radiograph.refusal import Reason
from cxrscreen.screening import schema
from cxrscreen.screening.outcomes import Outcome
from cxrscreen.settings import ExplanationVariant, Language

Row = dict[str, Any]
"""A row of the ledger by column; names of files are text, with surrogates where they are no UTF-8."""

SIDE_FILES = ("-journal", "-wal", "-shm")  # belong to a database and are of no use under another name
_LEAP = 8  # rows: a page holds about twenty, so little is lost behind one that cannot be read
_SMALLEST_ROW_BYTES = 40
_HASH = re.compile(r"([0-9a-f]{64})?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Salvage:
    """The rows of a ledger that make sense.

    Attributes:
        batches: Rows of the table ``batch``.
        files: Rows of the table ``file``.
        sound: The database is whole, so these are all rows there were.
    """

    batches: tuple[Row, ...] = ()
    files: tuple[Row, ...] = ()
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
        db.text_factory = _text
        db.execute("PRAGMA writable_schema = ON")  # else SQLite reads nothing of a file that is cut short
        version = _version(db)
        if sound and version > schema.VERSION:
            raise LedgerError(
                f"The ledger has format {version}, of a newer cxrscreen. Recover it with that one. If there never was "
                "one here, rename the ledger and try again."
            )
        last_row = copy.stat().st_size // _SMALLEST_ROW_BYTES
        all_batches, all_files = list(_rows(db, "batch", last_row)), list(_rows(db, "file", last_row))
    batches = [row for row in all_batches if _is_batch(row)]
    files = [row for row in all_files if _is_file(row)]
    sensible = len(batches) == len(all_batches) and len(files) == len(all_files)
    for row in files:
        row.update((name, _name(row[name])) for name in ("name", "destination") if row[name] is not None)
    return Salvage(batches=tuple(batches), files=tuple(files), sound=sound and sensible and version > 0)


def inside_workspace(path: str) -> bool:
    """Return whether a path relative to the workspace leads into its archive or quarantine and nowhere else."""
    parts = PurePosixPath(path).parts
    return len(parts) > 1 and parts[0] in ("archive", "quarantine") and ".." not in parts and "\0" not in path


def _text(stored: bytes) -> str:
    return stored.decode(errors="surrogateescape")


def _name(stored: str | bytes) -> str:
    return stored if isinstance(stored, str) else _text(stored)


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


def _rows(db: sqlite3.Connection, table: str, last_row: int) -> Iterator[Row]:
    """Yield the rows in the order of their numbers; behind one that cannot be read, try again a little further on."""
    start = 0
    while start <= last_row:
        try:
            for row in db.execute(f"SELECT rowid AS number, * FROM {table} WHERE rowid >= ? ORDER BY rowid", (start,)):  # noqa: S608  # our own words
                values = dict(row)
                start = max(start, values.pop("number")) + 1
                yield values
        except UnicodeDecodeError:
            return  # not even the columns have names any more
        except sqlite3.DatabaseError as exc:
            if exc.sqlite_errorcode in (sqlite3.SQLITE_ERROR, sqlite3.SQLITE_NOTADB):
                return  # no such table, or no database at all: nothing behind it either
            start += _LEAP
        else:
            return


def _is_batch(row: Row) -> bool:
    """Return whether a row can be true: of a damaged page, SQLite may return anything."""
    with suppress(KeyError, TypeError, ValueError, AttributeError):
        ModelCard.model_validate_json(row["card"])
        for name in ("started_at", "finished_at"):
            datetime.fromisoformat(row[name] or row["started_at"])
        return (
            all(_is_text(row[name]) for name in ("batch_id", "card", "owner"))
            and row["language"] in get_args(Language)
            and row["explanation"] in get_args(ExplanationVariant)
            and isinstance(row["lease_until"], float)
            and isinstance(row["folder"], bytes | str)
            and row["keeps_source"] in (0, 1)
        )
    return False


def _is_file(row: Row) -> bool:
    with suppress(KeyError, TypeError, ValueError, AttributeError):
        outcome = None if row["outcome"] is None else Outcome(row["outcome"])
        score, destination = row["score"], row["destination"]
        return (
            all(isinstance(name, bytes) or _is_text(name) for name in (row["name"], destination or ""))
            and bool(_HASH.fullmatch(row["sha256"]))
            and all(_is_text(row[name]) for name in ("batch_id", "study_key", "reason", "detail"))
            and (outcome is not Outcome.REFUSED or Reason(row["reason"]) is not None)
            and (score is None or (isinstance(score, float) and math.isfinite(score)))
            and row["positive"] in (None, 0, 1)
            and (row["report"] is None or _is_text(row["report"]))
            and (outcome is not Outcome.REPORTED or None not in (score, row["positive"], row["report"]))
            and row["placed"] in (0, 1)
            and (destination is None or inside_workspace(_name(destination)))
        )
    return False


def _is_text(value: object) -> bool:
    return isinstance(value, str) and value == value.encode(errors="replace").decode()
