"""Who and what a DICOM file says it is."""

from __future__ import annotations

import re
from datetime import date

from pydicom import Dataset
from pydicom.valuerep import PersonName

from cxrscreen.radiograph.dicom_file import read_header, text_of
from cxrscreen.radiograph.radiograph import Identity

_KEYWORDS = [
    "SpecificCharacterSet",
    "StudyInstanceUID",
    "SOPInstanceUID",
    "PatientID",
    "IssuerOfPatientID",
    "PatientName",
    "PatientBirthDate",
]
_LETTERS_AT_MOST = 1024  # the standard has at most 64, or 5 times that for a name; a longer value identifies nobody


def read_identity(content: bytes) -> tuple[Identity, bool]:
    """Read the identifying tags of a DICOM file or of its beginning.

    Returns:
        The identity, and whether the whole header was there.

    Raises:
        Exception: Whatever pydicom raises for a damaged or cut header.
    """
    header, is_whole = read_header(content, _KEYWORDS)
    identity = Identity(
        study_instance_uid=_identifier(header, "StudyInstanceUID"),
        sop_instance_uid=_identifier(header, "SOPInstanceUID"),
        patient_id=_identifier(header, "PatientID"),
        issuer_of_patient_id=_identifier(header, "IssuerOfPatientID"),
        patient_name=_display_name(header.get("PatientName")),
        patient_birth_date=iso_date(text_of(header, "PatientBirthDate")),
    )
    return identity, is_whole


def iso_date(written: str) -> str | None:
    """Return a DICOM date (PS3.5 section 6.2: YYYYMMDD, formerly YYYY.MM.DD) as ISO 8601, ``None`` if it is none."""
    match = re.fullmatch(r"(\d{4})([.-]?)(\d{2})\2(\d{2})", written.strip())
    if match is None:
        return None
    try:
        return date(int(match[1]), int(match[3]), int(match[4])).isoformat()
    except ValueError:
        return None


def _identifier(header: Dataset, keyword: str) -> str | None:
    return _sound(text_of(header, keyword))


def _display_name(name: object) -> str | None:
    """Return "Family, Given" of a person name (PS3.5 section 6.2.1), or what there is of it."""
    if not name:
        return None
    person = name if isinstance(name, PersonName) else PersonName(str(name))
    parts = [" ".join(part.split()) for part in (person.family_name, person.given_name)]
    return _sound(", ".join(part for part in parts if part))


def _sound(text: str) -> str | None:
    """Return a text that every encoding of reports and ledger can hold, ``None`` where there is none."""
    if not text or len(text) > _LETTERS_AT_MOST:
        return None
    return text.encode("utf-8", "replace").decode("utf-8")
