"""Files and folders that appear whole or not at all, also when the power fails in the middle.

Write a draft, flush it to disk, rename it to its goal: a rename within one file system is atomic (POSIX). What is
written here is readable by its owner alone. Where drafts lie and who clears them away: ``cxrscreen.drafts``.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO

from cxrscreen.drafts import draft_for

_HERE, _TO_A_FREE_NAME, _EXCHANGE = -100, 1, 2  # AT_FDCWD, RENAME_NOREPLACE, RENAME_EXCHANGE: renameat2(2)
_UNKNOWN = (errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP)  # what systems answer that cannot rename so


def write_file(path: Path, content: bytes) -> None:
    """Write ``path`` so that a reader sees the old content or the new, never a part.

    Raises:
        OSError: The disk is full, or the folder is missing or not writable.
    """
    with whole_file(path) as file:
        file.write(content)


@contextmanager
def whole_file(path: Path, *, replace: bool = True) -> Iterator[BinaryIO]:
    """Give a file to write to, which becomes ``path`` when all is written; after an error nothing of it is left.

    Args:
        path: Its folder must exist.
        replace: Take the place of an earlier file of that name; otherwise such a file stays as it is.

    Raises:
        FileExistsError: The file is there and may not be replaced, even if it appeared this very moment.
        OSError: The disk is full, or the folder is missing or not writable.
    """
    draft = draft_for(path)
    try:
        with _new_file(draft) as file:
            yield file
            _flush(file)
        if replace:
            draft.replace(path)
        else:
            _rename_to_free_name(draft, path)
        sync_folder(path.parent)
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
    draft = draft_for(folder)
    try:
        draft.mkdir(mode=0o700)
        for name, content in files.items():
            with _new_file(draft / name) as file:
                file.write(content)
                _flush(file)
        sync_folder(draft)
        if replace and folder.exists():
            _exchange(draft, folder)
        else:
            _rename_to_free_name(draft, folder)
        sync_folder(folder.parent)
    finally:
        shutil.rmtree(draft, ignore_errors=True)  # a half, or what was replaced


def rename_to_free_name(source: Path, destination: Path) -> None:
    """Move a file within its file system: at every moment it lies in one of the two places, and nothing is replaced.

    Raises:
        FileExistsError: Something has the name ``destination``.
        OSError: With ``errno.EXDEV``: the places lie on two file systems. Else as ever.
    """
    _rename_to_free_name(source, destination)
    sync_folder(destination.parent)
    if source.parent != destination.parent:
        sync_folder(source.parent)


def make_folder(folder: Path) -> None:
    """Make a folder and what is missing above it, for the owner alone, to outlive a power cut.

    Raises:
        FileExistsError: A file has that name.
        OSError: It cannot be made.
    """
    if folder.is_dir():
        return
    make_folder(folder.parent)
    folder.mkdir(mode=0o700, exist_ok=True)
    sync_folder(folder.parent)


def sync_folder(folder: Path) -> None:
    """Flush a folder's entries, so that a rename in it outlives a power cut; where the file system knows how."""
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except PermissionError:
        return  # an intake that may be written to, but not listed
    try:
        os.fsync(handle)
    except OSError as exc:
        if exc.errno not in _UNKNOWN:
            raise
    finally:
        os.close(handle)


def _new_file(path: Path) -> BinaryIO:
    return os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600), "wb")


def _flush(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())


def _rename_to_free_name(source: Path, destination: Path) -> None:
    if not _renamed(source, destination, _TO_A_FREE_NAME):
        if os.path.lexists(destination):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(destination))
        source.rename(destination)  # here alone another that takes the name this very moment is replaced


def _exchange(draft: Path, folder: Path) -> None:
    """Let the two folders change places."""
    if _renamed(draft, folder, _EXCHANGE):
        return
    former = draft_for(folder)  # a folder with files cannot be renamed over: the earlier one steps aside first
    folder.rename(former)
    draft.rename(folder)
    shutil.rmtree(former)


def _renamed(source: Path, destination: Path, how: int) -> bool:
    """Rename as rename(2) cannot; return false where system or file system do not know how."""
    rename = _renameat2()
    if rename is None:
        return False
    if rename(_HERE, os.fsencode(source), _HERE, os.fsencode(destination), how) == 0:
        return True
    code = ctypes.get_errno()
    if code in _UNKNOWN:
        return False
    raise OSError(code, os.strerror(code), str(source), None, str(destination))


@lru_cache(maxsize=1)
def _renameat2() -> Any:  # noqa: ANN401  # a function of the C library, which ctypes cannot type
    with contextlib.suppress(AttributeError):
        function = ctypes.CDLL(None, use_errno=True).renameat2  # Linux alone, glibc 2.28 of 2018
        function.argtypes = (ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_uint)
        return function
    return None
