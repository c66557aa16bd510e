from __future__ import annotations

import contextlib
import struct
import zlib

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxrscreen.errors import RefusedError
from cxrscreen.radiograph.radiograph import FileType, Identity
from cxrscreen.radiograph.read import read_radiograph
from cxrscreen.radiograph.refusal import Reason
from tests.radiograph.drawn import LIMITS, chest, encoded, photograph

CHEST = chest()
COLOURLESS = cv2.merge([CHEST, CHEST, CHEST])
PNG = encoded(".png", CHEST)
JPEG = encoded(".jpg", CHEST, cv2.IMWRITE_JPEG_QUALITY, 95)


def refusal_of(content: bytes) -> RefusedError:
    with pytest.raises(RefusedError) as refusal:
        read_radiograph(content, LIMITS)
    return refusal.value


def palette_png(picture: np.ndarray, *, bits: int = 8, kind: int = 3, palette: bytes | None = None) -> bytes:
    """A PNG written by hand, for what OpenCV does not write: palettes and 1 bit."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    rows = np.packbits(picture, axis=1) if bits == 1 else picture
    lines = b"".join(b"\0" + row.tobytes() for row in rows)
    header = struct.pack(">IIBBBBB", picture.shape[1], picture.shape[0], bits, kind, 0, 0, 0)
    table = b"" if palette is None else chunk(b"PLTE", palette)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + table
        + chunk(b"IDAT", zlib.compress(lines))
        + chunk(b"IEND", b"")
    )


def with_exif_orientation(jpeg: bytes, orientation: int) -> bytes:
    body = b"Exif\0\0II*\0" + struct.pack("<IHHHIHHI", 8, 1, 274, 3, 1, orientation, 0, 0)
    return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + jpeg[2:]


def test_a_grey_png_comes_back_unchanged() -> None:
    radiograph = read_radiograph(PNG, LIMITS)
    assert (radiograph.pixels == CHEST).all()
    assert radiograph.notices == ()
    assert radiograph.identity == Identity()
    assert radiograph.acquisition.file_type is FileType.PNG
    assert radiograph.acquisition.encoding == "PNG, grey"


@pytest.mark.parametrize(
    "picture", [COLOURLESS, np.dstack([COLOURLESS, np.full_like(CHEST, 255)])], ids=["RGB", "RGBA"]
)
def test_equal_channels_and_an_opaque_alpha_change_nothing(picture: np.ndarray) -> None:
    radiograph = read_radiograph(encoded(".png", picture), LIMITS)
    assert (radiograph.pixels == CHEST).all()
    assert radiograph.notices == ()


def test_16_bits_are_scaled_by_their_range_with_a_notice() -> None:
    radiograph = read_radiograph(encoded(".png", CHEST.astype(np.uint16) * 8), LIMITS)
    expected = (CHEST.astype(float) - CHEST.min()) / np.ptp(CHEST) * 255
    assert np.abs(radiograph.pixels - expected).max() <= 0.5 + 1e-9
    assert any("16 bits" in notice for notice in radiograph.notices)
    assert radiograph.acquisition.bits_stored == 16


def test_16_bit_colour_with_equal_channels_is_grey() -> None:
    radiograph = read_radiograph(encoded(".png", COLOURLESS.astype(np.uint16) * 257), LIMITS)
    assert (radiograph.pixels == read_radiograph(encoded(".png", CHEST.astype(np.uint16) * 257), LIMITS).pixels).all()


def test_transparent_parts_are_black_with_a_notice() -> None:
    alpha = np.full_like(CHEST, 255)
    alpha[:50] = 0
    radiograph = read_radiograph(encoded(".png", np.dstack([COLOURLESS, alpha])), LIMITS)
    assert (radiograph.pixels[:50] == 0).all()
    assert (radiograph.pixels[50:] == CHEST[50:]).all()
    assert any("ransparent" in notice for notice in radiograph.notices)


def test_a_palette_is_expanded() -> None:
    backwards = bytes(shade for index in range(256) for shade in [255 - index] * 3)
    radiograph = read_radiograph(palette_png(255 - CHEST, palette=backwards), LIMITS)
    assert (radiograph.pixels == CHEST).all()
    assert radiograph.acquisition.encoding == "PNG, palette"


def test_one_bit_becomes_black_and_white() -> None:
    halftone = (CHEST > 128).astype(np.uint8)[:, :416]
    radiograph = read_radiograph(palette_png(halftone, bits=1, kind=0), LIMITS)
    assert (radiograph.pixels == halftone * 255).all()


@pytest.mark.parametrize("options", [(), (cv2.IMWRITE_JPEG_PROGRESSIVE, 1)], ids=["baseline", "progressive"])
@pytest.mark.parametrize("picture", [CHEST, COLOURLESS], ids=["grey", "colour"])
def test_jpegs_come_back_close_to_what_was_drawn(picture: np.ndarray, options: tuple[int, ...]) -> None:
    radiograph = read_radiograph(encoded(".jpg", picture, *options), LIMITS)
    assert np.abs(radiograph.pixels.astype(int) - CHEST).mean() < 3
    assert radiograph.notices == ()


@pytest.mark.parametrize("orientation", range(2, 9))
def test_the_exif_orientation_is_applied_once(orientation: int) -> None:
    stored = read_radiograph(JPEG, LIMITS).pixels
    radiograph = read_radiograph(with_exif_orientation(JPEG, orientation), LIMITS)
    flags = cv2.IMREAD_GRAYSCALE  # OpenCV applies the orientation under this flag: an independent judge
    judge = cv2.imdecode(np.frombuffer(with_exif_orientation(JPEG, orientation), np.uint8), flags)
    assert (radiograph.pixels == judge).all()
    assert not np.array_equal(radiograph.pixels, stored)
    assert (radiograph.acquisition.rows, radiograph.acquisition.columns) == (400, 420)
    assert any("EXIF" in notice for notice in radiograph.notices)


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_a_photograph_is_refused_for_its_colours(suffix: str) -> None:
    assert refusal_of(encoded(suffix, photograph())).reason is Reason.COLOUR


@pytest.mark.parametrize("content", [PNG, JPEG, encoded(".jpg", CHEST, cv2.IMWRITE_JPEG_PROGRESSIVE, 1)])
@pytest.mark.parametrize("kept", [0.05, 0.5, 0.99])
def test_a_cut_file_is_damaged(content: bytes, kept: float) -> None:
    assert refusal_of(content[: int(kept * len(content))]).reason in {Reason.DAMAGED, Reason.UNREADABLE}


def test_lost_bytes_are_damage_though_the_decoder_only_warns(capfd: pytest.CaptureFixture[str]) -> None:
    middle = len(JPEG) // 2
    damaged = JPEG[:middle] + JPEG[middle + 200 :]
    assert cv2.imdecode(np.frombuffer(damaged, np.uint8), cv2.IMREAD_UNCHANGED) is not None
    assert "Corrupt JPEG data" in capfd.readouterr().err
    refusal = refusal_of(damaged)
    assert refusal.reason is Reason.DAMAGED
    assert "Corrupt JPEG data" in refusal.detail
    assert capfd.readouterr().err == ""


def test_a_wrong_checksum_in_a_png_is_damage() -> None:
    content = bytearray(PNG)
    content[len(PNG) // 2] ^= 0xFF
    assert refusal_of(bytes(content)).reason is Reason.DAMAGED


@pytest.mark.parametrize("content", [PNG, JPEG])
def test_bytes_after_the_end_of_the_picture_do_no_harm(content: bytes) -> None:
    expected = read_radiograph(content, LIMITS).pixels
    assert (read_radiograph(content + b"\0" * 37 + b"trailer", LIMITS).pixels == expected).all()


def test_a_bomb_is_refused_by_its_declared_size() -> None:
    png = bytearray(PNG)
    png[16:24] = struct.pack(">II", 100_000, 100_000)
    assert refusal_of(bytes(png)).reason is Reason.TOO_LARGE
    start_of_frame = JPEG.index(b"\xff\xc0")
    jpeg = JPEG[: start_of_frame + 5] + struct.pack(">HH", 65_000, 65_000) + JPEG[start_of_frame + 9 :]
    assert refusal_of(jpeg).reason is Reason.TOO_LARGE


def test_a_uniform_picture_is_blank() -> None:
    assert refusal_of(encoded(".png", np.full((400, 400), 90, np.uint8))).reason is Reason.BLANK


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", Reason.EMPTY),
        (b"%PDF-1.7", Reason.UNKNOWN_TYPE),
        (b"GIF89a", Reason.UNKNOWN_TYPE),
        (PNG.replace(b"\r\n", b"\n", 1), Reason.UNREADABLE),
        (PNG[:20], Reason.UNREADABLE),
        (JPEG[:10], Reason.UNREADABLE),
    ],
)
def test_what_is_no_picture_is_refused_with_its_reason(content: bytes, reason: Reason) -> None:
    assert refusal_of(content).reason is reason


@settings(max_examples=60)
@given(st.data(), st.sampled_from([PNG, JPEG]))
def test_a_cut_or_changed_file_is_read_or_refused_and_nothing_else(choose: st.DataObject, whole: bytes) -> None:
    content = bytearray(whole[: choose.draw(st.integers(0, len(whole)))])
    for place in choose.draw(st.lists(st.integers(0, len(whole) - 1), max_size=4)):
        if place < len(content):
            content[place] = choose.draw(st.integers(0, 255))
    with contextlib.suppress(RefusedError):
        assert read_radiograph(bytes(content), LIMITS).pixels.ndim == 2


@given(st.binary(max_size=300), st.sampled_from([b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"]))
def test_arbitrary_bytes_are_refused(tail: bytes, head: bytes) -> None:
    with pytest.raises(RefusedError):
        read_radiograph(head + tail, LIMITS)


def test_the_picture_at_reading_resolution_comes_with_the_radiograph() -> None:
    large = read_radiograph(encoded(".png", chest(1500, 1200)), LIMITS)
    assert (large.pixels.shape, large.reading.shape) == ((1500, 1200), (1024, 819))
    small = read_radiograph(encoded(".png", chest()), LIMITS)
    assert small.reading is small.pixels
