"""Who and what a file says it is."""

from __future__ import annotations

import re
from datetime import date

from pydicom.valuerep import PersonName

from cxrscreen.radiograph.decoder_warnings import silence_python
from cxrscreen.radiograph.dicom_file import read_file, text_of
from cxrscreen.radiograph.machine import machine_trouble
from cxrscreen.radiograph.radiograph import FileType, Identity
from cxrscreen.radiograph.sniff import sniff

_KEYWORDS = [
    "SpecificCharacterSet",
    "StudyInstanceUID",
    "SOPInstanceUID",
    "PatientID",
    "IssuerOfPatientID",
    "PatientName",
    "PatientBirthDate",
]


def identify(content: bytes) -> Identity:
    """Read who and what a file is, from its header alone.

    What cannot be read, and all JPEG and PNG, gives an empty ``Identity``.

    Raises:
        MemoryError, OSError: The machine fell short; an empty identity would tear a study apart.
    """
    try:
        if sniff(content) is not FileType.DICOM:
            return Identity()
        with silence_python():
            return _identity_in(content)
    except Exception as exc:  # noqa: BLE001  # pydicom raises nearly anything on damaged headers; reading the pixels will say so
        trouble = machine_trouble(exc)
        if trouble is not None:
            raise trouble from None
        return Identity()


def iso_date(written: str) -> str | None:
    """Return a DICOM date (PS3.5 section 6.2: YYYYMMDD, formerly YYYY.MM.DD) as ISO 8601, ``None`` if it is none."""
    match = re.fullmatch(r"(\d{4})([.-]?)(\d{2})\2(\d{2})", written.strip())
    if match is None:
        return None
    try:
        return date(int(match[1]), int(match[3]), int(match[4])).isoformat()
    except ValueError:
        return None


def _identity_in(content: bytes) -> Identity:
    header = read_file(content, stop_before_pixels=True, keywords=_KEYWORDS)
    return Identity(
        study_instance_uid=text_of(header, "StudyInstanceUID") or None,
        sop_instance_uid=text_of(header, "SOPInstanceUID") or None,
        patient_id=text_of(header, "PatientID") or None,
        issuer_of_patient_id=text_of(header, "IssuerOfPatientID") or None,
        patient_name=_display_name(header.get("PatientName")),
        patient_birth_date=iso_date(text_of(header, "PatientBirthDate")),
    )


def _display_name(name: object) -> str | None:
    """Return "Family, Given" of a person name (PS3.5 section 6.2.1), or what there is of it."""
    if not name:
        return None
    person = name if isinstance(name, PersonName) else PersonName(str(name))
    parts = [" ".join(part.split()) for part in (person.family_name, person.given_name)]
    return ", ".join(part for part in parts if part) or None
