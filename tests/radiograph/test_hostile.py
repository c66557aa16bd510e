"""Files made to do harm: each is refused, or read without what was wrong, within the reader's bounds."""

from __future__ import annotations

import struct
import time
import zlib
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    RLELossless,
)

from cxrscreen.errors import RefusedError
from cxrscreen.radiograph.isolation import IsolatedReader
from cxrscreen.radiograph.radiograph import Radiograph
from cxrscreen.radiograph.reader_process import memory_bound
from cxrscreen.radiograph.refusal import Reason
from tests.fuzz.dicom_breaks import Element, elements_in, nested
from tests.fuzz.seeds import PNG_SIGNATURE, chunk
from tests.radiograph.drawn import ANY_SIZE, LIMITS, chest, dicom, dicom_around, dicom_dataset, encoded, file_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


CHEST = chest()
DEEP = CHEST.astype(np.uint16) * 16 + 3
_UNDEFINED = 2**32 - 1
_SECONDS = 20.0


@pytest.fixture(scope="module")
def reader() -> Iterator[IsolatedReader]:
    reader = IsolatedReader()
    reader.identity(b"")
    yield reader
    reader.close()


def verdict(reader: IsolatedReader, content: bytes, limits: Any = LIMITS) -> Radiograph | Reason:
    """Read a file; fail where it takes longer than 20 s or more memory than the bound."""
    pid, started = reader.pid, time.perf_counter()
    try:
        return reader.radiograph(content, limits)
    except RefusedError as exc:
        return exc.reason
    finally:
        assert time.perf_counter() - started < _SECONDS
        if pid is not None and reader.pid == pid:
            peak = int(Path(f"/proc/{pid}/status").read_text().split("VmPeak:")[1].split()[0]) * 1024
            assert peak <= memory_bound(max(len(content), 2**26), limits)


def png(*chunks: tuple[bytes, bytes], rows: int = 400, columns: int = 420, bits: int = 8, kind: int = 0) -> bytes:
    header = struct.pack(">IIBBBBB", columns, rows, bits, kind, 0, 0, 0)
    parts = ((b"IHDR", header), *chunks, (b"IEND", b""))
    return PNG_SIGNATURE + b"".join(chunk(*part) for part in parts)


@cache
def packed_zeros(megabytes: int) -> bytes:
    packer = zlib.compressobj(9)
    return b"".join(packer.compress(bytes(2**20)) for _ in range(megabytes)) + packer.flush()


def sized_jpeg(rows: int, columns: int) -> bytes:
    stream = encoded(".jpg", CHEST)
    frame = stream.index(b"\xff\xc0")
    return stream[: frame + 5] + struct.pack(">HH", rows, columns) + stream[frame + 9 :]


def with_element(element: Element, content: bytes | None = None) -> bytes:
    """Put an element, whose length may lie, in its place among those of a sound file."""
    content = content or dicom(DEEP, WindowCenter=2048, WindowWidth=4096)
    elements = [one for one in elements_in(content[132:]) if one.tag != element.tag]
    sound = sorted([*elements, element], key=lambda one: one.tag)
    return content[:132] + b"".join(one.written() for one in sound)


def explicit(tag: int, vr: str, value: bytes, *, length: int | None = None) -> bytes:
    place = (tag >> 16, tag & 0xFFFF)
    return with_element(Element(place, vr.encode(), len(value) if length is None else length, value, "<"))


def rescaled(*, slope: bytes = b"1 ", intercept: bytes = b"0 ") -> bytes:
    content = with_element(Element((0x0028, 0x1053), b"DS", len(slope), slope, "<"))
    return with_element(Element((0x0028, 0x1052), b"DS", len(intercept), intercept, "<"), content)


def implicit_sequence(depth: int) -> bytes:
    content = dicom(DEEP, syntax=ImplicitVRLittleEndian)
    items = nested(depth, explicit=False)
    meta_bytes = 12 + int.from_bytes(content[140:144], "little")
    sequence = Element((0x0008, 0x1111), b"", _UNDEFINED, items, "<").written()
    return content[: 132 + meta_bytes] + sequence + content[132 + meta_bytes :]


def deflation_bomb() -> bytes:
    """Raw deflate of 3 GiB of zeros."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    mebibyte = packer.compress(bytes(2**20)) + packer.flush(zlib.Z_FULL_FLUSH)  # refers to nothing before it
    return mebibyte * 3 * 1024 + packer.flush()


def deflated_at() -> int:
    return 144 + int.from_bytes(dicom(CHEST, bits=8, syntax=DeflatedExplicitVRLittleEndian)[140:144], "little")


def with_long_head() -> bytes:
    """Deflated, and the transfer syntax that says so lies behind 8000 bytes."""
    content = dicom(CHEST, bits=8, syntax=DeflatedExplicitVRLittleEndian)
    meta_end = deflated_at()
    filler = Element((0x0002, 0x0001), b"OB", 8000, bytes(8000), "<").written()
    meta = b"".join(one.written() for one in elements_in(content[132:meta_end]) if one.tag not in {(2, 0), (2, 1)})
    length = Element((2, 0), b"UL", 4, struct.pack("<I", len(filler + meta)), "<").written()
    return content[:132] + length + filler + meta + deflation_bomb()


def many_private_elements() -> bytes:
    private = b"".join(Element((0x0009, n), b"LO", 2, b"x ", "<").written() for n in range(0x1000, 0xF000))
    content = dicom(DEEP)
    start = 144 + int.from_bytes(content[140:144], "little")
    return content[:start] + private + content[start:]


def j2k(picture: np.ndarray) -> bytes:
    wrapped = encoded(".jp2", picture, cv2.IMWRITE_JPEG2000_COMPRESSION_X1000, 1000)
    return wrapped[wrapped.index(b"\xff\x4f\xff\x51") :]


def tiny_tiles() -> bytes:
    """JPEG 2000 of 64 megapixels in tiles of one pixel."""
    stream = bytearray(j2k(DEEP))
    struct.pack_into(">IIIIIIII", stream, 8, 8000, 8000, 0, 0, 1, 1, 0, 0)
    return dicom_around(bytes(stream), DEEP, bits=16, syntax=JPEG2000Lossless, Rows=8000, Columns=8000)


def many_components() -> bytes:
    stream = bytearray(j2k(DEEP))
    struct.pack_into(">H", stream, 40, 16_384)
    return dicom_around(bytes(stream), DEEP, bits=16, syntax=JPEG2000Lossless)


def run_length_bomb() -> bytes:
    head = struct.pack("<16I", 15, *[64] * 15)
    stream = head + b"\x81\0" * 500_000
    return dicom_around(stream, DEEP, bits=16, syntax=RLELossless, Rows=7900, Columns=8000)


def palette_of(entries: int, first: int, bits: int, table: bytes) -> bytes:
    dataset = dicom_dataset(CHEST, bits=8, PhotometricInterpretation="PALETTE COLOR")
    for colour in ("Red", "Green", "Blue"):
        setattr(dataset, f"{colour}PaletteColorLookupTableDescriptor", [entries, first, bits])
        setattr(dataset, f"{colour}PaletteColorLookupTableData", table)
    return file_of(dataset)


def table_of(descriptor: list[int], table: bytes) -> Dataset:
    item = Dataset()
    item.LUTDescriptor, item.LUTData = descriptor, table
    item["LUTData"].VR = "OW"
    return item


LINES = zlib.compress(b"".join(b"\0" + row.tobytes() for row in CHEST))
REFUSED: dict[str, tuple[Callable[[], bytes], Reason]] = {
    "no bytes": (lambda: b"", Reason.EMPTY),
    "zeros alone": (lambda: bytes(2**20), Reason.UNKNOWN_TYPE),
    "a PNG that inflates to 64 MiB": (lambda: png((b"IDAT", packed_zeros(64))), Reason.BLANK),
    "a PNG of 65,535 pixels a side": (lambda: png((b"IDAT", LINES), rows=65_535, columns=65_535), Reason.TOO_LARGE),
    "a PNG of 2,147,483,647": (lambda: png((b"IDAT", LINES), rows=2**31 - 1, columns=2**31 - 1), Reason.TOO_LARGE),
    "a PNG of 64 million pixels in 300 bytes": (
        lambda: png((b"IDAT", b"x\x9c"), rows=8000, columns=8000, bits=16, kind=6),
        Reason.DAMAGED,
    ),
    "a PNG line of 65,535 pixels": (lambda: png((b"IDAT", LINES), rows=900, columns=65_535), Reason.NOT_ONE_RADIOGRAPH),
    "a PNG without size": (lambda: png((b"IDAT", LINES), rows=0, columns=0), Reason.TOO_SMALL),
    "a JPEG of 65,500 pixels a side": (lambda: sized_jpeg(65_500, 65_500), Reason.TOO_LARGE),
    "a JPEG that holds a hundredth of its pixels": (lambda: sized_jpeg(7_900, 8_000), Reason.DAMAGED),
    "a JPEG without height": (lambda: sized_jpeg(0, 420), Reason.TOO_SMALL),
    "a JPEG of fillers": (lambda: b"\xff\xd8" + b"\xff" * 10**6, Reason.UNREADABLE),
    "a JPEG of a hundred thousand segments": (
        lambda: b"\xff\xd8" + b"\xff\xfe\0\2" * 10**5 + sized_jpeg(400, 420)[2:],
        Reason.UNREADABLE,
    ),
    "ten thousand sequences in each other": (
        lambda: with_element(Element((0x0008, 0x1111), b"SQ", _UNDEFINED, nested(10_000, explicit=True), "<")),
        Reason.UNREADABLE,
    ),
    "the same, implicit": (lambda: implicit_sequence(10_000), Reason.UNREADABLE),
    "a deflated file that inflates to 3 GiB": (
        lambda: dicom(CHEST, bits=8, syntax=DeflatedExplicitVRLittleEndian)[: deflated_at()] + deflation_bomb(),
        Reason.TOO_LARGE,
    ),
    "a deflated file that inflates to 3 GiB, after a long head": (with_long_head, Reason.TOO_LARGE),
    "an element of 4 GiB": (lambda: explicit(0x00091001, "OB", b"x" * 8, length=_UNDEFINED - 1), Reason.DAMAGED),
    "a name of 4 GiB": (lambda: explicit(0x00100010, "UT", b"Sari^Dewi ", length=_UNDEFINED - 1), Reason.DAMAGED),
    "a text of undefined length": (
        lambda: explicit(0x00100010, "UT", b"Sari^Dewi ", length=_UNDEFINED),
        Reason.DAMAGED,
    ),
    "pixels of undefined length": (
        lambda: explicit(0x7FE00010, "OW", DEEP.tobytes(), length=_UNDEFINED),
        Reason.DAMAGED,
    ),
    "65,535 samples a pixel": (lambda: dicom(DEEP, SamplesPerPixel=65_535), Reason.DAMAGED),
    "65,535 samples a pixel, compressed": (
        lambda: dicom_around(j2k(DEEP), DEEP, bits=16, syntax=JPEG2000Lossless, SamplesPerPixel=65_535),
        Reason.UNREADABLE,
    ),
    "65,535 bits": (lambda: explicit(0x00280100, "US", b"\xff\xff"), Reason.DAMAGED),
    "no bits": (lambda: explicit(0x00280100, "US", b"\0\0"), Reason.UNREADABLE),
    "rows in words": (lambda: explicit(0x00280010, "LO", b"many"), Reason.UNREADABLE),
    "many rows": (lambda: explicit(0x00280010, "US", b"\x90\1\x90\1"), Reason.UNREADABLE),
    "rows without value": (lambda: explicit(0x00280010, "US", b""), Reason.UNREADABLE),
    "pixels as a sequence": (lambda: explicit(0x7FE00010, "SQ", DEEP.tobytes()), Reason.DAMAGED),
    "pixels as text": (lambda: explicit(0x7FE00010, "UT", DEEP.tobytes()), Reason.UNREADABLE),
    "frames below zero": (lambda: explicit(0x00280008, "IS", b"-1"), Reason.UNREADABLE),
    "frames in words": (lambda: explicit(0x00280008, "IS", b"two "), Reason.UNREADABLE),
    "another size in the stream than in the tags": (
        lambda: dicom_around(sized_jpeg(60_000, 60_000), CHEST, bits=8, syntax=JPEGBaseline8Bit),
        Reason.DAMAGED,
    ),
    "64 million tiles of one pixel": (tiny_tiles, Reason.UNREADABLE),
    "16,384 components": (many_components, Reason.UNREADABLE),
    "run lengths for 15 pictures": (run_length_bomb, Reason.UNREADABLE),
    "a palette without entries": (lambda: palette_of(256, 0, 16, b""), Reason.UNREADABLE),
    "a slope that is no number": (lambda: rescaled(slope=b"nan "), Reason.UNREADABLE),
    "an endless slope": (lambda: rescaled(slope=b"-inf"), Reason.UNREADABLE),
    "a slope in words": (lambda: rescaled(slope=b"one "), Reason.UNREADABLE),
    "a slope of zero": (lambda: rescaled(slope=b"0 "), Reason.BLANK),
    "an intercept that is no number": (lambda: rescaled(intercept=b"nan "), Reason.UNREADABLE),
    "an intercept beyond all numbers": (lambda: rescaled(intercept=b"1e99999 "), Reason.UNREADABLE),
    "a VOI table of one entry": (lambda: dicom(DEEP, VOILUTSequence=[table_of([1, 0, 16], bytes(2))]), Reason.BLANK),
    "a modality table without entries": (
        lambda: dicom(DEEP, ModalityLUTSequence=[table_of([4096, 0, 16], b"")]),
        Reason.UNREADABLE,
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_file_made_to_do_harm_is_refused_within_time_and_memory(name: str, reader: IsolatedReader) -> None:
    make, reason = REFUSED[name]
    assert verdict(reader, make()) is reason


WINDOWS = [
    *(
        (0x00281051, value)
        for value in (b"0 ", b"-1", b"nan ", b"inf ", b"1e308 ", b"1e-308", b"9" * 400, b"wide", b"\xff\xfe")
    ),
    *((0x00281050, value) for value in (b"nan ", b"-inf", b"1e308 ", b"\0\0", b"1,5 ", b"--1 ")),
    *((0x00281056, value) for value in (b"X" * 300, b"\0\0")),
]


@pytest.mark.parametrize(("tag", "value"), WINDOWS)
def test_an_absurd_window_is_not_used_and_the_reader_is_told(tag: int, value: bytes, reader: IsolatedReader) -> None:
    vr = "CS" if tag == 0x00281056 else "DS"
    found = verdict(reader, explicit(tag, vr, value))
    assert isinstance(found, Radiograph)
    assert (found.acquisition.window or "").startswith(("range of the values", "LINEAR"))
    assert (int(found.pixels.min()), int(found.pixels.max())) == (0, 255) or found.pixels.std() > 20


CHARSETS = (
    b"utf-7 ",
    b"idna",
    b"hex ",
    b"zlib",
    b"ISO 2022 IR 87\\ISO 2022 IR 13",
    b"GB18030 ",
    b"\\" * 200,
    b"\xff\xfe",
)
NAMES = (
    b"Sari^Dewi ",
    b"\xff\xfe\xfd\xfc",
    b"\x1b$B\x1b(B" * 100,
    b"^^^^=^^=^  ",
    b"\0" * 64,
    b"\xed\xa0\x80^\xed\xb0\x80",
)


@pytest.mark.parametrize("charset", CHARSETS)
@pytest.mark.parametrize("name", NAMES)
def test_no_character_set_and_no_name_hurts(charset: bytes, name: bytes, reader: IsolatedReader) -> None:
    content = with_element(Element((0x0008, 0x0005), b"CS", len(charset), charset, "<"))
    content = with_element(Element((0x0010, 0x0010), b"PN", len(name), name, "<"), content)
    found = reader.identity(content).patient_name
    assert found is None or found.encode("utf-8").decode() == found
    assert isinstance(verdict(reader, content), Radiograph | Reason)


@pytest.mark.parametrize("keyword", ["patient_name", "patient_id", "study_instance_uid"])
def test_a_value_of_megabytes_identifies_nobody(keyword: str, reader: IsolatedReader) -> None:
    tag = {"patient_name": 0x00100010, "patient_id": 0x00100020, "study_instance_uid": 0x0020000D}[keyword]
    content = explicit(tag, "UT", b"12" * 2**22)
    assert getattr(reader.identity(content), keyword) is None
    found = verdict(reader, content)
    assert isinstance(found, Radiograph)
    assert getattr(found.identity, keyword) is None


def test_fifty_thousand_private_elements_are_passed_over(reader: IsolatedReader) -> None:
    assert isinstance(verdict(reader, many_private_elements()), Radiograph)


def test_a_text_in_a_png_that_inflates_to_64_mib_is_not_inflated(reader: IsolatedReader) -> None:
    comment = (b"zTXt", b"Comment\0\0" + packed_zeros(64))
    profile = (b"iCCP", b"name\0\0" + packed_zeros(64))
    found = verdict(reader, png(profile, comment, (b"IDAT", LINES)))
    assert isinstance(found, Radiograph)
    assert (found.pixels == CHEST).all()


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_65_535_pixels_a_side_are_read_where_the_limits_allow_them(suffix: str, reader: IsolatedReader) -> None:
    strip = np.resize(CHEST[0], (20, 65_500))
    found = verdict(reader, encoded(suffix, strip), replace(ANY_SIZE, max_aspect=10_000))
    assert isinstance(found, Radiograph)
    assert found.pixels.shape == strip.shape
    assert found.reading.shape == (1, 1024)


def test_after_all_that_the_next_file_is_read_as_ever(reader: IsolatedReader) -> None:
    found = verdict(reader, encoded(".png", CHEST))
    assert isinstance(found, Radiograph)
    assert (found.pixels == CHEST).all()
