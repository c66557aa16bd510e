"""The type of a file by its content; names lie."""

from __future__ import annotations

import re

from cxrscreen.errors import RefusedError
from cxrscreen.radiograph.codestream import START_OF_IMAGE
from cxrscreen.radiograph.radiograph import FileType
from cxrscreen.radiograph.refusal import Reason

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PREAMBLE = 128

# A DICOM data set without preamble begins with an element of group 0002 or 0008 with a low element
# number: then come the letters of its value representation, or a short length in implicit encoding.
_BARE_DATA_SET = re.compile(
    rb"(?:[\x02\x08]\x00[\x00-\x20]\x00(?:AE|CS|DA|DT|IS|LO|OB|OW|PN|SH|SQ|ST|TM|UI|UL|UN|US|.[\x00\x01]\x00\x00)"
    rb"|\x00\x08\x00[\x00-\x20](?:AE|CS|DA|DT|IS|LO|OB|OW|PN|SH|SQ|ST|TM|UI|UL|UN|US))",
    re.DOTALL,
)


def sniff(content: bytes) -> FileType:
    """Return the type that the first bytes tell.

    Raises:
        RefusedError: Reason EMPTY or UNKNOWN_TYPE.
    """
    if not content:
        raise RefusedError(Reason.EMPTY, "The file has no content.")
    if content[_PREAMBLE : _PREAMBLE + 4] == b"DICM":
        return FileType.DICOM
    if content.startswith(START_OF_IMAGE + b"\xff"):
        return FileType.JPEG
    if content.startswith(PNG_SIGNATURE):
        return FileType.PNG
    if content.startswith(b"\x89PNG"):
        raise RefusedError(Reason.UNREADABLE, "A PNG with a damaged signature, as after a transfer in text mode.")
    if _BARE_DATA_SET.match(content):
        return FileType.DICOM
    raise RefusedError(Reason.UNKNOWN_TYPE, "The content is neither DICOM nor JPEG nor PNG.")
