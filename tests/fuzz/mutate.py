"""Break sound files: blindly, and where their formats are most trusted (lengths, sizes, types, markers)."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from random import Random

from tests.fuzz import dicom_breaks, jpeg_breaks, png_breaks
from tests.fuzz.seeds import seeds

Break = Callable[[Random, bytes], bytes]


def case(seed: int, number: int) -> tuple[str, str, bytes]:
    """Return type, way of breaking and content of one case; the same for the same seed and number."""
    choose = Random(f"{seed}/{number}")  # noqa: S311  # no secret: cases must come again
    kind = choose.choices(("DICOM", "PNG", "JPEG"), weights=(5, 3, 2))[0]
    content = seeds()[kind][choose.choice(sorted(seeds()[kind]))]
    aware = choose.random() < 0.7
    ways = {"DICOM": dicom_breaks.WAYS, "PNG": png_breaks.WAYS, "JPEG": jpeg_breaks.WAYS}[kind] if aware else BLIND
    for _ in range(choose.choices((1, 2, 4), weights=(6, 3, 1))[0]):
        content = choose.choice(ways)(choose, content)
    return kind, "structure" if aware else "blind", content


def change_bytes(choose: Random, content: bytes) -> bytes:
    """Put random or extreme values at a few places, half of them in the header."""
    changed = bytearray(content)
    for _ in range(min(len(changed), choose.choice((1, 1, 2, 4, 16, 64)))):
        end = len(changed) if choose.random() < 0.5 else min(len(changed), 1500)
        changed[choose.randrange(end)] = choose.choice((0, 0xFF, 0x7F, 0x80, choose.randrange(256)))
    return bytes(changed)


def flip_bits(choose: Random, content: bytes) -> bytes:
    """Flip single bits, as a failing disk does."""
    changed = bytearray(content)
    for _ in range(min(len(changed), choose.randint(1, 8))):
        changed[choose.randrange(len(changed))] ^= 1 << choose.randrange(8)
    return bytes(changed)


def cut(choose: Random, content: bytes) -> bytes:
    """End too early."""
    return content[: choose.randrange(len(content) + 1)]


def cut_out(choose: Random, content: bytes) -> bytes:
    """Lose a piece."""
    start = choose.randrange(len(content) + 1)
    return content[:start] + content[start + choose.choice((1, 2, 7, 128, 4096)) :]


def insert(choose: Random, content: bytes) -> bytes:
    """Gain a piece, random or of the file itself."""
    start, length = choose.randrange(len(content) + 1), choose.choice((1, 2, 4, 64, 2000))
    other = choose.randrange(len(content) + 1)
    piece = choose.randbytes(length) if choose.random() < 0.5 else content[other : other + length]
    return content[:start] + piece + content[start:]


def splice(choose: Random, content: bytes) -> bytes:
    """End as another file, of any type."""
    others = seeds()[choose.choice(sorted(seeds()))]
    other = others[choose.choice(sorted(others))]
    return content[: choose.randrange(len(content) + 1)] + other[choose.randrange(len(other)) :]


def blank(choose: Random, content: bytes) -> bytes:
    """Zero or fill a stretch, as a lost block of a disk does."""
    start, length = choose.randrange(len(content) + 1), choose.choice((16, 512, 4096))
    filled = bytes([choose.choice((0, 0xFF))]) * min(length, len(content) - start)
    return content[:start] + filled + content[start + length :]


def as_text(_: Random, content: bytes) -> bytes:
    """Go through a transfer in text mode."""
    return content.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def squeeze(_: Random, content: bytes) -> bytes:
    """Become something else altogether: compressed."""
    return zlib.compress(content)


BLIND: tuple[Break, ...] = (
    change_bytes,
    change_bytes,
    flip_bits,
    cut,
    cut_out,
    insert,
    splice,
    blank,
    as_text,
    squeeze,
)
