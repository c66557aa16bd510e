from __future__ import annotations

import cv2
import numpy as np
import pytest

from cxrscreen.lungs.changed import SIDE, exchanged, only_lungs, without_lungs
from cxrscreen.lungs.fields import MASK_SIDE, LungFields, Mask
from cxrscreen.types import Grey8


def ellipse(row: int, column: int, tall: int, wide: int) -> Mask:
    drawn = np.zeros((MASK_SIDE, MASK_SIDE), np.uint8)
    cv2.ellipse(drawn, (column, row), (wide, tall), 0, 0, 360, 1, cv2.FILLED)
    return drawn.astype(np.bool_)


def fields(right: Mask, left: Mask) -> LungFields:
    return LungFields(right | left, left, None)


WIDE = fields(ellipse(60, 38, 38, 18), ellipse(64, 90, 36, 17))
NARROW = fields(ellipse(70, 42, 30, 12), ellipse(66, 86, 32, 12))


def chest(its: LungFields, *, lung: int, body: int, seed: int) -> Grey8:
    square = np.where(its.at(SIDE, SIDE), lung, body) + np.random.default_rng(seed).normal(0, 12, (SIDE, SIDE))
    grey: Grey8 = np.clip(square, 0, 255).astype(np.uint8)
    return grey


def test_without_lungs_nothing_of_them_or_their_outline_is_left() -> None:
    square = chest(WIDE, lung=40, body=170, seed=1)
    changed = without_lungs(square, WIDE)
    (fill,) = np.unique(changed[WIDE.at(SIDE, SIDE)])
    assert abs(int(fill) - 170) <= 1
    assert cv2.GaussianBlur(changed, (0, 0), 4).min() > 150  # no dark rim
    outside = without_lungs(255 - square, WIDE)[0]
    assert (outside == 255 - square[0]).all()


def test_only_the_lungs_remain() -> None:
    square = chest(WIDE, lung=40, body=170, seed=1)
    changed, lungs = only_lungs(square, WIDE), WIDE.at(SIDE, SIDE)
    assert (changed[lungs] == square[lungs]).all()
    assert len(np.unique(changed[~lungs])) == 1
    assert abs(float(changed[~lungs][0]) - 40) < 2


def test_exchanged_lungs_lie_in_the_other_ones_fields_and_the_rest_is_the_other_one() -> None:
    mine, other = chest(WIDE, lung=40, body=170, seed=1), chest(NARROW, lung=90, body=170, seed=2)
    mixed = exchanged(mine, WIDE, other, NARROW)
    inside = cv2.erode(NARROW.at(SIDE, SIDE).astype(np.uint8), np.ones((25, 25))).astype(np.bool_)
    beyond = cv2.dilate(NARROW.at(SIDE, SIDE).astype(np.uint8), np.ones((25, 25))) == 0
    assert mixed[inside].mean() == pytest.approx(40, abs=6)
    assert (mixed[beyond] == other[beyond]).all()


def test_a_spot_in_the_upper_right_lung_arrives_in_the_upper_right_lung() -> None:
    mine, other = chest(WIDE, lung=40, body=170, seed=1), chest(NARROW, lung=40, body=170, seed=2)
    cv2.circle(mine, (38 * 4, 40 * 4), 22, 220, cv2.FILLED)
    rows, columns = np.nonzero((exchanged(mine, WIDE, other, NARROW) > 200) & NARROW.at(SIDE, SIDE))
    assert columns.mean() / 4 == pytest.approx(42, abs=3)
    assert 45 < rows.mean() / 4 < 65  # the same part of the way down, in a lower and smaller lung


def test_a_brighter_exposure_of_the_lungs_own_radiograph_does_not_come_along() -> None:
    dark, bright = chest(WIDE, lung=40, body=120, seed=1), chest(WIDE, lung=120, body=200, seed=1)
    other = chest(NARROW, lung=60, body=140, seed=2)
    lungs = NARROW.at(SIDE, SIDE)
    means = [exchanged(mine, WIDE, other, NARROW)[lungs].mean() for mine in (dark, bright)]
    assert means[0] == pytest.approx(means[1], abs=4)


def test_exchanged_with_itself_a_radiograph_stays_nearly_what_it_is() -> None:
    square = cv2.GaussianBlur(chest(WIDE, lung=40, body=170, seed=1), (0, 0), 3)
    difference = np.abs(exchanged(square, WIDE, square, WIDE).astype(int) - square)
    assert difference.mean() < 3
