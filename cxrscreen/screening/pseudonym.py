"""Names for patients and studies that tell nobody who they are.

A keyed hash (HMAC-SHA-256, RFC 2104) of the identifier: stable within one installation, and not to be
reversed or guessed without its key, unlike a plain hash of a short patient number.
"""

from __future__ import annotations

import base64
import fcntl
import hashlib
import hmac
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from cxrscreen.durable import write_file
from cxrscreen.errors import WorkspaceError
from cxrscreen.radiograph.radiograph import Identity
from cxrscreen.screening.marking import mark_intake
from cxrscreen.workspace import KEY_BYTES, Workspace, batches_in, write_new_key

LETTERS = 12  # 60 bits: by chance two of a million studies share a key once in two million installations


@dataclass(frozen=True, slots=True)
class Pseudonyms:
    """Pseudonyms under one key."""

    key: bytes = field(repr=False)

    def study(self, identity: Identity, sha256: str) -> str:
        """Return the key of the study: from its StudyInstanceUID, else from the file's content.

        The patient is part of it: two patients under one UID, as careless anonymising leaves them, stay apart.
        """
        if identity.study_instance_uid:
            patient = identity.issuer_of_patient_id or "", identity.patient_id or ""
            return self._name("S", "study", identity.study_instance_uid, *patient)
        return self._name("S", "content", sha256)

    def patient(self, identity: Identity) -> str | None:
        """Return the pseudonym of the patient, or ``None`` where the file names nobody."""
        if not identity.patient_id:
            return None
        return self._name("P", "patient", identity.issuer_of_patient_id or "", identity.patient_id)

    def _name(self, prefix: str, *parts: str) -> str:
        digest = hmac.new(self.key, "\0".join(parts).encode("utf-8", "surrogatepass"), hashlib.sha256).digest()
        return f"{prefix}-{base64.b32encode(digest).decode()[:LETTERS]}"


def load_pseudonyms(key_file: Path) -> Pseudonyms:
    """Read the key.

    Raises:
        WorkspaceError: The key is missing or cut short; a new one would break every pseudonym given so far.
    """
    try:
        key = key_file.read_bytes()
    except OSError as exc:
        raise WorkspaceError(f"{key_file.name} cannot be read: {exc.strerror}. Restore it from the backup.") from exc
    if len(key) != KEY_BYTES:
        raise WorkspaceError(f"{key_file.name} is damaged ({len(key)} bytes). Restore it from the backup.")
    return Pseudonyms(key)


def rotate_key(workspace: Workspace) -> Path | None:
    """Give the workspace a new key; the former one is set aside.

    Reports written from now on call the same patients and studies by other pseudonyms; those written before keep
    theirs. Copies are still recognised: by their content.

    Returns:
        Where the former key lies; ``None`` where there was none any more.

    Raises:
        WorkspaceError: A run has the workspace open, a batch is unfinished, or a file cannot be written.
    """
    aside = workspace.key.with_name(f"{workspace.key.name}.until-{datetime.now().astimezone():%Y-%m-%dT%H%M%S}")
    try:
        with _nobody_else(workspace):
            if batches_in(workspace.ledger, unfinished=True):
                raise WorkspaceError(
                    "A batch is unfinished, and its studies have pseudonyms under the present key. Run "
                    "`cxrscreen screen` once, then change the key."
                )
            kept = workspace.key.exists()
            if kept:
                write_file(aside, workspace.key.read_bytes())
            write_new_key(workspace.key, replace=kept)
            mark_intake(workspace)
    except OSError as exc:
        raise WorkspaceError(f"The key cannot be changed: {exc.strerror}. The former one counts.") from exc
    return aside if kept else None


@contextmanager
def _nobody_else(workspace: Workspace) -> Iterator[None]:
    """Hold off runs; each has the ledger open, and holds a share of its lock for so long."""
    handle = os.open(workspace.ledger_lock, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as exc:
            raise WorkspaceError(
                "Another program has this workspace open. Stop `cxrscreen serve` and `cxrscreen watch`, or wait until "
                "the run has ended, and try again."
            ) from exc
        yield
    finally:
        os.close(handle)
