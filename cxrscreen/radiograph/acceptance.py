"""What may be screened, as far as size, shape and tags can tell.

Tags are read and sizes compared before anything is decoded: a CT or a lateral view costs no
decompression, and a picture that claims 100,000 x 100,000 pixels is never expanded.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cxrscreen.errors import RefusedError
from cxrscreen.radiograph.defined_terms import quote
from cxrscreen.radiograph.radiograph import View
from cxrscreen.radiograph.refusal import Reason

if TYPE_CHECKING:  # the reader process needs none, and starts the sooner
    from cxrscreen.settings import Settings

# CR, DX and RG are projection radiography. Not RF: a fluoroscopy frame has another beam and another
# detector than any radiograph that the classifier has seen; a refusal costs a look, a wrong score more.
PROJECTION_MODALITIES = frozenset({"CR", "DX", "RG"})
UNSTATED_MODALITIES = frozenset({"", "OT"})
# Computed Radiography, Digital X-Ray for presentation, Secondary Capture and its children: PS3.4 table B.5-1.
_PROJECTION_CLASS = re.compile(r"1\.2\.840\.10008\.5\.1\.4\.1\.1\.(1|1\.1|7(\.\d)?)")

_CHEST = re.compile(r"CHEST|THORA|TORAX|TÓRAX|LUNG|PULMO|PARU|DADA|CXR")
_MORE_THAN_CHEST = re.compile(r"ABD|PELV|RIB|SPINE")
_UNSTATED_BODY_PART = frozenset({"", "UNKNOWN", "OTHER", "NONE", "NA", "N/A", "BODY", "TRUNK"})

# PS3.3 C.8.7.1.1.1 and what people write beside it: lateral, decubitus and oblique projections.
_NOT_FRONTAL = frozenset(
    {"LATERAL", "LAT", "LL", "RL", "LLAT", "RLAT"}
    | {"DECUBITUS", "LLD", "RLD"}
    | {"OBLIQUE", "LLO", "RLO", "LAO", "RAO", "LPO", "RPO"}
    | {"AXIAL", "TANGENTIAL"}
)
_MIN_CONTRAST = 2.0  # standard deviation in shades of 255; a radiograph has 30 and more


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptanceLimits:
    """Limits that a site may set.

    Attributes:
        min_side_pixels: Shorter side at least.
        max_pixels: Rows times columns at most.
        max_aspect: Longer over shorter side at most; more is a strip or a figure of panels.
        max_file_bytes: For whoever reads the file: a larger one is refused unread.
    """

    min_side_pixels: int
    max_pixels: int
    max_aspect: float
    max_file_bytes: int = 256 * 2**20


def acceptance_limits(settings: Settings) -> AcceptanceLimits:
    """Return the limits that the settings set."""
    return AcceptanceLimits(
        min_side_pixels=settings.min_side_pixels,
        max_pixels=settings.max_pixels,
        max_aspect=settings.max_aspect,
        max_file_bytes=settings.max_file_bytes,
    )


def check_size(rows: int, columns: int, limits: AcceptanceLimits) -> None:
    """Refuse a declared size beyond the limits.

    Raises:
        RefusedError: Reason TOO_LARGE, TOO_SMALL or NOT_ONE_RADIOGRAPH.
    """
    shorter, longer = sorted((rows, columns))
    size = f"{columns} x {rows} pixels"
    if rows * columns > limits.max_pixels:
        raise RefusedError(Reason.TOO_LARGE, f"{size}; at most {limits.max_pixels:,} pixels are read.")
    if shorter < limits.min_side_pixels:
        raise RefusedError(Reason.TOO_SMALL, f"{size}; the shorter side must have {limits.min_side_pixels}.")
    if longer > limits.max_aspect * shorter:
        raise RefusedError(
            Reason.NOT_ONE_RADIOGRAPH,
            f"{size}; the longer side is {longer / shorter:.1f} times the shorter, at most {limits.max_aspect:g}.",
        )


def check_contrast(contrast: float) -> None:
    """Refuse a picture without content.

    Args:
        contrast: Standard deviation of the shades, 0 to 127.5.

    Raises:
        RefusedError: Reason BLANK.
    """
    if contrast < _MIN_CONTRAST:
        raise RefusedError(Reason.BLANK, "All pixels are nearly equal after the conversion to grey.")


def check_modality(modality: str, sop_class: str, presentation_intent: str) -> tuple[str, ...]:
    """Refuse what is no projection radiograph for reading; return notices.

    Args:
        modality: Modality (0008,0060), upper case, "" where blank.
        sop_class: SOP Class UID, "" where blank; asked only where the modality does not tell.
        presentation_intent: Presentation Intent Type (0008,0068), "" where blank.

    Raises:
        RefusedError: Reason MODALITY.
    """
    if presentation_intent == "FOR PROCESSING":
        raise RefusedError(
            Reason.MODALITY, "Raw detector values, marked FOR PROCESSING; send the image marked FOR PRESENTATION."
        )
    if modality in PROJECTION_MODALITIES:
        return ()
    if modality not in UNSTATED_MODALITIES:
        raise RefusedError(Reason.MODALITY, f"Modality {quote(modality)} is no projection radiography.")
    if sop_class and not _PROJECTION_CLASS.fullmatch(sop_class):
        raise RefusedError(Reason.MODALITY, "The modality is not stated and the SOP class is no radiograph.")
    return ("The tags do not state a modality; taken as a projection radiograph.",)


def check_body_part(body_part: str) -> None:
    """Refuse a body part other than the chest; a blank one is accepted.

    Args:
        body_part: Body Part Examined (0018,0015) or the meaning of the anatomic region, upper case.

    Raises:
        RefusedError: Reason BODY_PART.
    """
    if body_part in _UNSTATED_BODY_PART:
        return
    if not _CHEST.search(body_part) or _MORE_THAN_CHEST.search(body_part):
        raise RefusedError(Reason.BODY_PART, f"Body part {quote(body_part)} is not the chest alone.")


def frontal_view(*, position: str, description: str, orientation: tuple[str, ...]) -> View:
    """Return the projection that the tags state; refuse one that is not frontal.

    Args:
        position: View Position (0018,5101) or the meaning of the view code, upper case, "" where blank.
        description: Series description and the like, upper case; asked only where ``position`` is blank, since
            people write there what they please ("CHEST PA AND LAT").
        orientation: Patient Orientation (0020,0020): directions of row and column, e.g. ("L", "F").

    Raises:
        RefusedError: Reason VIEW.
    """
    words = _words(position)
    if not_frontal := words & _NOT_FRONTAL:
        said = " ".join(sorted(not_frontal))
        raise RefusedError(Reason.VIEW, f"The tags say that the view is {said}, not frontal.")
    if "PA" in words:
        return View.PA
    if "AP" in words:
        return View.AP
    axes = "".join(direction[:1] for direction in orientation)
    if not words and set(axes) & {"A", "P"}:
        raise RefusedError(Reason.VIEW, "The patient orientation in the tags is not that of a frontal view.")
    described = _words(description)
    if not words and described & _NOT_FRONTAL and not described & {"PA", "AP", "FRONTAL"}:
        raise RefusedError(Reason.VIEW, "The series description says that the view is not frontal.")
    if words & {"FRONTAL"} or (len(axes) == 2 and not set(axes) & {"A", "P"}):  # noqa: PLR2004  # row and column
        return View.FRONTAL
    return View.UNKNOWN


def _words(text: str) -> frozenset[str]:
    joined = re.sub(r"POSTERO[ -]?ANTERIOR", "PA", re.sub(r"ANTERO[ -]?POSTERIOR", "AP", text))
    return frozenset(re.findall(r"[A-Z]+", joined))
