"""Opening what a stranger has put into a folder: a regular file inside it, or an error; never a link, never a wait.

Between the look at a folder and the opening of a file, a name may come to stand for something else. So every step on
the way is opened by itself, below the folder opened before it, and no link is followed.

No handle may be closed twice, whatever line an interrupt falls on: the second try's error would take the interrupt's
place, and a run that is told to stop would go on without the file, and part it from its study.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path

NO_FILE = "a link, pipe or device; hand in the file itself"
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
# A pipe without a writer must not wait.
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


def open_regular(folder: Path, name: str) -> BufferedReader:
    """Open a regular file below ``folder`` for reading.

    Args:
        folder: Where to start; links in its own path are followed.
        name: Relative to the folder, with forward slashes; no part may be empty, ``.`` or ``..``.

    Raises:
        OSError: There is no such file, it may not be read, or the name leads to a link, pipe, socket or device.
    """
    *inner, last = _parts(name)
    with folder_below(folder, inner) as parent:
        # To open a device may do something to it, so look first; what came in between shows in the second look.
        _check_regular(os.stat(last, dir_fd=parent, follow_symlinks=False))
        handle = _opened(last, _FILE, parent)
    try:
        _check_regular(os.fstat(handle))
    except BaseException:
        os.close(handle)
        raise
    return os.fdopen(handle, "rb")


@contextmanager
def folder_below(folder: Path, names: Iterable[str]) -> Iterator[int]:
    """Open a folder below ``folder``, and close it again.

    Args:
        folder: Where to start; links in its own path are followed.
        names: Of the folders on the way, each in the one before it; none may be ``.`` or ``..``.

    Yields:
        A handle of the last one.

    Raises:
        OSError: There is no such folder, it may not be opened, or a name leads to a link or a file.
    """
    handle = os.open(folder, _FOLDER)
    try:
        for name in names:
            above, handle = handle, _opened(name, _FOLDER | os.O_NOFOLLOW, handle)
            os.close(above)
        yield handle
    finally:
        os.close(handle)


def read_bytes(folder: Path, name: str, max_bytes: int) -> bytes:
    """Return the content of a regular file below ``folder``: all of it, or ``max_bytes`` + 1 bytes of a larger one.

    Raises:
        OSError: As ``open_regular``, or reading failed.
    """
    with open_regular(folder, name) as file:
        return file.read(max_bytes + 1)


def holds_anything(folder: Path) -> bool:
    """Return false where a folder is gone or empty, as where its disk is not mounted: then no file was taken away."""
    try:
        with os.scandir(folder) as entries:
            return any(True for _ in entries)
    except PermissionError:
        return True  # its files may be opened all the same
    except OSError:
        return False


def _parts(name: str) -> list[str]:
    parts = name.split("/")
    if "\0" in name or any(part in ("", ".", "..") for part in parts):
        raise OSError(errno.EINVAL, "no name of a file inside the folder")
    return parts


def _opened(part: str, flags: int, parent: int) -> int:
    try:
        return os.open(part, flags, dir_fd=parent)
    except OSError as exc:
        if exc.errno in (errno.ELOOP, errno.ENOTDIR, errno.ENXIO):  # a link; a link where a folder was; a socket
            raise OSError(exc.errno, NO_FILE) from None
        raise


def _check_regular(found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise OSError(errno.EINVAL, NO_FILE)
