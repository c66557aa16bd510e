"""Bytes to a radiograph."""

from __future__ import annotations

from cxrscreen.radiograph.acceptance import AcceptanceLimits
from cxrscreen.radiograph.isolation import READER
from cxrscreen.radiograph.radiograph import Radiograph


def read_radiograph(content: bytes, limits: AcceptanceLimits) -> Radiograph:
    """Read the content of one file as a frontal chest radiograph.

    All work on the bytes is done by the reader process, which is bounded in time and memory.

    Args:
        content: All bytes of a DICOM, JPEG or PNG file, at most ``limits.max_file_bytes``.
        limits: Sizes and shapes that are accepted.

    Returns:
        The radiograph, ready for display and for ``prepare``.

    Raises:
        RefusedError: For whatever content may not be screened. Neither its detail nor its cause holds
            patient data.
        MemoryError, OSError: The machine fell short (memory, disk, or the reader process
            ran out of time or was killed); the file may be sound, so try it again later.
    """
    return READER.radiograph(content, limits)
