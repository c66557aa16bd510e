"""Break JPEG files segment by segment: frame headers, tables, scans, markers."""

from __future__ import annotations

import struct
from collections.abc import Callable
from random import Random

Segments = list[tuple[int, bytes]]  # marker and body; the last holds the entropy-coded rest of the file
_REST = 0
_SIZES = (0, 1, 7, 49, 300, 8_000, 20_000, 65_500, 65_535)
_MARKERS = (*range(0xC0, 0xE3), 0xEE, 0xF7, 0xFE, 0x01)


def _in_segments(change: Callable[[Random, Segments], None]) -> Callable[[Random, bytes], bytes]:
    def broken(choose: Random, content: bytes) -> bytes:
        segments: Segments = []
        position = 2
        while position + 4 <= len(content) and content[position] == 0xFF and content[position + 1] != 0xDA:
            (length,) = struct.unpack_from(">H", content, position + 2)
            segments.append((content[position + 1], content[position + 4 : position + 2 + max(2, length)]))
            position += 2 + max(2, length)
        segments.append((_REST, content[position:]))
        change(choose, segments)
        return b"\xff\xd8" + b"".join(_written(marker, body) for marker, body in segments)

    return broken


def _written(marker: int, body: bytes) -> bytes:
    return body if marker == _REST else struct.pack(">BBH", 0xFF, marker, (len(body) + 2) % 2**16) + body


def _frame(choose: Random, segments: Segments) -> None:
    for index, (marker, body) in enumerate(segments):
        if marker in {0xC0, 0xC1, 0xC2} and len(body) >= 6:
            bits, rows, columns, samples = struct.unpack_from(">BHHB", body)
            what = choose.randrange(4)
            bits = choose.choice((0, 1, 8, 12, 16, 255)) if what == 0 else bits
            rows = choose.choice(_SIZES) if what in {1, 3} else rows
            columns = choose.choice(_SIZES) if what in {2, 3} else columns
            samples = choose.choice((0, 1, 2, 3, 4, 255)) if what == 0 else samples
            components = bytearray(body[6:])
            if components and choose.random() < 0.4:
                components[choose.randrange(len(components))] = choose.choice((0, 0x11, 0x44, 0xF1, 0xFF, 4))
            segments[index] = (marker, struct.pack(">BHHB", bits, rows, columns, samples) + bytes(components))


def _kind(choose: Random, segments: Segments) -> None:
    """Claim another coding process: lossless, arithmetic, hierarchical, JPEG-LS."""
    for index, (marker, body) in enumerate(segments):
        if marker in {0xC0, 0xC1, 0xC2}:
            segments[index] = (choose.choice((0xC1, 0xC2, 0xC3, 0xC5, 0xC9, 0xCA, 0xCB, 0xF7)), body)


def _body(choose: Random, segments: Segments) -> None:
    index = choose.randrange(len(segments))
    marker, body = segments[index]
    changed = bytearray(body or b"\0")
    for _ in range(choose.choice((1, 2, 8))):
        changed[choose.randrange(len(changed))] = choose.choice((0, 0xFF, choose.randrange(256)))
    segments[index] = (marker, bytes(changed))


def _marker(choose: Random, segments: Segments) -> None:
    index = choose.randrange(len(segments))
    segments[index] = (choose.choice(_MARKERS), segments[index][1][:65_000])


def _repeat(choose: Random, segments: Segments) -> None:
    index = choose.randrange(len(segments))
    segments[index:index] = [segments[index]] * choose.choice((1, 2, 40))


def _drop(choose: Random, segments: Segments) -> None:
    del segments[choose.randrange(len(segments))]


def _foreign(choose: Random, segments: Segments) -> None:
    body = choose.choice(
        (b"", bytes(65_533), choose.randbytes(40), b"Exif\0\0MM\0*\xff\xff\xff\xff", b"Adobe\0d\0\0\0\0\x02")
    )
    segments.insert(choose.randrange(len(segments) + 1), (choose.choice(_MARKERS), body))


def _scans(choose: Random, segments: Segments) -> None:
    """Repeat the scan, as progressive bombs do, or put markers into it."""
    marker, rest = segments[-1]
    if choose.random() < 0.5:
        scan = rest.removesuffix(b"\xff\xd9")
        segments[-1] = (marker, scan * choose.choice((2, 10, 60)) + b"\xff\xd9")
    else:
        place = choose.randrange(len(rest) + 1)
        segments[-1] = (marker, rest[:place] + bytes([0xFF, choose.choice(_MARKERS)]) + rest[place:])


WAYS = tuple(
    _in_segments(change) for change in (_frame, _frame, _kind, _body, _body, _marker, _repeat, _drop, _foreign, _scans)
)
