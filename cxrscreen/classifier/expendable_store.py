"""Values on disk by key, within a bound: everything here may be lost, thrown away or damaged at any time.

One file for each value: SHA-256 of key and value, then the value. So nothing is flushed to disk, and a file whose
checksum does not hold counts as missing. Several processes may share the folder.
"""

from __future__ import annotations

import hashlib
import logging
import os
import secrets
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from cxrscreen.errors import WorkspaceError

_DIGEST_BYTES = hashlib.sha256().digest_size
_ENTRY, _DRAFT = ".entry", ".draft"
_DRAFT_LIVES = 600  # seconds; an older one was left by a process that died

_log = logging.getLogger(__name__)


class ExpendableStore:
    """A folder of values; the longest unused go first when the bound is reached.

    Attributes:
        max_bytes: Bound on all files together.
    """

    def __init__(self, folder: Path, *, max_bytes: int) -> None:
        self._folder = folder  # made, for its owner alone, when something is kept
        self.max_bytes = max_bytes

    def read(self, key: str) -> bytes | None:
        """Return a value and mark it as used; none if it is missing, unreadable or not what was kept for this key."""
        path = self._folder / f"{key}{_ENTRY}"
        try:
            content = path.read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as exc:
            _log.warning("The cache entry %.12s cannot be read (%s): made anew.", key, exc.strerror)
            return None
        value = content[_DIGEST_BYTES:]
        if content[:_DIGEST_BYTES] != _checksum(key, value):
            _log.warning("The cache entry %.12s is damaged: made anew.", key)
            return None
        with suppress(OSError):  # gone meanwhile, or another user's: the value is good all the same
            os.utime(path)
        return value

    def keep(self, values: Mapping[str, bytes]) -> None:
        """Write values, then make room. Where nothing can be written, one line is logged and nothing is kept."""
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            for key, value in values.items():
                self._write(key, value)
            self._make_room()
        except OSError as exc:
            _log.warning("The cache cannot be written (%s): going on without.", exc.strerror)

    def size(self) -> tuple[int, int]:
        """Return how many values there are, and the bytes that all files take."""
        files = self._files()
        return sum(file.name.endswith(_ENTRY) for file in files), sum(file.bytes for file in files)

    def clear(self) -> int:
        """Throw everything away and return how many bytes that freed.

        Raises:
            WorkspaceError: The files may not be removed.
        """
        files = self._files()
        try:
            for file in files:
                (self._folder / file.name).unlink(missing_ok=True)
        except OSError as exc:
            raise WorkspaceError(f"The cache cannot be cleared: {exc.strerror}. Check the folder's rights.") from exc
        return sum(file.bytes for file in files)

    def _write(self, key: str, value: bytes) -> None:
        """Write beside and rename, so that another process finds a whole entry or none."""
        draft = self._folder / f"{secrets.token_hex(8)}{_DRAFT}"
        try:
            with os.fdopen(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
                file.write(_checksum(key, value) + value)
            draft.replace(self._folder / f"{key}{_ENTRY}")
        finally:
            draft.unlink(missing_ok=True)

    def _make_room(self) -> None:
        """Remove what dead processes left half written, then the longest unused until the bound holds."""
        files = sorted(self._files(), key=lambda file: file.used_at)
        dead = [file for file in files if file.name.endswith(_DRAFT) and file.used_at < time.time() - _DRAFT_LIVES]
        for file in dead:
            (self._folder / file.name).unlink(missing_ok=True)
        entries = [file for file in files if file.name.endswith(_ENTRY)]
        surplus = sum(file.bytes for file in entries) - self.max_bytes
        for file in entries:
            if surplus <= 0:
                break
            (self._folder / file.name).unlink(missing_ok=True)
            surplus -= file.bytes

    def _files(self) -> list[_File]:
        """All files of the store; what else may lie in the folder is left alone."""
        try:
            with os.scandir(self._folder) as listing:
                return [file for item in listing if (file := _file_of(item)) is not None]
        except FileNotFoundError:
            return []


class _File(NamedTuple):
    name: str
    bytes: int
    used_at: float  # seconds since 1970


def _file_of(item: os.DirEntry[str]) -> _File | None:
    if not item.name.endswith((_ENTRY, _DRAFT)):
        return None
    try:
        status = item.stat(follow_symlinks=False)
    except FileNotFoundError:  # another process was faster
        return None
    return _File(item.name, status.st_size, status.st_mtime)


def _checksum(key: str, value: bytes) -> bytes:
    return hashlib.sha256(key.encode() + value).digest()
