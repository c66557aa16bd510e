"""Bytes to a pydicom dataset."""

from __future__ import annotations

import io
import logging
import zlib
from typing import Any

from pydicom import Dataset, FileDataset, dcmread
from pydicom.filereader import read_dataset, read_preamble
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
_META_BYTES_AT_MOST = 4096


def read_file(content: bytes, *, stop_before_pixels: bool = False, keywords: list[str] | None = None) -> FileDataset:
    """Parse DICOM, with or without preamble and file meta information.

    Args:
        content: A whole file.
        stop_before_pixels: Leave out the pixels.
        keywords: Only these elements; ``None`` for all.

    Returns:
        The dataset, always with a transfer syntax in its ``file_meta``.

    Raises:
        RefusedError: Reason TOO_LARGE, for a deflated file that inflates beyond measure.
        Exception: Whatever pydicom raises for a damaged file.
    """
    _refuse_inflation(content)
    tags: list[Any] | None = list(keywords) if keywords is not None else None
    dataset = dcmread(io.BytesIO(content), stop_before_pixels=stop_before_pixels, force=True, specific_tags=tags)
    if not dataset.file_meta.get("TransferSyntaxUID"):
        implicit, little_endian = dataset.original_encoding
        native = ExplicitVRLittleEndian if little_endian else ExplicitVRBigEndian
        dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian if implicit else native
    return dataset


def text_of(dataset: Dataset, keyword: str) -> str:
    """Return the first value of an element as stripped text, "" where it is missing or blank."""
    value = dataset.get(keyword)
    if value is not None and not isinstance(value, str) and hasattr(value, "__getitem__") and len(value):
        value = value[0]
    return "" if value is None else str(value).strip()


def _refuse_inflation(content: bytes) -> None:
    """Refuse a deflated dataset that would expand beyond any radiograph; pydicom inflates without a limit."""
    if DeflatedExplicitVRLittleEndian.encode() not in content[:_META_BYTES_AT_MOST]:
        return
    stream = io.BytesIO(content)
    read_preamble(stream, force=True)
    read_dataset(stream, is_implicit_VR=False, is_little_endian=True, stop_when=lambda tag, _vr, _len: tag.group != 2)  # noqa: PLR2004  # the file meta group
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    remainder, inflated = content[stream.tell() :], 0
    while remainder and not inflater.eof:
        inflated += len(inflater.decompress(remainder, 2**20))
        remainder = inflater.unconsumed_tail
        if inflated > _MAX_INFLATED_BYTES:
            raise RefusedError(Reason.TOO_LARGE, "The deflated content inflates to more than 256 MiB.")
