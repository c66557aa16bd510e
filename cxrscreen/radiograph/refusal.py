"""Why a file may not be screened."""

from __future__ import annotations

from enum import StrEnum


class Reason(StrEnum):
    """Code of a refusal; the words and the advice for each stand in ``templates/words``."""

    EMPTY = "empty"
    UNKNOWN_TYPE = "unknown-type"  # not DICOM, JPEG or PNG by its content
    UNREADABLE = "unreadable"  # no decoder opens it
    DAMAGED = "damaged"  # a decoder opens it and warns
    NO_PIXELS = "no-pixels"  # a DICOM object without an image
    TOO_LARGE = "too-large"
    TOO_SMALL = "too-small"
    BLANK = "blank"  # all pixels (nearly) equal
    NOT_ONE_RADIOGRAPH = "not-one-radiograph"  # the shape of a strip or a figure of panels
    MULTI_FRAME = "multi-frame"
    COLOUR = "colour"
    MODALITY = "modality"  # the tags say: not a projection radiograph
    BODY_PART = "body-part"  # the tags say: not the chest
    VIEW = "view"  # the tags say: not frontal
    NOT_FRONTAL_CHEST = "not-frontal-chest"  # the picture shows: unlike any frontal chest radiograph
    NO_LUNG_FIELDS = "no-lung-fields"  # the picture shows: lungs cannot be found, and without them there is no score
    TURNED = "turned"  # the picture shows: upside down or on its side
    NEGATIVE = "negative"  # the picture shows: dark and bright have changed places
