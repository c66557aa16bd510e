"""JPEG and PNG bytes to shades of grey."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from cxrscreen.errors import RefusedError
from cxrscreen.radiograph.acceptance import AcceptanceLimits, check_size
from cxrscreen.radiograph.codestream import exif_block, exif_orientation, read_frame
from cxrscreen.radiograph.colour import to_grey
from cxrscreen.radiograph.grey import WHITE, blend_on_black, stretch_16_bit, turn_upright
from cxrscreen.radiograph.radiograph import Acquisition, FileType
from cxrscreen.radiograph.refusal import Reason
from cxrscreen.types import Grey8, Rgb8

_PNG_KINDS = {0: "grey", 2: "RGB", 3: "palette", 4: "grey and alpha", 6: "RGBA"}  # PNG, third edition, table 9
_JPEG_KINDS = {1: "grey", 3: "colour", 4: "CMYK"}
_ALPHA_SAMPLES = 4  # OpenCV hands alpha over as the fourth of four


@dataclass(frozen=True, slots=True, kw_only=True)
class _Header:
    rows: int
    columns: int
    bits: int
    encoding: str
    orientation: int = 1


def read_raster(
    content: bytes, file_type: FileType, limits: AcceptanceLimits
) -> tuple[Acquisition, Grey8, tuple[str, ...]]:
    """Decode a JPEG or PNG whose declared size is within the limits.

    Returns:
        Acquisition, pixels and notices.

    Raises:
        RefusedError: Reason UNREADABLE, DAMAGED, COLOUR, or one of ``check_size``.
    """
    header = _png_header(content) if file_type is FileType.PNG else _jpeg_header(content)
    check_size(header.rows, header.columns, limits)
    if header.bits not in {1, 2, 4, 8, 16}:
        raise RefusedError(Reason.UNREADABLE, f"A {file_type} of {header.bits} bits; no decoder here reads that depth.")
    decoded = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
    if decoded is None or decoded.shape[:2] != (header.rows, header.columns):
        raise RefusedError(Reason.DAMAGED, f"The {file_type} begins well, but its pixels are cut or damaged.")
    pixels, window, notices = _shades(decoded)
    if header.orientation != 1:
        pixels = turn_upright(pixels, header.orientation)
        notices += ("The picture was turned as its EXIF orientation says.",)
    acquisition = Acquisition(
        file_type=file_type,
        rows=header.rows,
        columns=header.columns,
        bits_stored=header.bits,
        encoding=f"{file_type}, {header.encoding}",
        window=window,
    )
    return acquisition, pixels, notices


def _png_header(content: bytes) -> _Header:
    """Read IHDR, which always comes first (PNG, third edition, 11.2.1)."""
    if content[12:16] != b"IHDR" or len(content) < 33:  # noqa: PLR2004  # signature 8 and IHDR 25
        raise RefusedError(Reason.UNREADABLE, "The PNG has no header.")
    columns, rows, bits, kind = struct.unpack_from(">IIBB", content, 16)
    return _Header(rows=rows, columns=columns, bits=bits, encoding=_PNG_KINDS.get(kind, "unknown"))


def _jpeg_header(content: bytes) -> _Header:
    frame = read_frame(content)
    if frame is None:
        raise RefusedError(Reason.UNREADABLE, "The JPEG has no frame header.")
    kind = _JPEG_KINDS.get(frame.samples, "unknown")
    return _Header(
        rows=frame.rows,
        columns=frame.columns,
        bits=frame.bits,
        encoding=f"progressive, {kind}" if frame.progressive else kind,
        orientation=exif_orientation(exif_block(content) or b""),
    )


def _shades(decoded: NDArray[Any]) -> tuple[Grey8, str | None, tuple[str, ...]]:
    """Bring what OpenCV decoded to 8-bit grey: transparency, colour, then depth."""
    notices: tuple[str, ...] = ()
    alpha = None
    if decoded.ndim == 3 and decoded.shape[2] == _ALPHA_SAMPLES:  # noqa: PLR2004  # rows, columns, samples
        decoded, alpha = decoded[..., :3], decoded[..., 3]
    window = None
    if decoded.dtype == np.uint16:
        decoded, (low, high) = stretch_16_bit(decoded)
        window = f"range of the values, {low} to {high}"
        alpha = None if alpha is None else (alpha // 257).astype(np.uint8)
        notices += (f"Samples of 16 bits were scaled by the range that they use, {low} to {high}.",)
    if alpha is not None and alpha.min() < WHITE:
        decoded = blend_on_black(decoded, alpha)
        notices += ("Transparent parts of the picture were laid on black.",)
    if decoded.ndim == 2:  # noqa: PLR2004  # rows, columns
        return decoded, window, notices
    rgb: Rgb8 = cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB)
    grey, colour_notices = to_grey(rgb)
    return grey, window, notices + colour_notices
