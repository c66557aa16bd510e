"""Bytes to a radiograph: sniff, decode, accept."""

from __future__ import annotations

import zlib

from cxrscreen.errors import RefusedError
from cxrscreen.radiograph.acceptance import AcceptanceLimits, check_contrast
from cxrscreen.radiograph.annotations import has_drawn_boxes
from cxrscreen.radiograph.decoder_warnings import hear_decoders
from cxrscreen.radiograph.dicom import read_dicom
from cxrscreen.radiograph.grey import contrast
from cxrscreen.radiograph.identity import identify
from cxrscreen.radiograph.machine import machine_trouble
from cxrscreen.radiograph.prepare import to_reading_resolution
from cxrscreen.radiograph.radiograph import FileType, Radiograph
from cxrscreen.radiograph.raster import read_raster
from cxrscreen.radiograph.refusal import Reason
from cxrscreen.radiograph.sniff import sniff


def read_radiograph(content: bytes, limits: AcceptanceLimits) -> Radiograph:
    """Read the content of one file as a frontal chest radiograph.

    Args:
        content: All bytes of a DICOM, JPEG or PNG file.
        limits: Sizes and shapes that are accepted.

    Returns:
        The radiograph, ready for display and for ``prepare``.

    Raises:
        RefusedError: For whatever content may not be screened. Neither its detail nor its cause holds
            patient data.
        MemoryError, OSError: The machine fell short (memory, disk, temporary folder, or the decoder's
            process ran out of time or was killed); the file may be sound, so try it again later.
    """
    file_type = sniff(content)
    try:
        with hear_decoders() as heard:
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
        identity=identify(content), acquisition=acquisition, pixels=pixels, reading=reading, notices=notices
    )
