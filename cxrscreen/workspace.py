"""The folders of one installation."""

from __future__ import annotations

import contextlib
import logging
import os
import resource
import secrets
import shlex
import sqlite3
from dataclasses import dataclass
from pathlib import Path

from cxrscreen.drafts import prepare_drafts
from cxrscreen.durable import whole_file
from cxrscreen.errors import WorkspaceError

log = logging.getLogger(__name__)

PRIVATE_FOLDER = 0o700
KEY_BYTES = 32
# Lies in the workspace, and in each folder whose absence must not be taken for emptiness.
FOLDER_MARK = ".cxrscreen-folder"


@dataclass(frozen=True, slots=True)
class Workspace:
    """Where everything of one installation lives; readable by its owner alone."""

    root: Path

    @property
    def intake(self) -> Path:
        """Files to be screened arrive here."""
        return self.root / "intake"

    @property
    def archive(self) -> Path:
        """Screened files, by date and batch."""
        return self.root / "archive"

    @property
    def quarantine(self) -> Path:
        """Refused files, each with its reason beside it."""
        return self.root / "quarantine"

    @property
    def reports(self) -> Path:
        """Batch and study reports; the only folder that is served over HTTP."""
        return self.root / "reports"

    @property
    def models(self) -> Path:
        """Models trained at this site."""
        return self.root / "models"

    @property
    def feature_maps(self) -> Path:
        """Cache of feature maps; may be cleared at any time."""
        return self.root / "feature-maps"

    @property
    def lungs(self) -> Path:
        """Lung segmenters that were trained here."""
        return self.root / "lungs"

    @property
    def retraining(self) -> Path:
        """What retrainings have finished so far, and which test parts have been looked at."""
        return self.root / "retraining"

    @property
    def kept(self) -> tuple[Path, ...]:
        """The folders whose loss nothing makes good; each may be a disk of its own, or a link."""
        return self.archive, self.quarantine, self.reports, self.models, self.retraining

    @property
    def draft_places(self) -> tuple[Path, ...]:
        """The folders that may hold drafts."""
        return self.root, *self.kept

    @property
    def is_marked(self) -> bool:
        """Whether the folders of ``kept`` were marked; an earlier version did not do so."""
        return os.path.lexists(self.root / FOLDER_MARK)

    @property
    def out_of_place(self) -> list[Path]:
        """Those of ``kept`` that are gone, or have something else in their stead, such as an empty mount point."""
        unmarked = [folder for folder in self.kept if not os.path.lexists(folder / FOLDER_MARK)]
        return unmarked if self.is_marked else [folder for folder in unmarked if _is_missed(self, folder)]

    def check_in_place(self, *those: Path) -> None:
        """See that every folder of ``kept`` is there, or those that are named.

        Raises:
            WorkspaceError: One is not. What was written in its stead would be hidden as soon as it is there again.
        """
        for folder in self.out_of_place:
            if those and folder not in those:
                continue
            if is_closed(folder):
                raise WorkspaceError(f"{folder} cannot be looked into: Permission denied. Give its owner the right.")
            again = shlex.quote(str(folder.absolute()))
            raise WorkspaceError(
                f"{folder} is gone, or is not the folder that this workspace has used: no {FOLDER_MARK} can be seen in "
                "it. Mount its disk, or put it back. If it was deleted on purpose, make a new one: "
                f"mkdir -pm 700 {again} && touch {again}/{FOLDER_MARK}"
            )

    @property
    def ledger(self) -> Path:
        """The record of every file."""
        return self.root / "ledger.sqlite"

    @property
    def serve_lock(self) -> Path:
        """Locked by ``cxrscreen serve`` for as long as it lives, and by those who need the workspace for themselves."""
        return self.root / "serve.lock"

    @property
    def ledger_lock(self) -> Path:
        """Locked in part by everyone who has the ledger open, and whole by those who need it for themselves."""
        return lock_of(self.ledger)

    @property
    def key(self) -> Path:
        """The secret behind the pseudonyms."""
        return self.root / "pseudonym.key"

    @property
    def former_keys(self) -> list[Path]:
        """Keys that were used until they were changed, the latest last."""
        return sorted(self.root.glob(f"{self.key.name}.until-*"))

    @property
    def prefect(self) -> Path:
        """Prefect's own database and settings."""
        return self.root / "prefect"


def lock_of(ledger: Path) -> Path:
    """Return the lock file that belongs to a ledger, wherever it lies."""
    return ledger.with_name(f"{ledger.name}.lock")


def is_closed(folder: Path) -> bool:
    """Return whether it cannot be told what a folder is, for want of the right to look into it."""
    try:
        (folder / FOLDER_MARK).lstat()
    except OSError as exc:
        return isinstance(exc, PermissionError)
    return False


def private_process() -> None:
    """See that what this process and its children write is their owner's alone, and that none leaves its memory behind.

    A core dump would hold radiographs and the pseudonym key. Without a limit on its size alone, a handler that the
    system pipes it to may still get it; so the memory is left out of it, too (core(5)).
    """
    os.umask(0o077)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with contextlib.suppress(OSError):  # not every kernel has it
        Path("/proc/self/coredump_filter").write_text("0")


def open_workspace(root: Path) -> Workspace:
    """Return the workspace at ``root``; a new one gets its folders and its pseudonym key, and is logged.

    Raises:
        WorkspaceError: A folder cannot be made or written to; or a folder of ``kept`` or the key is gone from a
            workspace in use.
    """
    workspace = Workspace(root)
    try:
        for folder in (root, workspace.intake, workspace.feature_maps):
            folder.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
        if not workspace.is_marked:
            if workspace.key.exists() or workspace.ledger.exists():  # an earlier version has made it
                workspace.check_in_place()
                with contextlib.suppress(OSError):  # on a disk that is full or read-only: another time
                    mark_folders(workspace)
            else:
                mark_folders(workspace)
                log.warning(
                    "A new workspace was made in %s, with a pseudonym key of its own. If there was one before, its "
                    "disk is not mounted: stop, and mount it.",
                    root,
                )
        workspace.check_in_place()
        prepare_drafts(*workspace.draft_places)
        if not workspace.key.exists():
            _check_unused(workspace)
            with contextlib.suppress(FileExistsError):  # another run was first; its key counts
                write_new_key(workspace.key)
    except OSError as exc:
        raise WorkspaceError(
            f"The workspace {root} cannot be used: {exc.strerror}. Give its owner the right to write there, "
            "or name another folder with --workspace."
        ) from exc
    return workspace


def mark_folders(workspace: Workspace) -> None:
    """Make the folders of ``kept`` where they are missing, and mark them; then the workspace, which says so.

    Raises:
        OSError: One cannot be made or written to.
    """
    for folder in workspace.kept:
        folder.mkdir(mode=PRIVATE_FOLDER, exist_ok=True)
    for folder in (*workspace.kept, workspace.root):
        (folder / FOLDER_MARK).touch(mode=0o600)


def write_new_key(path: Path, *, replace: bool = False) -> None:
    """Write a new key whole.

    Raises:
        FileExistsError: There is one, and it is not to be replaced.
        OSError: It cannot be written.
    """
    with whole_file(path, replace=replace) as file:
        file.write(secrets.token_bytes(KEY_BYTES))


def batches_in(ledger: Path, *, unfinished: bool = False) -> bool:
    """Return whether a ledger has batches; one that cannot be read counts as if it had. Nothing is written."""
    condition = "finished_at IS NULL" if unfinished else "TRUE"
    found = _finds(ledger, f"SELECT 1 FROM batch WHERE {condition} LIMIT 1")  # noqa: S608  # our own words
    return ledger.exists() and found is not False


def _finds(ledger: Path, query: str, **values: str) -> bool | None:
    """Return whether a query finds anything; ``None`` where the ledger cannot be read."""
    try:
        with contextlib.closing(sqlite3.connect(f"{ledger.absolute().as_uri()}?mode=ro", uri=True)) as database:
            return database.execute(query, values).fetchone() is not None
    except sqlite3.Error:
        return None


def _is_missed(workspace: Workspace, folder: Path) -> bool:
    """Return whether a folder that was never marked is gone, or empty although the ledger names what is in it."""
    try:
        if any(not entry.name.startswith(".") for entry in folder.iterdir()):
            return False
    except OSError as exc:
        return not isinstance(exc, PermissionError)
    query = "SELECT 1 FROM file WHERE (placed AND instr(destination, :top) = 1) OR instr(report, :top) = 1 LIMIT 1"
    return bool(_finds(workspace.ledger, query, top=f"{folder.name}/"))


def _check_unused(workspace: Workspace) -> None:
    """See that no pseudonym has been given under a key that is gone: a new one would part a patient from its past."""
    if (
        workspace.former_keys
        or batches_in(workspace.ledger)
        or any(
            not entry.name.startswith(".")
            for folder in (workspace.archive, workspace.quarantine, workspace.reports)
            for entry in folder.iterdir()
        )
    ):
        raise WorkspaceError(
            f"{workspace.key.name} is gone, and pseudonyms have been given with it. Restore it from the backup. If it "
            "is lost for good, make a new one with `cxrscreen rotate-key`: later reports will call the same patients "
            "by other pseudonyms."
        )
