"""Bytes to a radiograph: sniff, decode, accept. Runs in the reader process, where hostile bytes can do no harm.

Whoever wants a file read calls ``read_radiograph`` or ``identify``, which ask that process.
"""

from __future__ import annotations

import zlib

from cxrscreen.errors import RefusedError
from cxrscreen.radiograph.acceptance import AcceptanceLimits, check_contrast
from cxrscreen.radiograph.annotations import has_drawn_boxes
from cxrscreen.radiograph.decoder_warnings import Heard, hear_decoders
from cxrscreen.radiograph.dicom import read_dicom
from cxrscreen.radiograph.dicom_identity import read_identity
from cxrscreen.radiograph.grey import contrast
from cxrscreen.radiograph.machine import machine_trouble
from cxrscreen.radiograph.prepare import to_reading_resolution
from cxrscreen.radiograph.radiograph import FileType, Identity, Radiograph
from cxrscreen.radiograph.raster import read_raster
from cxrscreen.radiograph.refusal import Reason
from cxrscreen.radiograph.sniff import sniff


def decode_radiograph(content: bytes, limits: AcceptanceLimits, heard: Heard) -> Radiograph:
    """Read the content of one file as a frontal chest radiograph.

    Args:
        content: All bytes of a DICOM, JPEG or PNG file.
        limits: Sizes and shapes that are accepted.
        heard: Is told what the decoders print.

    Raises:
        RefusedError: For whatever content may not be screened. Neither its detail nor its cause holds
            patient data.
        MemoryError, OSError: This process may have no more memory, or the machine fell short.
    """
    file_type = sniff(content)
    try:
        with hear_decoders(heard):
            if file_type is FileType.DICOM:
                acquisition, pixels, notices = read_dicom(content, limits)
            else:
                acquisition, pixels, notices = read_raster(content, file_type, limits)
    except RefusedError:
        raise
    except (EOFError, zlib.error):  # a cut element, a cut deflated stream
        raise RefusedError(Reason.DAMAGED, f"The {file_type} file ends too early.") from None
    except Exception as exc:  # noqa: BLE001  # decoders raise nearly anything on damaged content
        trouble = machine_trouble(exc)
        if trouble is not None:
            raise trouble from None
        # "from None": the messages of decoders quote values of tags, which may name a patient.
        raise RefusedError(
            Reason.UNREADABLE, f"No decoder reads this {file_type} file ({type(exc).__name__})."
        ) from None
    if heard.damage:
        raise RefusedError(Reason.DAMAGED, f"The decoder warns: {heard.damage}.")
    check_contrast(contrast(pixels))
    reading = to_reading_resolution(pixels)
    if has_drawn_boxes(reading):
        notices += ("White boxes are drawn onto the picture; they cover lung and may sway the score.",)
    return Radiograph(
        identity=decode_identity(content) or Identity(),
        acquisition=acquisition,
        pixels=pixels,
        reading=reading,
        notices=notices,
    )


def decode_identity(content: bytes, *, is_cut: bool = False) -> Identity | None:
    """Read who and what a file is, from its header alone.

    Args:
        content: A file, or its beginning.
        is_cut: It is the beginning.

    Returns:
        An empty ``Identity`` for what cannot be read and for all JPEG and PNG; ``None`` where a beginning is too short
        to tell.

    Raises:
        MemoryError, OSError: As above; an empty identity would tear a study apart.
    """
    try:
        if sniff(content) is not FileType.DICOM:
            return Identity()
        with hear_decoders(Heard()):
            identity, is_whole = read_identity(content)
    except Exception as exc:  # noqa: BLE001  # pydicom raises nearly anything on damaged headers; reading the pixels will say so
        trouble = machine_trouble(exc)
        if trouble is not None:
            raise trouble from None
        return None if is_cut else Identity()
    return identity if is_whole or not is_cut else None
