from __future__ import annotations

import numpy as np
import pytest

from cxrscreen.lungs.fields import MASK_SIDE
from cxrscreen.lungs.preparation import segmenter_inputs, squeezed, standardised
from tests.lungs.drawn_lungs import phantom


def test_brightness_and_contrast_of_the_radiograph_do_not_reach_the_network() -> None:
    pixels, _ = phantom(3)
    faint = (60 + 0.4 * pixels.astype(np.float64)).astype(np.uint8)
    given, changed = segmenter_inputs([pixels, faint])
    assert given.mean() == pytest.approx(0, abs=1e-5)
    assert given.std() == pytest.approx(1, abs=1e-5)
    assert np.abs(given - changed).max() < 0.1


def test_a_burnt_in_letter_does_not_set_the_scale() -> None:
    pixels, _ = phantom(3)
    marked = pixels // 2
    plain = standardised(marked.astype(np.float32))
    marked[4:10, 4:12] = 255
    assert np.abs(standardised(marked.astype(np.float32)) - plain)[20:].max() < 0.1


@pytest.mark.parametrize("shape", [(1, 1), (40, 900), (900, 40), (MASK_SIDE, MASK_SIDE), (2048, 1500)])
def test_any_size_becomes_one_square(shape: tuple[int, int]) -> None:
    pixels = np.full(shape, 77, dtype=np.uint8)
    assert (squeezed(pixels) == 77).all()
    assert squeezed(pixels).shape == (MASK_SIDE, MASK_SIDE)


def test_a_picture_without_contrast_gives_finite_inputs() -> None:
    assert np.isfinite(segmenter_inputs([np.zeros((300, 300), np.uint8), np.full((9, 9), 255, np.uint8)])).all()


def test_no_radiographs_give_no_inputs() -> None:
    assert segmenter_inputs([]).shape == (0, MASK_SIDE, MASK_SIDE, 1)
