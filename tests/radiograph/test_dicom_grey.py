"""Shades of grey from stored values, against PS3.3 C.11 worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from pydicom.dataset import Dataset

from cxrscreen.errors import RefusedError
from cxrscreen.radiograph.dicom_grey import render
from cxrscreen.radiograph.refusal import Reason
from tests.radiograph.drawn import dicom_dataset

RAMP = np.arange(4096, dtype=np.uint16).reshape(64, 64)


def shades(stored: np.ndarray, **tags: object) -> np.ndarray:
    return render(stored, dicom_dataset(stored, **tags)).pixels


def lut(entries: list[int], *, first: int, bits: int) -> Dataset:
    item = Dataset()
    item.LUTDescriptor = [len(entries), first, bits]
    item.LUTData = entries
    return item


def linear(x: float, centre: float, width: float) -> float:
    """C.11.2.1.2.1, to 0..255."""
    if x <= centre - 0.5 - (width - 1) / 2:
        return 0
    if x > centre - 0.5 + (width - 1) / 2:
        return 255
    return ((x - (centre - 0.5)) / (width - 1) + 0.5) * 255


windows = st.tuples(st.integers(-500, 5000), st.integers(2, 5000))
pictures = hnp.arrays(np.uint16, (9, 11), elements=st.integers(0, 4095))


@given(pictures, windows)
def test_the_linear_window_is_that_of_the_standard(stored: np.ndarray, window: tuple[int, int]) -> None:
    centre, width = window
    expected = [linear(int(x), centre, width) for x in stored.ravel()]
    found = shades(stored, WindowCenter=centre, WindowWidth=width).ravel()
    assert np.abs(found - np.array(expected)).max() <= 0.5 + 1e-6


def test_linear_exact_and_sigmoid_are_those_of_the_standard() -> None:
    exact = shades(RAMP, WindowCenter=2000, WindowWidth=1000, VOILUTFunction="LINEAR_EXACT").ravel()
    sigmoid = shades(RAMP, WindowCenter=2000, WindowWidth=1000, VOILUTFunction="SIGMOID").ravel()
    assert (exact[1500], exact[1750], exact[2500]) == (0, 64, 255)
    assert exact[2000] in (127, 128)
    for x in (0, 1500, 2000, 2600, 4095):
        assert sigmoid[x] == pytest.approx(255 / (1 + math.exp(-4 * (x - 2000) / 1000)), abs=0.51)


def test_the_first_of_several_windows_counts() -> None:
    several = render(RAMP, dicom_dataset(RAMP, WindowCenter=[1000, 3000], WindowWidth=[500, 100]))
    assert (several.pixels == shades(RAMP, WindowCenter=1000, WindowWidth=500)).all()
    assert several.window == "LINEAR, centre 1000, width 500"


def test_the_window_applies_to_rescaled_values() -> None:
    found = shades(RAMP, RescaleSlope=2, RescaleIntercept=-1000, WindowCenter=3000, WindowWidth=4001).ravel()
    expected = np.array([linear(2 * x - 1000, 3000, 4001) for x in range(4096)])
    assert np.abs(found - expected).max() <= 0.5 + 1e-6


def test_a_negative_slope_turns_the_shades_round() -> None:
    found = shades(RAMP, RescaleSlope=-1, RescaleIntercept=4095).ravel()
    assert (found[0], found[4095]) == (255, 0)


def test_signed_values_are_ordered_by_their_sign() -> None:
    signed = (RAMP.astype(np.int16) - 2048).astype(np.int16)
    assert (shades(signed) == shades(RAMP)).all()
    assert (shades(signed, WindowCenter=0, WindowWidth=1000) == shades(RAMP, WindowCenter=2048, WindowWidth=1000)).all()


def test_a_voi_lut_outranks_the_window_and_a_depth_declared_too_large_is_not_dark() -> None:
    bent = [int(4095 * (x / 4095) ** 2) for x in range(4096)]
    expected = np.rint(np.array(bent) / 4095 * 255)
    for bits in (12, 16):
        found = render(
            RAMP,
            dicom_dataset(RAMP, WindowCenter=7, WindowWidth=3, VOILUTSequence=[lut(bent, first=0, bits=bits)]),
        )
        assert np.abs(found.pixels.ravel() - expected).max() <= 1
        assert found.window.startswith("VOI LUT")


def test_a_voi_lut_of_8_bits_with_many_entries_does_not_wrap_round() -> None:
    ramp = [x // 16 for x in range(4096)]
    assert (shades(RAMP, VOILUTSequence=[lut(ramp, first=0, bits=8)]).ravel() == np.array(ramp)).all()


def test_values_beyond_a_voi_lut_take_its_outermost_entries() -> None:
    found = shades(RAMP, VOILUTSequence=[lut([0, 64, 128, 255], first=1000, bits=8)]).ravel()
    assert found[[0, 1000, 1001, 1002, 1003, 4095]].tolist() == [0, 0, 64, 128, 255, 255]


@pytest.mark.parametrize("bits", [12, 16])
def test_a_modality_lut_comes_before_the_window(bits: int) -> None:
    reversed_ramp = [4095 - x for x in range(4096)]
    found = shades(
        RAMP, ModalityLUTSequence=[lut(reversed_ramp, first=0, bits=bits)], WindowCenter=2048, WindowWidth=4096
    )
    assert (found.ravel()[0], found.ravel()[4095]) == (255, 0)


@given(pictures.filter(lambda stored: np.ptp(stored) > 0), st.one_of(st.none(), windows))
def test_monochrome1_is_255_minus_monochrome2(stored: np.ndarray, window: tuple[int, int] | None) -> None:
    tags = {} if window is None else {"WindowCenter": window[0], "WindowWidth": window[1]}
    upright = shades(stored, **tags)
    assert (shades(stored, PhotometricInterpretation="MONOCHROME1", **tags) == 255 - upright).all()


def test_monochrome1_with_presentation_lut_inverse_inverts_once() -> None:
    once = shades(RAMP, PhotometricInterpretation="MONOCHROME1", PresentationLUTShape="INVERSE")
    assert (once == 255 - shades(RAMP)).all()
    assert (shades(RAMP, PresentationLUTShape="INVERSE") == once).all()
    assert (shades(RAMP, PresentationLUTShape="IDENTITY") == shades(RAMP)).all()


@given(pictures.filter(lambda stored: np.ptp(stored) > 0))
def test_without_a_window_the_range_of_the_values_is_used_and_said(stored: np.ndarray) -> None:
    rendered = render(stored, dicom_dataset(stored))
    assert (rendered.pixels.min(), rendered.pixels.max()) == (0, 255)
    assert (np.diff(rendered.pixels.ravel()[np.argsort(stored, axis=None)].astype(int)) >= 0).all()
    assert any("no window" in notice for notice in rendered.notices)


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_padding_is_black_and_does_not_count_for_the_range(photometric: str) -> None:
    stored = np.full((20, 20), 4000, np.uint16)
    stored[5:15, 5:15] = np.arange(1000, 1100).reshape(10, 10)
    padded = dicom_dataset(stored, PhotometricInterpretation=photometric)
    padded.add_new("PixelPaddingValue", "US", 4000)
    pixels = render(stored, padded).pixels
    assert (pixels[0] == 0).all()
    assert np.ptp(pixels[5:15, 5:15]) == 255


def test_padding_may_be_a_range() -> None:
    stored = np.arange(100, dtype=np.uint16).reshape(10, 10)
    padded = dicom_dataset(stored)
    padded.add_new("PixelPaddingValue", "US", 0)
    padded.add_new("PixelPaddingRangeLimit", "US", 49)
    pixels = render(stored, padded).pixels.ravel()
    assert (pixels[:51] == 0).all()
    assert pixels[99] == 255


def test_nothing_but_padding_is_blank() -> None:
    stored = np.full((20, 20), 7, np.uint16)
    padded = dicom_dataset(stored)
    padded.add_new("PixelPaddingValue", "US", 7)
    with pytest.raises(RefusedError) as refusal:
        render(stored, padded)
    assert refusal.value.reason is Reason.BLANK


def test_8_bit_shades_without_a_window_stay_as_they_are() -> None:
    stored = np.arange(50, 150, dtype=np.uint8).reshape(10, 10)
    rendered = render(stored, dicom_dataset(stored, bits=8))
    assert (rendered.pixels == stored).all()
    assert rendered.notices == ()


@pytest.mark.parametrize("tags", [{"WindowCenter": 5, "WindowWidth": 0}, {"WindowCenter": 5, "WindowWidth": -3}])
def test_an_invalid_window_gives_way_to_the_range_with_a_notice(tags: dict[str, int]) -> None:
    rendered = render(RAMP, dicom_dataset(RAMP, **tags))
    assert rendered.pixels.max() == 255
    assert any("not valid" in notice for notice in rendered.notices)
