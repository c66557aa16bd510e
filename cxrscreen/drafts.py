"""Drafts: files and folders that are not whole yet, where they lie, and which of them nobody works on any more.

A workspace keeps them in its folder ``.drafts``, so that what killed processes have left is found without a walk over
an archive of many years; a top folder on another file system has one of its own. Elsewhere a draft lies beside its
goal, under a hidden name. Its name tells whose it is.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import secrets
import shutil
import stat
import time
from collections.abc import Iterator
from pathlib import Path

from cxrscreen.owner import is_dead, is_here, this_process

FOLDER = ".drafts"
_PREFIX = ".draft-"
_OURS = re.compile(rf"{re.escape(_PREFIX)}[^,]*:[0-9a-f]{{12}},\d+,\w*-[0-9a-f]{{12}}")
_DAY_SECONDS = 86_400.0
_within_reach: set[tuple[int, ...]] = set()  # pairs of folders between which a rename leads: tried once a process


def prepare_drafts(root: Path, *folders: Path) -> None:
    """Give a workspace a place for drafts, and one to each folder in it to which no rename leads from there.

    Args:
        root: The workspace.
        folders: In it; each may be another file system.

    Raises:
        OSError: A place cannot be made.
    """
    (root / FOLDER).mkdir(mode=0o700, exist_ok=True)
    for folder in folders:
        if not (folder / FOLDER).is_dir() and _is_across(root / FOLDER, folder):
            (folder / FOLDER).mkdir(mode=0o700, exist_ok=True)


def draft_for(goal: Path) -> Path:
    """Return a new name for a draft, from which a rename to ``goal`` crosses no file system.

    Raises:
        OSError: The folder that ``goal`` is to lie in is missing.
    """
    name = _new_name()
    device = goal.parent.stat().st_dev
    for folder in goal.parents:
        drafts = folder / FOLDER
        with contextlib.suppress(OSError):
            found = drafts.lstat()
            # One that another person owns may be a trap.
            if stat.S_ISDIR(found.st_mode) and found.st_dev == device and found.st_uid == os.geteuid():
                return drafts / name
    return goal.with_name(name)


def is_draft(name: str) -> bool:
    """Tell a draft, or a folder of drafts, by its name."""
    return name == FOLDER or name.startswith(_PREFIX)


def sweep_drafts(*folders: Path, older_than_seconds: float = _DAY_SECONDS) -> int:
    """Remove what dead processes have left half done; what another may be busy with now stays.

    Args:
        folders: Each is looked at by itself, with its ``.drafts``, but not what lies deeper.
        older_than_seconds: Of another machine's process it is not known whether it lives: its drafts go when they
            are older.

    Returns:
        How many were removed.
    """
    removed = 0
    for draft in drafts_in(*folders):
        with contextlib.suppress(OSError):
            if not _is_abandoned(draft, older_than_seconds):
                continue
            if draft.is_dir() and not draft.is_symlink():
                shutil.rmtree(draft)
            else:
                draft.unlink()
            removed += 1
    return removed


def drafts_in(*folders: Path) -> list[Path]:
    """Return the drafts in some folders and in their ``.drafts``, of the living and the dead."""
    return [draft for folder in folders for place in (folder, folder / FOLDER) for draft in _drafts_right_in(place)]


def _is_across(drafts: Path, folder: Path) -> bool:
    """Try it: folders of one device may be mounted one by one, and then no rename leads from one to the other."""
    pair = tuple(number for place in map(Path.stat, (drafts, folder)) for number in (place.st_dev, place.st_ino))
    if pair in _within_reach:
        return False
    probe = drafts / _new_name()
    arrived = folder / probe.name
    probe.mkdir(mode=0o700)
    try:
        probe.rename(arrived)
    except OSError as exc:
        return exc.errno == errno.EXDEV  # a folder that may not be written to has no drafts
    finally:
        for place in (probe, arrived):
            with contextlib.suppress(FileNotFoundError):
                place.rmdir()
    _within_reach.add(pair)
    return False


def _new_name() -> str:
    return f"{_PREFIX}{this_process().replace('/', ',')}-{secrets.token_hex(6)}"


def _drafts_right_in(folder: Path) -> Iterator[Path]:
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        yield from (Path(entry.path) for entry in entries if entry.name.startswith(_PREFIX))


def _is_abandoned(draft: Path, older_than_seconds: float) -> bool:
    if not _OURS.fullmatch(draft.name):
        return False  # a person's own, where a folder is not ours alone
    owner = draft.name.removeprefix(_PREFIX).rpartition("-")[0].replace(",", "/")
    if is_here(owner):
        return is_dead(owner)
    return time.time() - draft.lstat().st_mtime > older_than_seconds
