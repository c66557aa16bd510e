"""Whose an intake is: one folder must not feed two workspaces."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import os
from pathlib import Path

from cxrscreen.durable import whole_file
from cxrscreen.errors import WorkspaceError
from cxrscreen.screening.opening import holds_anything
from cxrscreen.workspace import Workspace

MARK_FILE = ".cxrscreen-workspace"  # a leading dot: no file to be screened
_MARK_BYTES = 200  # more than one has


def mark_intake(workspace: Workspace) -> None:
    """Write into the intake whose it is, or see that it is this workspace's.

    Through a link or a mount, one folder may be the intake of two workspaces: their ledgers know nothing of each other,
    and each would take the other's files away. The mark is a keyed hash and tells nothing. Where it cannot be written,
    no file can be taken away either. Nothing is written into an empty intake: it may be where a disk is to be mounted,
    and with the mark in it, it would pass for the disk whose files were taken away.

    Raises:
        WorkspaceError: The intake is another workspace's, or its mark cannot be read.
    """
    path = workspace.intake / MARK_FILE
    try:
        mark = _mark(workspace.key)
        found = _read_mark(path)
        if found is None:
            if not holds_anything(workspace.intake):
                return
            found = _write_mark(path, mark)
        if found != mark and any(found == _mark(former) for former in workspace.former_keys):
            path.unlink()  # a change of the key was cut short
            found = _write_mark(path, mark)
    except OSError as exc:
        raise _unreadable(exc) from exc
    if found != mark:
        raise _foreign(workspace)


def marked_under(workspace: Workspace) -> Path | None:
    """Return the key of this workspace, present or former, that its intake is marked with; ``None`` without a mark.

    Raises:
        WorkspaceError: As ``mark_intake``.
    """
    keys = [key for key in (workspace.key, *reversed(workspace.former_keys)) if key.exists()]
    try:
        found = _read_mark(workspace.intake / MARK_FILE)
        under = next((key for key in keys if _mark(key) == found), None)
    except OSError as exc:
        raise _unreadable(exc) from exc
    if found is not None and under is None:
        raise _foreign(workspace)
    return under


def _unreadable(exc: OSError) -> WorkspaceError:
    return WorkspaceError(f"{MARK_FILE} in the intake cannot be read: {exc.strerror}. Give its owner the right.")


def _foreign(workspace: Workspace) -> WorkspaceError:
    return WorkspaceError(
        f"{workspace.intake} is the intake of another workspace, reached through a link or a mount. An intake feeds "
        "one workspace: give each its own folder. If the other is gone for good, or this one's key is lost, delete "
        f"{MARK_FILE} there."
    )


def _mark(key: Path) -> bytes:
    return hmac.new(key.read_bytes(), b"intake", hashlib.sha256).hexdigest().encode() + b"\n"


def _read_mark(path: Path) -> bytes | None:
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    with os.fdopen(handle, "rb") as file:
        return file.read(_MARK_BYTES) or b"empty"


def _write_mark(path: Path, mark: bytes) -> bytes:
    """Write the mark, unless another was faster, and return the one that counts."""
    with contextlib.suppress(OSError), whole_file(path, replace=False) as file:
        file.write(mark)
    return _read_mark(path) or mark
