"""Files and folders that appear whole or not at all, also when the power fails in the middle.

Write beside the goal under a hidden name, flush to disk, rename: a rename within one file system is atomic
(POSIX). What is written here is readable by its owner alone.
"""

from __future__ import annotations

import errno
import os
import secrets
import shutil
from collections.abc import Mapping
from pathlib import Path


def write_file(path: Path, content: bytes) -> None:
    """Write ``path`` so that a reader sees the old content or the new, never a part.

    Raises:
        OSError: The disk is full, or the folder is missing or not writable.
    """
    draft = _draft_beside(path)
    try:
        _write_through(draft, content)
        draft.replace(path)
        _sync(path.parent)
    finally:
        draft.unlink(missing_ok=True)


def place_folder(folder: Path, files: Mapping[str, bytes], *, replace: bool = True) -> None:
    """Make ``folder`` appear with all ``files`` in it.

    Args:
        folder: Its parent must exist.
        files: Contents by plain name.
        replace: Take the place of an earlier folder of that name; otherwise such a folder stays as it is.

    Raises:
        FileExistsError: The folder is there already and may not be replaced, even if it appeared this very moment.
        OSError: The disk is full, or the parent folder is missing or not writable.
    """
    draft = _draft_beside(folder)
    draft.mkdir(mode=0o700)
    try:
        for name, content in files.items():
            _write_through(draft / name, content)
        _sync(draft)
        if replace and folder.exists():
            # A non-empty folder cannot be renamed over: an earlier attempt steps aside first.
            former = _draft_beside(folder)
            folder.rename(former)
            draft.rename(folder)
            shutil.rmtree(former)
        else:
            _rename_to_free_name(draft, folder)
        _sync(folder.parent)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise


def move_file(source: Path, destination: Path, *, keep_source: bool) -> None:
    """Move a file, or copy it where the source is to stay; ``destination`` is never half a file.

    Called again after a crash, it finishes what was begun.

    Raises:
        OSError: The disk is full, a folder is missing or not writable, or there is no source.
    """
    if destination.exists() and not source.exists():
        return
    if not keep_source and _renamed(source, destination):
        return
    draft = _draft_beside(destination)
    try:
        shutil.copyfile(source, draft)
        shutil.copystat(source, draft)
        _sync(draft)
        draft.replace(destination)
        _sync(destination.parent)
    finally:
        draft.unlink(missing_ok=True)
    if not keep_source:
        source.unlink()


def _rename_to_free_name(draft: Path, folder: Path) -> None:
    try:
        draft.rename(folder)  # the system itself refuses where a folder with files stands
    except OSError as exc:
        if exc.errno == errno.ENOTEMPTY:  # Linux and macOS say this, POSIX also allows EEXIST
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(folder)) from exc
        raise


def _renamed(source: Path, destination: Path) -> bool:
    """Rename and return true, or return false where the two lie on different file systems."""
    try:
        source.rename(destination)
    except OSError as exc:
        if exc.errno == errno.EXDEV:
            return False
        raise
    _sync(destination.parent)
    return True


def _write_through(path: Path, content: bytes) -> None:
    handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync(path: Path) -> None:
    """Flush a file's content, or a folder's entries so that a rename in it outlives a power cut."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _draft_beside(path: Path) -> Path:
    return path.with_name(f".draft-{secrets.token_hex(6)}")
