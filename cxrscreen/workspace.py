"""The folders of one installation."""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from cxrscreen.errors import WorkspaceError

PRIVATE_FOLDER = 0o700
PRIVATE_FILE = 0o600
KEY_BYTES = 32


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
    def retraining(self) -> Path:
        """What retrainings have finished so far, and which test parts have been looked at."""
        return self.root / "retraining"

    @property
    def ledger(self) -> Path:
        """The record of every file."""
        return self.root / "ledger.sqlite"

    @property
    def key(self) -> Path:
        """The secret behind the pseudonyms."""
        return self.root / "pseudonym.key"

    @property
    def prefect(self) -> Path:
        """Prefect's own database and settings."""
        return self.root / "prefect"


def open_workspace(root: Path) -> Workspace:
    """Return the workspace at ``root``, making the folders and the pseudonym key that are missing.

    Raises:
        WorkspaceError: A folder cannot be made or written to.
    """
    workspace = Workspace(root)
    folders = (
        root,
        workspace.intake,
        workspace.archive,
        workspace.quarantine,
        workspace.reports,
        workspace.models,
        workspace.feature_maps,
        workspace.retraining,
    )
    try:
        for folder in folders:
            folder.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
        _make_key(workspace.key)
    except OSError as exc:
        raise WorkspaceError(
            f"The workspace {root} cannot be used: {exc.strerror}. Give its owner the right to write there, "
            "or name another folder with --workspace."
        ) from exc
    return workspace


def _make_key(path: Path) -> None:
    """Write a new key whole, unless there is one: two runs that start together end up with the same key."""
    if path.exists():
        return
    draft = path.with_name(f".{path.name}-{secrets.token_hex(4)}")
    handle = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, PRIVATE_FILE)
    with os.fdopen(handle, "wb") as file:
        file.write(secrets.token_bytes(KEY_BYTES))
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(draft, path)
    except FileExistsError:
        pass  # another run was first; its key counts
    finally:
        draft.unlink()
