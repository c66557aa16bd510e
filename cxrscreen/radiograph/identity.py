"""Who and what a file says it is."""

from __future__ import annotations

from cxrscreen.errors import RefusedError
from cxrscreen.radiograph.isolation import READER
from cxrscreen.radiograph.radiograph import FileType, Identity
from cxrscreen.radiograph.sniff import sniff


def identify(content: bytes) -> Identity:
    """Read who and what a file is, from its header alone.

    What cannot be read, and all JPEG and PNG, gives an empty ``Identity``.

    Raises:
        MemoryError, OSError: The machine fell short; an empty identity would tear a study apart.
    """
    try:
        return READER.identity(content) if sniff(content) is FileType.DICOM else Identity()
    except RefusedError:  # reading the pixels will say so
        return Identity()
