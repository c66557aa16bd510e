from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from cxrscreen.lungs.fields import MASK_SIDE, LungFields, Mask
from cxrscreen.lungs.framing import framed
from cxrscreen.types import Grey8


def rectangle(top: int, bottom: int, left: int, right: int) -> Mask:
    mask = np.zeros((MASK_SIDE, MASK_SIDE), dtype=np.bool_)
    mask[top:bottom, left:right] = True
    return mask


LEFT = rectangle(32, 96, 72, 104)
FIELDS = LungFields(rectangle(32, 96, 24, 56) | LEFT, LEFT, None)


def chest(seed: int = 1) -> Grey8:
    noise = np.kron(np.random.default_rng(seed).normal(0, 22, (64, 64)), np.ones((8, 8)))
    grey: Grey8 = np.clip(np.where(FIELDS.at(512, 512), 60, 150) + noise, 0, 255).astype(np.uint8)
    return grey


def inner() -> NDArray[np.bool_]:
    """Pixels of the frame that lie well inside the lungs."""
    ones = np.zeros((224, 224), dtype=np.bool_)
    ones[20:204, 20:80] = ones[20:204, 144:204] = True
    return ones


def test_the_lungs_fill_the_frame_their_median_is_mid_grey_and_so_is_all_the_rest() -> None:
    found = framed(chest(), FIELDS)
    assert found.prepared.shape == (224, 224, 3)
    assert (found.prepared[..., 0] == found.prepared[..., 2]).all()
    assert found.box == pytest.approx((0.25 - 0.02, 0.1875 - 0.025, 0.75 + 0.02, 0.8125 + 0.025), abs=1e-6)
    grey = found.prepared[..., 0]
    assert np.median(grey[inner()]) == pytest.approx(127.5, abs=8)
    assert grey[inner()].std() > 30
    assert (grey[:, 108:116] == 128).all()
    assert (grey[:5] == 128).all()


@pytest.mark.parametrize("seed", [2, 3])
def test_nothing_but_the_lungs_reaches_the_model(seed: int) -> None:
    square = chest()
    rest = np.random.default_rng(seed).integers(0, 256, square.shape, dtype=np.uint8)
    other = np.where(FIELDS.at(*square.shape), square, rest)
    assert (framed(square, FIELDS).prepared == framed(other, FIELDS).prepared).all()
    assert (framed(square, FIELDS).prepared != framed(chest(9), FIELDS).prepared).any()


@pytest.mark.parametrize(("gain", "offset"), [(0.7, 0), (0.8, 40), (1.2, 10)])
def test_window_and_exposure_change_nothing(gain: float, offset: float) -> None:
    square = (chest() // 2 + 20).astype(np.uint8)
    other = np.clip(gain * square.astype(float) + offset, 0, 255).astype(np.uint8)
    difference = np.abs(framed(square, FIELDS).prepared.astype(int) - framed(other, FIELDS).prepared)
    assert np.quantile(difference, 0.99) <= 4


def test_a_gamma_changes_little() -> None:
    square = chest()
    other = np.rint(255 * (square / 255) ** 0.7).astype(np.uint8)
    difference = np.abs(framed(square, FIELDS).prepared.astype(int) - framed(other, FIELDS).prepared)
    assert np.quantile(difference, 0.99) <= 8


def test_lungs_without_contrast_are_not_blown_up_to_noise() -> None:
    flat = np.where(FIELDS.at(512, 512), 60, 150).astype(np.uint8)
    flat[::7, ::5] += 1
    assert (framed(flat, FIELDS).prepared == 128).all()
