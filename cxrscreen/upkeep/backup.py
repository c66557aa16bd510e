"""One file that holds all of a workspace that cannot be made again, taken while it is in use."""

from __future__ import annotations

import io
import json
import os
import sqlite3
import tarfile
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cxrscreen.drafts import draft_for, sweep_drafts
from cxrscreen.durable import whole_file, write_file
from cxrscreen.errors import LedgerDamagedError, WorkspaceError
from cxrscreen.screening.intake import look
from cxrscreen.screening.opening import NO_FILE, open_regular
from cxrscreen.settings import Settings
from cxrscreen.types import Progress
from cxrscreen.upkeep.below import below
from cxrscreen.upkeep.manifest import (
    KEYS,
    LEDGER,
    MANIFEST,
    SETTINGS,
    TOPS,
    Manifest,
    Member,
    add_file,
    read_through,
    total_bytes,
)
from cxrscreen.workspace import KEY_BYTES, Workspace

LAST_BACKUP = "last-backup.json"
_LONGEST_NAME, _DEEPEST = 3000, 500  # bytes and folders: what could not be restored below a longer path is left out


@dataclass(frozen=True, slots=True, kw_only=True)
class Backup:
    """A backup that was written or read.

    Attributes:
        file: Where it is.
        made_at: When it was begun, ISO 8601 with zone.
        files: How many it holds.
        bytes: How much they are.
        left_out: Files that it does not hold whole: links and pipes, those still being written in the intake, and
            those in intake and quarantine that are too large to be screened.
    """

    file: Path
    made_at: str
    files: int
    bytes: int
    left_out: int


def backup(settings: Settings, file: Path, progress: Progress = lambda _n, _d, _t: None) -> Backup:
    """Write a backup, whole or not at all, readable by its owner alone; screening may go on meanwhile.

    It holds the settings, the pseudonym keys, the ledger, intake, archive, quarantine, reports, lung segmenters, models
    and what retrainings have finished; not the feature maps, which are computed again, nor Prefect's own records, nor
    the password. The ledger is copied first and the intake next: whatever moves on meanwhile is met again in the
    archive, with its record, from which restoring brings the copy of the ledger up to date.

    Args:
        settings: Of the workspace.
        file: The new file, outside the workspace.
        progress: Told how many files of each folder are done.

    Raises:
        WorkspaceError: ``file`` is there already, lies in the workspace or cannot be written; or a folder of the
            workspace is not mounted.
        LedgerDamagedError: The ledger must be recovered first.
    """
    workspace = Workspace(settings.workspace)
    _check(workspace, file)
    sweep_drafts(draft_for(file).parent, *workspace.draft_places)  # one that was killed has left half of all this
    made_at = datetime.now().astimezone().isoformat(timespec="seconds")
    try:
        with (
            whole_file(file, replace=False) as stream,
            tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as tar,
        ):
            members = list(_singles(workspace, tar))
            left_out = 0
            for top in TOPS:
                names, skipped = _listed(workspace, top)
                left_out += skipped
                for done, name in enumerate(names):
                    progress(top, done, len(names))
                    member = _added(tar, settings, top, name)
                    if isinstance(member, Member):
                        members.append(member)
                    left_out += member is NO_FILE
                progress(top, len(names), len(names))
            manifest = Manifest(made_at=made_at, members=tuple(members), left_out=left_out)
            content = manifest.model_dump_json(indent=1).encode()
            entry = tarfile.TarInfo(MANIFEST)
            entry.size, entry.mode = len(content), 0o600
            tar.addfile(entry, io.BytesIO(content))
    except FileExistsError as exc:
        raise WorkspaceError(f"{file} is there already. Name a new file.") from exc
    except OSError as exc:
        raise WorkspaceError(
            f"The backup {file.name} cannot be written: {exc.strerror}. Check that its folder has room and is "
            "writable, and that the workspace can be read. Nothing of it is left."
        ) from exc
    _note(workspace, file, made_at, verified=False)
    return _summary(file, manifest)


def verify(settings: Settings, file: Path) -> Backup:
    """Read a backup to its end and compare each file with its hash; nothing is restored.

    Raises:
        WorkspaceError: It cannot be read, was cut short or is changed.
    """
    try:
        manifest = read_through(file)
    except OSError as exc:
        raise WorkspaceError(f"The backup {file.name} cannot be read: {exc.strerror}.") from exc
    last = last_backup(Workspace(settings.workspace))
    if last is not None and (last.file, last.at) == (file.name, manifest.made_at):
        _note(Workspace(settings.workspace), file, manifest.made_at, verified=True)
    return _summary(file, manifest)


@dataclass(frozen=True, slots=True, kw_only=True)
class LastBackup:
    """The latest backup that was finished, wherever it is now."""

    at: str  # ISO 8601 with zone
    file: str
    verified: bool


def last_backup(workspace: Workspace) -> LastBackup | None:
    """Return the latest backup of a workspace, or ``None`` where none is known."""
    with suppress(OSError, ValueError, TypeError):
        return LastBackup(**json.loads((workspace.root / LAST_BACKUP).read_bytes()))
    return None


def _note(workspace: Workspace, file: Path, made_at: str, *, verified: bool) -> None:
    told = {"at": made_at, "file": os.fsencode(file.name).decode(errors="replace"), "verified": verified}
    with suppress(OSError):  # a full workspace is a reason to take a backup, not to lose it
        write_file(workspace.root / LAST_BACKUP, json.dumps(told).encode())


def _summary(file: Path, manifest: Manifest) -> Backup:
    torn = sum(member.torn for member in manifest.members)
    return Backup(
        file=file,
        made_at=manifest.made_at,
        files=len(manifest.members) - torn,
        bytes=total_bytes(manifest.members),
        left_out=manifest.left_out + torn,
    )


def _check(workspace: Workspace, file: Path) -> None:
    if not workspace.key.is_file() or workspace.key.stat().st_size != KEY_BYTES:
        raise WorkspaceError(f"{workspace.root} is no workspace, or its {workspace.key.name} is gone or damaged.")
    workspace.check_in_place()
    if not file.parent.is_dir():
        raise WorkspaceError(f"There is no folder {file.parent}. Make it, or name another.")
    if file.resolve().is_relative_to(workspace.root.resolve()):
        raise WorkspaceError("A backup inside the workspace would be lost with it. Name a file on another disk.")


def _singles(workspace: Workspace, tar: tarfile.TarFile) -> Iterator[Member]:
    """Add what lies in the workspace itself, the ledger last."""
    for path in (workspace.root / SETTINGS, *sorted(workspace.root.glob(f"{KEYS}*"))):
        if path.is_file():
            with path.open("rb") as source:
                yield add_file(tar, path.name, source)
    copy = draft_for(workspace.ledger)
    try:
        if workspace.ledger.exists():
            _copy_ledger(workspace.ledger, copy)
            with copy.open("rb") as source:
                yield add_file(tar, LEDGER, source)
    finally:
        copy.unlink(missing_ok=True)


def _copy_ledger(ledger: Path, copy: Path) -> None:
    """Copy the ledger as it is between two changes.

    Raises:
        LedgerDamagedError: It is damaged: as a part of a backup it would be of little use.
    """
    os.close(os.open(copy, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    try:
        with closing(sqlite3.connect(ledger, timeout=30)) as source, closing(sqlite3.connect(copy)) as goal:
            goal.execute("PRAGMA journal_mode = OFF")  # a copy that is not finished is thrown away
            source.backup(goal)
            sound = goal.execute("PRAGMA quick_check").fetchone()[0] == "ok"
    except sqlite3.OperationalError as exc:
        raise OSError(None, str(exc)) from exc  # held by another program for too long, or the disk is full
    except sqlite3.DatabaseError:
        sound = False
    if not sound:
        raise LedgerDamagedError("The ledger is damaged. Run `cxrscreen recover` first, then take the backup.")


def _listed(workspace: Workspace, top: str) -> tuple[list[str], int]:
    """Return the files below a folder, relative to it, and how many things no backup holds."""
    if top == "intake":
        # As screening looks at it: strangers write there, and what it would not take up is no loss.
        seen = look(workspace.intake)
        names, others = [sighting.name for sighting in seen if not sighting.fault], sum(bool(s.fault) for s in seen)
    else:
        found = below(workspace.root / top)
        names, others = found.files, found.others
    kept = [name for name in names if name.count("/") < _DEEPEST and len(os.fsencode(name)) <= _LONGEST_NAME]
    return kept, others + len(names) - len(kept)


def _added(tar: tarfile.TarFile, settings: Settings, top: str, name: str) -> Member | str | None:
    """Add a file; return ``NO_FILE`` where it is none, and nothing where it has moved on meanwhile.

    A sparse file costs its sender nothing, but the backup its whole length: what is too large to be screened stays out.
    """
    try:
        source = open_regular(settings.workspace / top, name)
    except FileNotFoundError:
        return None
    except OSError as exc:
        if exc.strerror == NO_FILE or (top == "intake" and isinstance(exc, PermissionError)):
            return NO_FILE
        raise
    with source:
        if top in ("intake", "quarantine") and os.fstat(source.fileno()).st_size > settings.max_file_bytes:
            return NO_FILE
        return add_file(tar, f"{top}/{name}", source)
