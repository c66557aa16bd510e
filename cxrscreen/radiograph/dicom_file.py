"""Bytes to a pydicom dataset."""

from __future__ import annotations

import io
import logging
import zlib
from typing import Any

from pydicom import Dataset, FileDataset, dcmread
from pydicom.filereader import read_dataset, read_preamble
from pydicom.tag import Tag
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from cxrscreen.errors import RefusedError
from cxrscreen.radiograph.refusal import Reason

# pydicom logs what it stumbles over with the values of the tags, which may name a patient. What matters
# comes back as an exception.
logging.getLogger("pydicom").setLevel(logging.CRITICAL + 1)

_MAX_INFLATED_BYTES = 256 * 2**20  # 64 megapixels of 16 bits, twice


def read_file(content: bytes) -> FileDataset:
    """Parse DICOM, with or without preamble and file meta information.

    Returns:
        The dataset, always with a transfer syntax in its ``file_meta``.

    Raises:
        RefusedError: Reason TOO_LARGE, for a deflated file that inflates beyond measure.
        Exception: Whatever pydicom raises for a damaged file.
    """
    _refuse_inflation(content)
    dataset = dcmread(io.BytesIO(content), force=True)
    if not dataset.file_meta.get("TransferSyntaxUID"):
        implicit, little_endian = dataset.original_encoding
        native = ExplicitVRLittleEndian if little_endian else ExplicitVRBigEndian
        dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian if implicit else native
    return dataset


def read_header(content: bytes, keywords: list[str]) -> tuple[FileDataset, bool]:
    """Parse the elements before the pixels, and keep those with these keywords.

    Args:
        content: A file or its beginning.
        keywords: What to keep.

    Returns:
        The elements, and whether the pixels were reached; if not, more content may hold more of them.

    Raises:
        RefusedError, Exception: As above.
    """
    _refuse_inflation(content)
    stream, tags = io.BytesIO(content), list[Any](keywords)
    dataset = dcmread(stream, stop_before_pixels=True, force=True, specific_tags=tags)
    return dataset, stream.tell() < len(content)  # a deflated file is read to its end first


def text_of(dataset: Dataset, keyword: str) -> str:
    """Return the first value of an element as stripped text, "" where it is missing or blank."""
    value = dataset.get(keyword)
    if value is not None and not isinstance(value, str) and hasattr(value, "__getitem__") and len(value):
        value = value[0]
    return "" if value is None else str(value).strip()


def _refuse_inflation(content: bytes) -> None:
    """Refuse a deflated dataset that would expand beyond any radiograph; pydicom inflates without a limit."""
    stream = io.BytesIO(content)
    read_preamble(stream, force=True)
    # As pydicom does it, so that no file is deflated to pydicom and not to this function.
    meta = read_dataset(
        stream,
        is_implicit_VR=False,
        is_little_endian=True,
        stop_when=lambda tag, _vr, _length: tag.group != 2,  # noqa: PLR2004  # the file meta group
        specific_tags=[Tag("TransferSyntaxUID")],
    )
    if meta.get("TransferSyntaxUID") != DeflatedExplicitVRLittleEndian:
        return
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    remainder, inflated = content[stream.tell() :], 0
    while remainder and not inflater.eof:
        inflated += len(inflater.decompress(remainder, 2**20))
        remainder = inflater.unconsumed_tail
        if inflated > _MAX_INFLATED_BYTES:
            raise RefusedError(Reason.TOO_LARGE, "The deflated content inflates to more than 256 MiB.")
