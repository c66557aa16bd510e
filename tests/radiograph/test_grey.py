from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from cxrscreen.radiograph.grey import blend_on_black, contrast, stretch, stretch_16_bit, turn_upright

numbers = st.floats(-1e6, 1e6, allow_nan=False)
deep = hnp.arrays(np.uint16, hnp.array_shapes(min_dims=2, max_dims=2, max_side=12))


@given(hnp.arrays(np.float64, 30, elements=numbers), numbers, numbers)
def test_stretching_keeps_the_order_of_the_values(values: np.ndarray, low: float, high: float) -> None:
    low, high = sorted((low, high))
    shades = stretch(np.sort(values), low, high).astype(int)
    assert (np.diff(shades) >= 0).all()


@given(hnp.arrays(np.float64, 30, elements=numbers), st.integers(-5000, 5000), st.integers(1, 5000))
def test_swapping_the_ends_inverts_up_to_the_rounding_of_halves(values: np.ndarray, low: int, width: int) -> None:
    upwards, downwards = stretch(values, low, low + width), stretch(values, low + width, low)
    assert (np.abs(255 - upwards.astype(int) - downwards) <= 1).all()


def test_the_ends_become_black_and_white_and_beyond_is_clipped() -> None:
    assert stretch(np.array([-7, 100, 200, 300, 900]), 100, 300).tolist() == [0, 0, 128, 255, 255]


def test_equal_ends_give_black_instead_of_a_division_by_zero() -> None:
    assert stretch(np.array([1, 2, 3]), 2, 2).tolist() == [0, 0, 0]


@given(deep.filter(lambda pixels: np.ptp(pixels) > 0))
def test_sixteen_bits_fill_the_whole_range_of_eight(pixels: np.ndarray) -> None:
    shades, ends = stretch_16_bit(pixels)
    assert (shades.min(), shades.max()) == (0, 255)
    assert ends == (pixels.min(), pixels.max())


def test_twelve_bits_in_sixteen_are_not_left_dark() -> None:
    ramp = np.arange(4096, dtype=np.uint16).reshape(64, 64)
    shades, _ = stretch_16_bit(ramp)
    assert len(np.unique(shades)) == 256


def test_transparency_is_laid_on_black() -> None:
    pixels = np.full((1, 3, 3), 200, np.uint8)
    assert blend_on_black(pixels, np.array([[0, 51, 255]], np.uint8))[0, :, 0].tolist() == [0, 40, 200]


# What a viewer shows for the stored picture [[1, 2], [3, 4]], by EXIF 3.0 section 4.6.5.
@pytest.mark.parametrize(
    ("orientation", "seen"),
    [
        (1, [[1, 2], [3, 4]]),
        (2, [[2, 1], [4, 3]]),
        (3, [[4, 3], [2, 1]]),
        (4, [[3, 4], [1, 2]]),
        (5, [[1, 3], [2, 4]]),
        (6, [[3, 1], [4, 2]]),
        (7, [[4, 2], [3, 1]]),
        (8, [[2, 4], [1, 3]]),
    ],
)
def test_each_exif_orientation_is_undone(orientation: int, seen: list[list[int]]) -> None:
    assert turn_upright(np.array([[1, 2], [3, 4]], np.uint8), orientation).tolist() == seen


def test_contrast_is_the_standard_deviation() -> None:
    pixels = np.array([[0, 255], [0, 255]], np.uint8)
    assert contrast(pixels) == pytest.approx(127.5)
