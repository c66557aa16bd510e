"""What a decoded chest radiograph is."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from cxrscreen.types import Grey8


class FileType(StrEnum):
    """Type of a file by its content."""

    DICOM = "DICOM"
    JPEG = "JPEG"
    PNG = "PNG"


class View(StrEnum):
    """Projection, as far as the tags tell."""

    PA = "PA"
    AP = "AP"
    FRONTAL = "frontal"  # frontal, direction of the beam not stated
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who and what a file says it is. Holds patient data: never log it, never print it.

    All values are ``None`` for JPEG and PNG, whose metadata is not trusted to name anybody.
    """

    study_instance_uid: str | None = field(default=None, repr=False)
    sop_instance_uid: str | None = field(default=None, repr=False)
    patient_id: str | None = field(default=None, repr=False)
    issuer_of_patient_id: str | None = field(default=None, repr=False)
    patient_name: str | None = field(default=None, repr=False)  # "Family, Given", for display
    patient_birth_date: str | None = field(default=None, repr=False)  # ISO 8601


@dataclass(frozen=True, slots=True, kw_only=True)
class Acquisition:
    """How a radiograph was made and stored; nothing in it names a person."""

    file_type: FileType
    rows: int  # as stored, before any turning
    columns: int
    bits_stored: int  # per sample
    encoding: str  # transfer syntax name, or e.g. "PNG, palette"
    photometric: str | None = None  # DICOM photometric interpretation
    window: str | None = None  # how stored values became grey: e.g. "VOI LUT function, centre 2048, width 4096"
    modality: str | None = None
    view: View = View.UNKNOWN
    study_date: str | None = None  # ISO 8601
    age_years: int | None = None
    sex: str | None = None  # "F", "M", "O"


@dataclass(frozen=True, slots=True, kw_only=True)
class Radiograph:
    """A decoded image that may turn out to be a frontal chest radiograph.

    Attributes:
        identity: Patient data; see ``Identity``.
        acquisition: How it was made and stored.
        pixels: Ready for display, turned upright as its tags say, air dark and bone bright.
        reading: The same at reading resolution, long side at most 1024.
        notices: What a reader should know about the conversion, English sentences without patient
            data, e.g. that a tint was turned to grey.
    """

    identity: Identity
    acquisition: Acquisition
    pixels: Grey8 = field(repr=False)
    reading: Grey8 = field(repr=False)
    notices: tuple[str, ...] = ()
