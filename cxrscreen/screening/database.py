"""The ledger's database: opened, kept to one format, changed whole or not at all; its errors in words."""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from cxrscreen.errors import LedgerDamagedError, LedgerError
from cxrscreen.screening import schema
from cxrscreen.workspace import lock_of

LOCK_WAIT_SECONDS = 30.0

_DAMAGE = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_DAMAGE_IN_WORDS = ("no such table", "no such column", "Could not decode")  # a schema or a text that was overwritten


class Database:
    """An open database. One per thread; any number of processes may have the same file open.

    As long as it is open, its lock file is held in part: who wants the file alone (to rebuild it, to change the
    key) waits until nobody has it open.

    Every method raises ``LedgerError`` where the file is locked for too long or the disk is full, and
    ``LedgerDamagedError`` where its content is damaged.
    """

    def __init__(self, path: Path) -> None:
        self._name = path.name
        self._lock = _lock_in_part(lock_of(path))
        try:
            self._open(path)
        except BaseException:
            os.close(self._lock)
            raise

    def _open(self, path: Path) -> None:
        try:
            # Made by us, so that it is never anybody else's to read, not even for a moment. One that is there is not
            # opened: to close it again would end all locks that this process has on it (fcntl(2)).
            with suppress(FileExistsError):
                os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
            self._connection = sqlite3.connect(path, timeout=LOCK_WAIT_SECONDS, isolation_level=None)
        except (OSError, sqlite3.Error) as exc:
            raise self._error(exc) from exc
        self._connection.row_factory = sqlite3.Row
        try:
            # A power cut right after a commit must not undo it: the file that it tells of has moved by then.
            self.rows("PRAGMA synchronous = EXTRA")
            self._bring_to_format()
        except BaseException:
            self._connection.close()
            raise

    def close(self) -> None:
        """Close the connection, and let go of the lock."""
        self._connection.close()
        os.close(self._lock)

    def check(self) -> None:
        """See that the whole file is sound; takes a while for a large one.

        Raises:
            LedgerDamagedError: It is not.
        """
        said = self.rows("PRAGMA quick_check(1)")
        if [row[0] for row in said] != ["ok"]:
            raise self.damaged()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Commit everything inside or nothing; the write lock is taken at once, so that two runs cannot interleave.

        Inside another transaction, it is part of that one.
        """
        outermost = not self._connection.in_transaction
        try:
            with self._in_words():
                if outermost:
                    self._connection.execute("BEGIN IMMEDIATE")
                yield self._connection
                if outermost:
                    self._connection.execute("COMMIT")
        except BaseException:
            if outermost and self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise

    def rows(self, query: str, values: Mapping[str, Any] | None = None) -> list[sqlite3.Row]:
        """Return all rows that a query finds."""
        with self._in_words():
            return self._connection.execute(query, values or {}).fetchall()

    def damaged(self) -> LedgerDamagedError:
        """Return the error that says so."""
        return LedgerDamagedError(
            f"The ledger {self._name} is damaged. Nothing was changed. Run `cxrscreen recover`: it sets the damaged "
            "file aside and builds a new one from archive, quarantine and reports."
        )

    @contextmanager
    def _in_words(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as exc:
            raise self._error(exc) from exc

    def _error(self, exc: OSError | sqlite3.Error) -> LedgerError:
        if isinstance(exc, sqlite3.Error) and is_damage(exc):
            return self.damaged()
        cause = exc.strerror if isinstance(exc, OSError) else exc
        return LedgerError(
            f"The ledger {self._name} cannot be used: {cause}. Make room if the disk is full, give its owner the right "
            "to write, or wait if another program holds it."
        )

    def _bring_to_format(self) -> None:
        """Make the tables of a new file, or bring those of an earlier version up to this one's."""
        if self._version() == schema.VERSION:
            return
        with self.transaction() as db:  # asked again inside: another process may have been faster
            version = self._version()
            if version == 0:
                if db.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone():
                    raise LedgerError(f"{self._name} is another program's database. Move it out of the workspace.")
                _run(db, schema.TABLES)
            elif version > schema.VERSION:
                raise LedgerError(
                    f"The ledger has format {version}; this cxrscreen reads format {schema.VERSION}. "
                    "Install the version that wrote it."
                )
            for former in range(version or schema.VERSION, schema.VERSION):
                _run(db, schema.MIGRATIONS[former])
            db.execute(f"PRAGMA user_version = {schema.VERSION}")

    def _version(self) -> int:
        return int(self.rows("PRAGMA user_version")[0][0])


def is_damage(exc: sqlite3.Error) -> bool:
    """Tell what is wrong with a ledger's content from a file that is locked, full or not to be read."""
    code = getattr(exc, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF  # without what extends it
    return code in _DAMAGE or str(exc).startswith(_DAMAGE_IN_WORDS)


def _run(db: sqlite3.Connection, statements: str) -> None:
    """Run statements one by one: ``executescript`` would commit before it begins."""
    for statement in statements.split(";\n"):
        db.execute(statement)


def _lock_in_part(path: Path) -> int:
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as exc:
        raise LedgerError(
            f"The ledger cannot be used: {exc.strerror} ({path.name}). Give its owner the right to write."
        ) from exc
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError as exc:
        os.close(handle)
        raise LedgerError(
            "The ledger is being rebuilt, or its key changed, by another command. Wait until that one has ended."
        ) from exc
    except OSError:
        return handle  # a file system without locks; who needs it alone says so
    return handle
