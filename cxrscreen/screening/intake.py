"""Which files have arrived, and which of them are settled."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from cxrscreen.errors import WorkspaceError

UNFINISHED_SUFFIXES = (".part", ".partial", ".filepart", ".crdownload", ".tmp")


@dataclass(frozen=True, slots=True)
class Sighting:
    """A regular file as one look at the intake saw it; equal sightings mean an unchanged file."""

    name: str  # relative to the folder looked at, with forward slashes
    path: Path
    size: int
    mtime_ns: int
    inode: int


@dataclass(frozen=True, slots=True)
class Arrivals:
    """Files of the intake: those that may be read, and those that are still being written."""

    settled: tuple[Sighting, ...]
    unsettled: tuple[Sighting, ...]


def look(folder: Path, names: Collection[str] = ()) -> tuple[Sighting, ...]:
    """Return the files below ``folder``, sorted by name; only those of ``names`` where there are any.

    Names that begin with a dot belong to the system (``.DS_Store``, a copy program's temporary file) and are passed
    over, as is whatever is no regular file: links, pipes, devices and sockets.

    Raises:
        WorkspaceError: The folder is not there or cannot be read.
    """
    try:
        wanted = frozenset(names)
        found = (sighting for sighting in _walk(folder, "") if not wanted or sighting.name in wanted)
        return tuple(sorted(found, key=lambda sighting: sighting.name))
    except OSError as exc:
        raise WorkspaceError(
            f"The folder {folder} cannot be read: {exc.strerror}. Check that it exists, is mounted and may be read."
        ) from exc


def _walk(folder: Path, prefix: str) -> Iterator[Sighting]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith("."):
                continue
            if entry.is_dir(follow_symlinks=False):
                yield from _walk(Path(entry.path), f"{prefix}{entry.name}/")
                continue
            try:
                status = entry.stat(follow_symlinks=False)
            except FileNotFoundError:
                continue  # taken away between the two calls: it has not arrived
            if stat.S_ISREG(status.st_mode):
                yield Sighting(prefix + entry.name, Path(entry.path), status.st_size, status.st_mtime_ns, status.st_ino)


def look_again(
    folder: Path, first: Sequence[Sighting], settle_seconds: float, *, sleep: Callable[[float], None] = time.sleep
) -> Arrivals:
    """Wait, look a second time, and tell settled files from those still being written.

    Two looks, not the age of a file: copy programs set times as they please, and clocks jump.

    Args:
        folder: The folder of the first look.
        first: What the first look saw; empty costs no waiting.
        settle_seconds: How long size and time must stay the same.
        sleep: How to wait.
    """
    if not first:
        return Arrivals((), ())
    sleep(settle_seconds)
    before = {sighting.name: sighting for sighting in first}
    now = [sighting for sighting in look(folder) if sighting.name in before]
    settled: list[Sighting] = []
    unsettled: list[Sighting] = []
    for sighting in now:
        whole = sighting == before[sighting.name] and not sighting.name.lower().endswith(UNFINISHED_SUFFIXES)
        (settled if whole else unsettled).append(sighting)
    return Arrivals(tuple(settled), tuple(unsettled))
