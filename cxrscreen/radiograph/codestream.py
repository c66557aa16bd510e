"""Size of a JPEG-family picture from the first bytes of its stream, without decoding it.

Sources: ITU-T T.81 annex B (JPEG), T.87 annex C (JPEG-LS), T.800 annex A (JPEG 2000).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

START_OF_IMAGE = b"\xff\xd8"
END_OF_IMAGE = b"\xff\xd9"  # also JPEG 2000's end of codestream
_JPEG_2000 = b"\xff\x4f\xff\x51"
_START_OF_SCAN = 0xDA
_APP1 = 0xE1
_STANDALONE = {0x01, *range(0xD0, 0xD9)}  # TEM, RSTn, SOI: no length follows
# Start of frame: every SOFn except DHT (C4), JPG (C8) and DAC (CC), and JPEG-LS's F7.
_START_OF_FRAME = {*range(0xC0, 0xD0), 0xF7} - {0xC4, 0xC8, 0xCC}
_PROGRESSIVE = {0xC2, 0xC6, 0xCA, 0xCE}
_SEGMENTS_AT_MOST = 10_000  # a picture with more before its frame header is an attack


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """What a stream says of itself."""

    rows: int
    columns: int
    bits: int  # per sample
    samples: int
    progressive: bool = False


def read_frame(stream: bytes) -> Frame | None:
    """Return what the frame header of a JPEG, JPEG-LS or JPEG 2000 stream says, or ``None`` without one."""
    if stream.startswith(_JPEG_2000):
        return _jpeg_2000_frame(stream)
    if not stream.startswith(START_OF_IMAGE):
        return None
    for marker, segment in _segments(stream):
        if marker in _START_OF_FRAME and len(segment) >= 6:  # noqa: PLR2004  # precision 1, rows 2, columns 2, samples 1
            bits, rows, columns, samples = struct.unpack_from(">BHHB", segment)
            return Frame(rows=rows, columns=columns, bits=bits, samples=samples, progressive=marker in _PROGRESSIVE)
    return None


def exif_block(stream: bytes) -> bytes | None:
    """Return the TIFF structure inside a JPEG's EXIF segment, or ``None``."""
    for marker, segment in _segments(stream):
        if marker == _APP1 and segment.startswith(b"Exif\0\0"):
            return segment[6:]
    return None


def exif_orientation(tiff: bytes) -> int:
    """Return the orientation 1 to 8 that a TIFF structure states, 1 (upright) where it states none.

    Source: TIFF 6.0 section 8, tag 274; EXIF 3.0 section 4.6.5.
    """
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(tiff[:4])
    if order is None:
        return 1
    try:
        (offset,) = struct.unpack_from(f"{order}I", tiff, 4)
        (entries,) = struct.unpack_from(f"{order}H", tiff, offset)
        for index in range(entries):
            tag, kind, _, value = struct.unpack_from(f"{order}HHIH", tiff, offset + 2 + 12 * index)
            if (tag, kind) == (274, 3):  # Orientation, a 16-bit number
                return value if value in range(1, 9) else 1
    except struct.error:  # a cut EXIF block says nothing about the picture itself
        return 1
    return 1


def _segments(stream: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield marker and content of each segment up to the first scan."""
    position = 2
    for _ in range(_SEGMENTS_AT_MOST):
        position = stream.find(b"\xff", position)
        if position < 0 or position + 4 > len(stream):
            return
        marker = stream[position + 1]
        if marker in {0x00, 0xFF} or marker in _STANDALONE:  # filler before the marker
            position += 1 if marker == 0xFF else 2  # noqa: PLR2004  # 0xFF is the filler byte itself
            continue
        (length,) = struct.unpack_from(">H", stream, position + 2)
        if marker == _START_OF_SCAN:
            return
        yield marker, stream[position + 4 : position + 2 + length]
        position += 2 + length


def _jpeg_2000_frame(stream: bytes) -> Frame | None:
    """Read the SIZ segment, which always comes first (T.800 A.5.1)."""
    if len(stream) < 43:  # noqa: PLR2004  # up to the first component's precision
        return None
    right, bottom, left, top = struct.unpack_from(">IIII", stream, 8)
    (samples,) = struct.unpack_from(">H", stream, 40)
    return Frame(rows=bottom - top, columns=right - left, bits=(stream[42] & 0x7F) + 1, samples=samples)
