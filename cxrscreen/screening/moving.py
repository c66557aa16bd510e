"""Moving a file from a folder that strangers write to: only the content that is meant, and over nothing else.

Between any two steps the run may die, the name may come to stand for another file, or another run may do the same.
"""

from __future__ import annotations

import errno
import hashlib
import os
from contextlib import suppress
from io import BufferedReader
from pathlib import Path

from cxrscreen.durable import rename_to_free_name, sync_folder, whole_file
from cxrscreen.screening.opening import NO_FILE, holds_anything, open_regular

_REPLACED = "replaced by other content before it could be moved"
_SAME_TIME_NS = 2_000_000_000  # the coarsest clock of a file system (FAT) counts in two seconds
_FOR_ITS_OWNER = 0o600
_BLOCK = 2**20
_LARGEST = 2**31  # bytes: the settings let no larger file be read
_HEAD_BYTES = 2**16

BY_HEAD = "head:"
"""What a file too large to be read is known by begins with this: a sparse file costs its sender nothing, but terabytes
to read. It holds SHA-256 of its size and first 64 KiB instead of that of its content."""


class GoneError(Exception):
    """The content lies no longer where it was found; the words say what became of it."""


def bring(folder: Path, name: str, destination: Path, *, sha256: str, keep_source: bool) -> None:
    """Move a file, or copy it where it is to stay; called again after a crash, it finishes what was begun.

    Within a file system the file lies in exactly one of both places at every moment. Across file systems it is copied
    first, and a copy that a crash has left at the source is removed by the next call.

    Args:
        folder: Where the file was found.
        name: Its name there, with forward slashes.
        destination: Its folder must exist. Afterwards readable by the owner alone, with the file's own time.
        sha256: Of the content that is meant, or what a file that was too large to be read is known by; such a file is
            renamed, never copied.
        keep_source: Copy.

    Raises:
        GoneError: The content lies neither at its source nor at its destination.
        OSError: It cannot be read or written, or something else has the destination's name.
    """
    if not _holds(destination, sha256):
        try:
            _fetch(folder, name, destination, sha256=sha256, keep_source=keep_source)
        except (GoneError, FileExistsError):
            if not _holds(destination, sha256):  # else another run was faster
                raise
    if not keep_source and not sha256.startswith(BY_HEAD):
        _remove_leftover(folder, name, destination, sha256)


def content_hash(path: Path, *, like: str = "") -> str:
    """Return what a file is known by, as ``file_hash`` does.

    Raises:
        OSError: It cannot be read, or it is a link, pipe or device.
    """
    with open_regular(path.parent, path.name) as file:
        return file_hash(file, like=like)


def file_hash(file: BufferedReader, *, like: str = "") -> str:
    """Return the SHA-256 of a file's content, 64 hex digits, without holding all of it in memory.

    Of a file beyond all bounds, and where ``like`` begins with ``BY_HEAD``, return what its size and head make.

    Args:
        file: Just opened.
        like: What the result will be compared with.

    Raises:
        OSError: It cannot be read.
    """
    size = os.fstat(file.fileno()).st_size
    if size <= _LARGEST and not like.startswith(BY_HEAD):
        return hashlib.file_digest(file, "sha256").hexdigest()
    return BY_HEAD + hashlib.sha256(b"%d\n" % size + file.read(_HEAD_BYTES)).hexdigest()


def _holds(destination: Path, sha256: str) -> bool:
    try:
        return content_hash(destination, like=sha256) == sha256
    except FileNotFoundError:
        return False
    except OSError as exc:
        if exc.strerror == NO_FILE:
            return False
        raise


def _fetch(folder: Path, name: str, destination: Path, *, sha256: str, keep_source: bool) -> None:
    with _opened(folder, name) as source:
        found = os.fstat(source.fileno())
        # A renamed file could still be changed by its sender, who may hold it open, or under a second name elsewhere.
        copied = keep_source or found.st_nlink > 1 or found.st_uid != os.geteuid()
        if sha256.startswith(BY_HEAD):
            if not _moved(source, folder / name, destination, sha256):
                raise OSError(errno.EXDEV, "too large to be copied to another disk", str(destination))
        elif copied or not _moved(source, folder / name, destination, sha256):
            _copy(source, destination, sha256)


def _opened(folder: Path, name: str) -> BufferedReader:
    try:
        return open_regular(folder, name)
    except FileNotFoundError as exc:
        if not holds_anything(folder):
            raise  # a folder that is gone for a while, such as a mount, takes no file away
        raise GoneError("taken away before it could be moved") from exc
    except OSError as exc:
        if exc.strerror == NO_FILE:
            raise GoneError("replaced by a link, pipe or device before it could be moved") from exc
        raise


def _moved(source: BufferedReader, path: Path, destination: Path, sha256: str) -> bool:
    """Rename the file and return true, or return false where the two places lie on different file systems."""
    found = os.fstat(source.fileno())
    if file_hash(source, like=sha256) != sha256:
        raise GoneError(_REPLACED)
    try:
        rename_to_free_name(path, destination)
    except OSError as exc:
        if exc.errno == errno.EXDEV:
            return False
        raise
    if _fingerprint(destination.lstat()) != _fingerprint(found) and not _holds(destination, sha256):
        rename_to_free_name(destination, path)  # what came under the name in the last moment goes back
        raise GoneError(_REPLACED)
    with suppress(PermissionError):  # a file that belongs to its sender
        os.fchmod(source.fileno(), _FOR_ITS_OWNER)
    return True


def _copy(source: BufferedReader, destination: Path, sha256: str) -> None:
    """Copy the file with its time; ``destination`` appears whole, and only with the content that is meant."""
    source.seek(0)
    digest, found = hashlib.sha256(), os.fstat(source.fileno())
    if found.st_size > _LARGEST:
        raise GoneError(_REPLACED)
    with whole_file(destination, replace=False) as copy:
        while block := source.read(_BLOCK):
            digest.update(block)
            copy.write(block)
        if digest.hexdigest() != sha256:
            raise GoneError(_REPLACED)
        copy.flush()
        os.utime(copy.fileno(), ns=(found.st_atime_ns, found.st_mtime_ns))


def _remove_leftover(folder: Path, name: str, destination: Path, sha256: str) -> None:
    """Remove the source of a copy, by this run or by one that died before; not what has come under its name since."""
    try:
        left = _opened(folder, name)
    except GoneError:
        return
    except FileNotFoundError:
        if folder.is_dir():  # this was the last file in it
            return
        raise
    with left:
        apart = abs(os.fstat(left.fileno()).st_mtime_ns - destination.lstat().st_mtime_ns)
        if apart >= _SAME_TIME_NS or file_hash(left, like=sha256) != sha256:
            return
    path = folder / name
    path.unlink(missing_ok=True)
    sync_folder(path.parent)


def _fingerprint(status: os.stat_result) -> tuple[int, ...]:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns
