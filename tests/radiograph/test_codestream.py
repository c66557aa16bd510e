from __future__ import annotations

import struct

import cv2
from hypothesis import given
from hypothesis import strategies as st

from cxrscreen.radiograph.codestream import Frame, exif_block, exif_orientation, read_frame
from tests.radiograph.drawn import chest, encoded, photograph


def test_a_jpeg_tells_its_size_without_being_decoded() -> None:
    content = encoded(".jpg", chest(310, 420))
    assert read_frame(content[:1000]) == Frame(rows=310, columns=420, bits=8, samples=1)


def test_a_progressive_colour_jpeg_tells_so() -> None:
    content = encoded(".jpg", photograph(310, 420), cv2.IMWRITE_JPEG_PROGRESSIVE, 1)
    assert read_frame(content) == Frame(rows=310, columns=420, bits=8, samples=3, progressive=True)


def test_a_jpeg_2000_stream_tells_its_size_and_depth() -> None:
    content = encoded(".jp2", chest(310, 420).astype("uint16") * 16)
    stream = content[content.index(b"\xff\x4f\xff\x51") :]
    assert read_frame(stream) == Frame(rows=310, columns=420, bits=16, samples=1)


def test_filler_bytes_before_a_marker_are_skipped() -> None:
    content = encoded(".jpg", chest(310, 420))
    assert read_frame(content[:2] + b"\xff\xff\xff" + content[2:]) == read_frame(content)


def test_the_orientation_is_read_in_both_byte_orders() -> None:
    for order, head in (("<", b"II*\0"), (">", b"MM\0*")):
        tiff = head + struct.pack(f"{order}IHHHIHHI", 8, 1, 274, 3, 1, 6, 0, 0)
        assert exif_orientation(tiff) == 6
        assert exif_block(b"\xff\xd8\xff\xe1" + struct.pack(">H", len(tiff) + 8) + b"Exif\0\0" + tiff) == tiff


def test_an_orientation_out_of_range_means_upright() -> None:
    assert exif_orientation(b"II*\0" + struct.pack("<IHHHIHHI", 8, 1, 274, 3, 1, 9, 0, 0)) == 1


@given(
    st.binary(max_size=300),
    st.sampled_from([b"", b"\xff\xd8", b"\xff\x4f\xff\x51", b"\xff\xd8\xff\xe1\x00\x20Exif\0\0II*\0"]),
)
def test_arbitrary_bytes_never_raise(tail: bytes, head: bytes) -> None:
    read_frame(head + tail)
    assert exif_orientation(exif_block(head + tail) or tail) in range(1, 9)
