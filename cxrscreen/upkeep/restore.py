"""A workspace out of its backup, in a new place, its ledger brought up to date with its folders."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from cxrscreen.drafts import FOLDER as DRAFTS
from cxrscreen.drafts import draft_for, is_draft, prepare_drafts, sweep_drafts
from cxrscreen.durable import rename_to_free_name, sync_folder
from cxrscreen.errors import WorkspaceError
from cxrscreen.settings import load_settings
from cxrscreen.upkeep.manifest import LEDGER, TOPS, Manifest, read_through
from cxrscreen.upkeep.rebuild import Rebuilt
from cxrscreen.upkeep.recover import Sums, renew_ledger, sums, surroundings
from cxrscreen.workspace import FOLDER_MARK, KEY_BYTES, PRIVATE_FOLDER, Workspace, mark_folders

NO_LEDGER = "missing: what reports, archive and quarantine tell has taken its place."
DAMAGED = "damaged: beside what can still be read of it counts what reports, archive and quarantine tell."


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """A workspace that was restored.

    Attributes:
        workspace: Its folder.
        made_at: When the backup was begun, ISO 8601 with zone.
        files: How many were restored.
        sums: Files by outcome in the ledger.
        unfinished: Batches that the next run will finish.
        left_out: Files that were still being written when the backup was taken, and what no backup holds.
        lost: What the backup could not tell, one sentence each, without names of files.
    """

    workspace: Path
    made_at: str
    files: int
    sums: Sums
    unfinished: tuple[str, ...]
    left_out: int
    lost: tuple[str, ...]


def restore(file: Path, into: Path) -> Restored:
    """Restore a backup; the workspace appears whole, verified and in agreement with itself, or not at all.

    Args:
        file: The backup.
        into: A new or empty folder; an empty one may be where a disk is mounted.

    Raises:
        WorkspaceError: The folder is in use, is a link or cannot be written, or the backup is damaged or has no key.
    """
    if into.is_symlink():
        raise WorkspaceError(f"{into} is a link. Name the folder itself: {into.resolve()}")
    if into.exists() and not (into.is_dir() and all(is_draft(entry.name) for entry in into.iterdir())):
        raise WorkspaceError(
            f"{into} is not empty. Name a new folder: nothing is ever restored over another workspace."
        )
    if not into.parent.is_dir():
        raise WorkspaceError(f"There is no folder {into.parent}. Make it, or name another.")
    try:
        with _draft_of(into) as draft:
            return _restore(file, into, draft)
    except (OSError, sqlite3.Error) as exc:
        cause = exc.strerror if isinstance(exc, OSError) else exc
        raise WorkspaceError(
            f"{file.name} cannot be restored: {cause}. Check that it can be read, and that {into.parent} is "
            "writable and has room. Nothing of it is left."
        ) from exc


@contextmanager
def _draft_of(into: Path) -> Iterator[Path]:
    """Give a folder to unpack into: beside the goal, or within it, for no rename takes the place of a mounted disk."""
    within = into.is_dir()
    if within:
        into.chmod(PRIVATE_FOLDER)
        prepare_drafts(into)
    draft = draft_for(into / LEDGER if within else into)
    sweep_drafts(draft.parent)  # a restore that was killed has left radiographs and the key
    draft.mkdir(mode=PRIVATE_FOLDER)
    try:
        yield draft
    finally:
        shutil.rmtree(draft, ignore_errors=True)
        if within:
            with suppress(OSError):  # of another restore
                (into / DRAFTS).rmdir()


def _restore(file: Path, into: Path, draft: Path) -> Restored:
    @contextmanager
    def kept(name: str) -> Iterator[BinaryIO]:
        path = draft / name
        _make_private(path.parent)
        with os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW, 0o600), "wb") as opened:
            yield opened

    manifest = read_through(file, kept)
    for member in manifest.members:
        path = draft / member.path
        if member.torn:
            path.unlink()
        else:
            os.utime(path, ns=(member.mtime_ns, member.mtime_ns))
    _check_key(Workspace(draft).key, file)
    for top in TOPS:
        (draft / top).mkdir(mode=0o700, exist_ok=True)
    mark_folders(Workspace(draft))
    rebuilt = _renewed(into, draft)
    _remove_twins(draft, manifest, rebuilt)
    os.sync()  # all at once: a flush for each file would take hours for a large archive
    if into.is_dir():
        _move_up(draft, into)
    else:
        draft.rename(into)
        sync_folder(into.parent)
    torn = sum(member.torn for member in manifest.members)
    return Restored(
        workspace=into,
        made_at=manifest.made_at,
        files=len(manifest.members) - torn,
        sums=sums(rebuilt.files),
        unfinished=tuple(row["batch_id"] for row in rebuilt.batches if row["finished_at"] is None),
        left_out=torn + manifest.left_out,
        lost=rebuilt.lost,
    )


def _move_up(draft: Path, into: Path) -> None:
    """Bring a whole workspace to its place, member by member: without its key, which goes last, nothing runs in it."""
    key = Workspace(draft).key.name
    moved: list[Path] = []
    try:
        for path in sorted(draft.iterdir(), key=lambda path: (path.name == key, path.name == FOLDER_MARK, path.name)):
            rename_to_free_name(path, into / path.name)
            moved.append(path)
    except BaseException:
        for path in moved:
            (into / path.name).rename(path)
        raise


def _check_key(key: Path, file: Path) -> None:
    if not key.is_file() or key.stat().st_size != KEY_BYTES:
        raise WorkspaceError(
            f"{file.name} holds no sound {key.name}: with a new one, the same patients would get other pseudonyms. "
            "Restore another backup."
        )


def _make_private(folder: Path) -> None:
    """Make a folder and what is missing above it, for the owner alone; flushed later, with all the others."""
    if not folder.is_dir():
        for missing in [one for one in (*reversed(folder.parents), folder) if not one.is_dir()]:
            missing.mkdir(mode=0o700)


def _renewed(into: Path, draft: Path) -> Rebuilt:
    """Write the ledger anew: files have moved on since it was copied, and the intake lies elsewhere now."""
    workspace = Workspace(draft)
    around = surroundings(load_settings(draft), workspace, into / "intake")
    copied = workspace.ledger if workspace.ledger.exists() else None
    scratch = draft_for(workspace.ledger)
    scratch.mkdir(mode=0o700)
    try:
        renewed = renew_ledger(around, copied, scratch, anew=True)
        assert renewed.fresh is not None  # noqa: S101  # it was to be written anew
        renewed.fresh.replace(draft / LEDGER)
    finally:
        shutil.rmtree(scratch)
    rebuilt = renewed.rebuilt
    if renewed.salvaged.sound or (copied is None and not rebuilt.files):
        return rebuilt
    return replace(
        rebuilt,
        lost=(f"The ledger in the backup is {NO_LEDGER if copied is None else DAMAGED}", *rebuilt.lost),
    )


def _remove_twins(draft: Path, manifest: Manifest, rebuilt: Rebuilt) -> None:
    """Remove what the backup met twice: in the intake, and after it had moved on."""
    members = {member.path: member for member in manifest.members}
    own = {row["batch_id"] for row in rebuilt.batches if not row["keeps_source"]}
    for row in rebuilt.files:
        source, goal = members.get(f"intake/{row['name']}"), members.get(row["destination"] or "")
        if row["batch_id"] not in own or source is None or goal is None:
            continue
        if (source.sha256, source.mtime_ns) == (goal.sha256, goal.mtime_ns):
            (draft / source.path).unlink(missing_ok=True)
