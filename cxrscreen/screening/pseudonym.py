"""Names for patients and studies that tell nobody who they are.

A keyed hash (HMAC-SHA-256, RFC 2104) of the identifier: stable within one installation, and not to be
reversed or guessed without its key, unlike a plain hash of a short patient number.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass, field
from pathlib import Path

from cxrscreen.errors import WorkspaceError
from cxrscreen.radiograph.radiograph import Identity
from cxrscreen.workspace import KEY_BYTES

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
