from __future__ import annotations

import numpy as np
import pytest

from cxrscreen.lungs.fields import MASK_SIDE, LungFields, Mask
from cxrscreen.lungs.framing import CELLS, framed
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


def test_the_lungs_fill_the_frame_and_their_mean_is_mid_grey() -> None:
    found = framed(chest(), FIELDS)
    assert found.prepared.shape == (224, 224, 3)
    assert (found.prepared[..., 0] == found.prepared[..., 2]).all()
    assert found.box == pytest.approx((0.25 - 0.02, 0.1875 - 0.025, 0.75 + 0.02, 0.8125 + 0.025), abs=1e-6)
    lungs = found.cover > 0.99
    cells = found.prepared[..., 0].reshape(CELLS, 16, CELLS, 16).mean(axis=(1, 3))
    assert cells[lungs].mean() == pytest.approx(127.5, abs=3)
    assert cells[found.cover == 0].min() > 200


def test_cover_is_the_share_of_lung_in_each_cell() -> None:
    found = framed(chest(), FIELDS)
    inside = 2 * 0.5 * 0.25 / ((0.5 + 0.04) * (0.625 + 0.05))
    assert found.cover.shape == (CELLS, CELLS)
    assert found.cover.mean() == pytest.approx(inside, abs=0.01)
    assert found.cover.min() == 0


@pytest.mark.parametrize(("gain", "offset"), [(0.7, 0), (1.0, 60), (1.2, -10)])
def test_window_and_exposure_change_nothing_inside_the_lungs(gain: float, offset: float) -> None:
    square = chest()
    other = np.clip(gain * square.astype(float) + offset, 0, 255).astype(np.uint8)
    one, changed = framed(square, FIELDS), framed(other, FIELDS)
    lungs = np.kron(one.cover, np.ones((16, 16))) > 0.99
    difference = np.abs(one.prepared[lungs].astype(int) - changed.prepared[lungs])
    assert np.median(difference) <= 6


def test_lungs_without_contrast_are_not_blown_up_to_noise() -> None:
    flat = np.where(FIELDS.at(512, 512), 60, 150).astype(np.uint8)
    flat[::7, ::5] += 1
    lungs = np.kron(framed(flat, FIELDS).cover, np.ones((16, 16))) > 0.99
    assert framed(flat, FIELDS).prepared[lungs].std() < 6
