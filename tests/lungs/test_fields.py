from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxrscreen.lungs.fields import MASK_SIDE, fields_of
from cxrscreen.lungs.plausibility import LungFault
from tests.lungs.drawn_lungs import LEFT, RIGHT, lungs


def test_two_lungs_in_their_places_are_usable_and_know_their_sides() -> None:
    fields = fields_of(lungs(LEFT, RIGHT))
    assert fields.usable
    assert np.array_equal(fields.left, lungs(LEFT))
    assert np.array_equal(fields.right, lungs(RIGHT))
    assert fields.area == lungs(LEFT, RIGHT).mean()


@pytest.mark.parametrize(
    ("ellipses", "fault"),
    [
        ((), LungFault.TOO_SMALL),
        (((0.3, 0.5, 0.04, 0.1), (0.7, 0.5, 0.04, 0.1)), LungFault.TOO_SMALL),
        (((0.25, 0.5, 0.24, 0.6), (0.75, 0.5, 0.23, 0.6)), LungFault.TOO_LARGE),
        ((LEFT,), LungFault.ONE_LUNG),
        ((RIGHT,), LungFault.ONE_LUNG),
        (((0.5, 0.5, 0.3, 0.3),), LungFault.ONE_LUNG),
        ((RIGHT, (0.72, 0.2, 0.05, 0.08)), LungFault.ONE_LUNG),
        ((RIGHT, LEFT, (0.5, 0.93, 0.15, 0.06)), LungFault.TOO_MANY_PARTS),
        ((RIGHT, (0.72, 0.4, 0.08, 0.2)), LungFault.SIDES),
        (((0.28, 0.3, 0.14, 0.25), (0.72, 0.7, 0.14, 0.25)), LungFault.PLACE),
        (((0.5, 0.2, 0.3, 0.14), (0.5, 0.75, 0.3, 0.14)), LungFault.PLACE),
        (((0.2, 0.5, 0.1, 0.3), (0.43, 0.5, 0.1, 0.3)), LungFault.PLACE),
    ],
)
def test_what_lungs_do_not_look_like_has_a_fault_with_words(
    ellipses: tuple[tuple[float, float, float, float], ...], fault: LungFault
) -> None:
    fields = fields_of(lungs(*ellipses))
    assert fields.fault is fault
    assert not fields.usable
    assert fault.sentence.endswith(".")


def test_an_undecided_outline_is_a_fault() -> None:
    assert fields_of(lungs(LEFT, RIGHT), doubt=0.4).usable
    assert fields_of(lungs(LEFT, RIGHT), doubt=0.6).fault is LungFault.DOUBT


def test_a_lung_alone_is_of_the_side_that_it_lies_on() -> None:
    assert fields_of(lungs(LEFT)).left.any()
    assert not fields_of(lungs(RIGHT)).left.any()


def test_specks_and_holes_are_no_fault_and_no_part_of_the_mask() -> None:
    mask = lungs(LEFT, RIGHT)
    mask[2:5, 2:5] = True
    mask[60:64, 34:38] = False
    fields = fields_of(mask)
    assert fields.usable
    assert np.array_equal(fields.mask, lungs(LEFT, RIGHT))


def test_an_empty_mask_has_the_whole_picture_as_its_box() -> None:
    assert fields_of(lungs()).box(0.1) == (0.0, 0.0, 1.0, 1.0)


def test_the_box_holds_both_lungs_and_grows_by_its_margin() -> None:
    fields = fields_of(lungs(LEFT, RIGHT))
    top, left, bottom, right = (round(MASK_SIDE * edge) for edge in fields.box())
    assert fields.mask[top:bottom, left:right].sum() == fields.mask.sum()
    assert fields.mask[top].any()
    assert fields.mask[bottom - 1].any()
    assert fields.mask[:, left].any()
    assert fields.mask[:, right - 1].any()
    outer = fields.box(0.1)
    assert outer[0] == pytest.approx(fields.box()[0] - 0.1 * (bottom - top) / MASK_SIDE)
    assert fields.box(5) == (0.0, 0.0, 1.0, 1.0)


@given(rows=st.integers(7, 400), columns=st.integers(7, 400))
def test_a_resized_mask_keeps_its_share_and_its_place(rows: int, columns: int) -> None:
    fields = fields_of(lungs(LEFT, RIGHT))
    mask = fields.at(rows, columns)
    assert mask.shape == (rows, columns)
    assert mask.mean() == pytest.approx(fields.area, abs=0.12 if min(rows, columns) < 32 else 0.02)
    assert mask[rows // 2, round(0.28 * columns)]
    assert not mask[rows // 2, columns // 2 if columns % 2 else columns // 2 - 1] or columns < 16
