"""Which files have arrived, and which of them are settled."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from cxrscreen.errors import WorkspaceError
from cxrscreen.screening.opening import NO_FILE

UNFINISHED_SUFFIXES = (".part", ".partial", ".filepart", ".crdownload", ".tmp")
STILL_WRITTEN = "still being written"


@dataclass(frozen=True, slots=True)
class Sighting:
    """What one look at the intake saw; equal sightings mean an unchanged file."""

    name: str  # relative to the folder looked at, with forward slashes; a folder ends with one
    path: Path
    size: int = 0
    mtime_ns: int = 0
    inode: int = 0
    fault: str = ""  # why it cannot be taken up


@dataclass(frozen=True, slots=True)
class Arrivals:
    """Files of the intake: those that may be read, and those that must wait."""

    settled: tuple[Sighting, ...]
    waiting: tuple[Sighting, ...]


def look(folder: Path, names: Collection[str] = ()) -> tuple[Sighting, ...]:
    """Return the files below ``folder``, sorted by name; only those of ``names`` where there are any.

    Names that begin with a dot belong to the system (``.DS_Store``, a copy program's temporary file) and are passed
    over, unless they are named. What cannot be read has a fault.

    Raises:
        WorkspaceError: The folder is not there or cannot be read.
    """
    if names:
        found = [_sighting(folder / name, name) for name in names]
    else:
        try:
            with os.scandir(folder):
                pass
        except OSError as exc:
            raise WorkspaceError(
                f"The folder {folder} cannot be read: {exc.strerror}. Check that it exists, is mounted and may be read."
            ) from exc
        found = list(_walk(folder, ""))
    return tuple(sorted((s for s in found if s is not None), key=lambda sighting: sighting.name))


def _walk(folder: Path, prefix: str) -> Iterator[Sighting | None]:
    """Go through a folder and all below it; a list of what is left, not recursion: nobody bounds how deep they lie."""
    left = [(os.fspath(folder), prefix)]
    while left:
        place, prefix = left.pop()
        try:
            with os.scandir(place) as entries:
                for entry in entries:
                    if entry.name.startswith("."):
                        continue
                    if entry.is_dir(follow_symlinks=False):
                        left.append((entry.path, f"{prefix}{entry.name}/"))
                    else:
                        yield _sighting(Path(entry.path), prefix + entry.name)
        except OSError as exc:  # no right to, or a path longer than the system takes
            yield Sighting(prefix, Path(place), fault=f"cannot be opened: {exc.strerror}")


def _sighting(path: Path, name: str) -> Sighting | None:
    try:
        status = path.lstat()
    except OSError:
        return None  # taken away between two calls: it has not arrived
    if not stat.S_ISREG(status.st_mode):
        return Sighting(name, path, fault=NO_FILE)
    return Sighting(name, path, status.st_size, status.st_mtime_ns, status.st_ino)


def look_again(
    folder: Path,
    first: Sequence[Sighting],
    settle_seconds: float,
    *,
    names: Collection[str] = (),
    sleep: Callable[[float], None] = time.sleep,
) -> Arrivals:
    """Wait, look a second time, and tell settled files from those still being written or new.

    Two looks, not the age of a file: copy programs set times as they please, and clocks jump.

    Args:
        folder: The folder of the first look.
        first: What the first look saw; empty costs no waiting.
        settle_seconds: How long size and time must stay the same.
        names: As for the first look.
        sleep: How to wait.
    """
    if not first:
        return Arrivals((), ())
    sleep(settle_seconds)
    before = set(first)
    settled: list[Sighting] = []
    waiting: list[Sighting] = []
    for sighting in look(folder, names):
        whole = sighting in before and not sighting.name.lower().endswith(UNFINISHED_SUFFIXES)
        (settled if whole and not sighting.fault else waiting).append(sighting)
    return Arrivals(tuple(settled), tuple(waiting))
