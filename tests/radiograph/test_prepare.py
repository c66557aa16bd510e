from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxrscreen.radiograph.prepare import prepare, to_reading_resolution
from tests.radiograph.drawn import chest

sides = st.integers(1, 700)


@settings(max_examples=40)
@given(sides, sides, st.integers(0, 255))
def test_any_shape_becomes_224_by_224_by_3_without_inventing_shades(rows: int, columns: int, shade: int) -> None:
    prepared = prepare(np.full((rows, columns), shade, np.uint8))
    assert prepared.shape == (224, 224, 3)
    assert prepared.dtype == np.uint8
    assert (prepared == shade).all()


def test_the_three_channels_are_equal() -> None:
    prepared = prepare(chest())
    assert (prepared[..., 0] == prepared[..., 1]).all()
    assert (prepared[..., 0] == prepared[..., 2]).all()


def test_shrinking_averages_areas_so_that_fine_stripes_become_grey() -> None:
    stripes = np.tile(np.array([0, 200], np.uint8), (448, 224))
    assert (prepare(stripes) == 100).all()


def test_a_side_that_shrinks_is_averaged_even_where_the_other_grows() -> None:
    stripes = np.tile(np.array([0, 200], np.uint8), (112, 224))
    assert (prepare(stripes) == 100).all()


def test_nothing_is_cut_off_and_no_bars_are_added() -> None:
    tall = np.full((600, 300), 50, np.uint8)
    tall[:30], tall[-30:] = 250, 250
    prepared = prepare(tall)[..., 0]
    assert (prepared[0] == 250).all()
    assert (prepared[-1] == 250).all()
    assert (prepared[112] == 50).all()


@pytest.mark.parametrize(("shape", "expected"), [((4280, 3520), (1024, 842)), ((500, 2048), (250, 1024))])
def test_reading_resolution_keeps_the_aspect(shape: tuple[int, int], expected: tuple[int, int]) -> None:
    assert to_reading_resolution(np.zeros(shape, np.uint8)).shape == expected


def test_reading_resolution_never_enlarges() -> None:
    small = chest(300, 400)
    assert to_reading_resolution(small) is small
