"""Files and folders that appear whole or not at all, also when the power fails in the middle.

Write beside the goal under a hidden name, flush to disk, rename: a rename within one file system is atomic (POSIX).
"""

from __future__ import annotations

import errno
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def write_file(path: Path, content: bytes) -> None:
    """Replace ``path`` by a file with this content."""
    draft = _draft_name(path)
    try:
        with draft.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    sync_folder(path.parent)


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """Yield a hidden folder to fill; it becomes ``path`` at the end, or goes away after an error.

    A folder that stands at ``path`` already, from a run that died before it could record it, gives way.
    """
    draft = _draft_name(path)
    draft.mkdir(mode=0o700)
    try:
        yield draft
        for entry in draft.iterdir():
            _sync(entry)
        _sync(draft)
        if path.exists():
            stale = _draft_name(path)
            path.rename(stale)
            draft.rename(path)
            shutil.rmtree(stale)
        else:
            draft.rename(path)
    finally:
        if draft.exists():
            shutil.rmtree(draft)
    sync_folder(path.parent)


def move_file(source: Path, destination: Path, *, keep_source: bool) -> None:
    """Move a file, or copy it where the source is to stay; ``destination`` is never half a file.

    Calling it again after a crash finishes what was begun.
    """
    if not source.exists() and destination.exists():
        return
    if not keep_source:
        try:
            source.rename(destination)
        except OSError as exc:
            if exc.errno != errno.EXDEV:
                raise
        else:
            sync_folder(destination.parent)
            return
    draft = _draft_name(destination)
    try:
        shutil.copyfile(source, draft)
        shutil.copystat(source, draft)
        _sync(draft)
        draft.replace(destination)
    finally:
        draft.unlink(missing_ok=True)
    sync_folder(destination.parent)
    if not keep_source:
        source.unlink()


def sync_folder(folder: Path) -> None:
    """Flush a folder's entries to disk, so that a rename in it outlives a power cut."""
    _sync(folder)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _draft_name(path: Path) -> Path:
    return path.with_name(f".draft-{secrets.token_hex(6)}")
