"""Break PNG files between and inside their chunks, always with right checksums: libpng stops at wrong ones."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from random import Random

from tests.fuzz.seeds import PNG_SIGNATURE, chunk

Chunks = list[tuple[bytes, bytes]]
_NAMES: tuple[bytes, ...] = (
    b"IHDR",
    b"PLTE",
    b"IDAT",
    b"IEND",
    b"tRNS",
    b"gAMA",
    b"iCCP",
    b"sBIT",
    b"bKGD",
    b"pHYs",
    b"tEXt",
    b"zTXt",
)
_NAMES += (b"iTXt", b"eXIf", b"acTL", b"fcTL", b"fdAT", b"cHRM", b"hIST", b"sPLT", b"tIME", b"\0\0\0\0", b"ABCD")
_SIZES = (0, 1, 2, 55, 57, 300, 8_000, 20_000, 65_535, 65_536, 2**24, 2**31 - 1, 2**31, 2**32 - 1)


def _in_chunks(change: Callable[[Random, Chunks], None]) -> Callable[[Random, bytes], bytes]:
    def broken(choose: Random, content: bytes) -> bytes:
        chunks: Chunks = []
        position = len(PNG_SIGNATURE)
        while position + 12 <= len(content):
            (length,) = struct.unpack_from(">I", content, position)
            chunks.append((content[position + 4 : position + 8], content[position + 8 : position + 8 + length]))
            position += 12 + length
        if chunks:
            change(choose, chunks)
        return PNG_SIGNATURE + b"".join(chunk(*one) for one in chunks)

    return broken


def _header(choose: Random, chunks: Chunks) -> None:
    fields = list(struct.unpack(">IIBBBBB", (chunks[0][1] + bytes(13))[:13]))
    for _ in range(choose.randint(1, 2)):
        index = choose.choice((0, 0, 1, 1, 2, 3, 4, 5, 6))
        fields[index] = choose.choice(_SIZES) if index < 2 else choose.choice((0, 1, 2, 3, 4, 6, 8, 16, 255))
    chunks[0] = (chunks[0][0], struct.pack(">IIBBBBB", *fields))


def _body(choose: Random, chunks: Chunks) -> None:
    index = choose.randrange(len(chunks))
    name, body = chunks[index]
    changed = bytearray(body or b"\0")
    for _ in range(choose.choice((1, 2, 8))):
        changed[choose.randrange(len(changed))] = choose.randrange(256)
    chunks[index] = (name, bytes(changed[: choose.choice((len(changed), choose.randrange(len(changed) + 1)))]))


def _name(choose: Random, chunks: Chunks) -> None:
    index = choose.randrange(len(chunks))
    chunks[index] = (choose.choice(_NAMES), chunks[index][1])


def _order(choose: Random, chunks: Chunks) -> None:
    choose.shuffle(chunks)


def _repeat(choose: Random, chunks: Chunks) -> None:
    chunks[1:1] = [choose.choice(chunks)] * choose.choice((1, 2, 50, 1000))


def _drop(choose: Random, chunks: Chunks) -> None:
    del chunks[choose.randrange(len(chunks))]


def _foreign(choose: Random, chunks: Chunks) -> None:
    texts = (b"", b"k\0\0" + zlib.compress(bytes(10**6), 9), choose.randbytes(choose.choice((1, 13, 300))), bytes(26))
    chunks.insert(choose.randrange(len(chunks) + 1), (choose.choice(_NAMES), choose.choice(texts)))


def _scanlines(choose: Random, chunks: Chunks) -> None:
    """Damage the picture under a zlib stream that is right: other filters, too few or too many lines, a bomb."""
    lines = b"".join(body for name, body in chunks if name == b"IDAT")
    try:
        rows = bytearray(zlib.decompress(lines))
    except zlib.error:
        return
    way = choose.randrange(3)
    if way == 0:
        for _ in range(8):
            rows[choose.randrange(len(rows))] = choose.randrange(256)
    rows = rows[: choose.randrange(len(rows))] if way == 1 else rows
    more = bytes(choose.choice((1000, 10**6))) if way == 2 else b""
    packed = (b"IDAT", zlib.compress(bytes(rows) + more, 1))
    first = next(index for index, (name, _) in enumerate(chunks) if name == b"IDAT")
    chunks[:] = [*chunks[:first], packed, *(one for one in chunks[first:] if one[0] != b"IDAT")]


WAYS = tuple(
    _in_chunks(change)
    for change in (_header, _header, _body, _body, _name, _order, _repeat, _drop, _foreign, _scanlines, _scanlines)
)
