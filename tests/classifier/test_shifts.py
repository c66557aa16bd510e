from __future__ import annotations

import cv2
import numpy as np
import pytest

from cxrscreen.classifier.making import Augmentation
from cxrscreen.classifier.shifts import draw_shifts, shifted
from cxrscreen.types import PreparedBatch


def test_a_shift_moves_whole_pixels_and_repeats_the_edge(prepared: PreparedBatch) -> None:
    shifts = np.array([[[0, 0], [5, -9], [-22, 22]], [[1, 0], [0, 1], [-3, -4]]])
    copies = shifted(prepared[:2], shifts)
    assert copies.shape == (2, 3, 224, 224, 3)
    for radiograph, own_shifts, own_copies in zip(prepared[:2], shifts, copies, strict=True):
        for (down, right), copy in zip(own_shifts, own_copies, strict=True):
            motion = np.array([[1, 0, right], [0, 1, down]], dtype=np.float32)
            expected = cv2.warpAffine(
                radiograph, motion, (224, 224), flags=cv2.INTER_NEAREST, borderMode=cv2.BORDER_REPLICATE
            )
            assert (copy == expected).all()


def test_a_positive_shift_goes_down_and_to_the_right(prepared: PreparedBatch) -> None:
    copy = shifted(prepared[:1], np.array([[[2, 3]]]))[0, 0]
    assert (copy[2:, 3:] == prepared[0, :-2, :-3]).all()
    assert (copy[:2, 3:] == prepared[0, 0, :-3]).all()


def test_neither_order_nor_company_moves_a_shift(prepared: PreparedBatch) -> None:
    augmentation = Augmentation(copies=3, max_shift=0.1)
    together = draw_shifts(prepared, augmentation, seed=5)
    assert (draw_shifts(prepared[::-1], augmentation, seed=5) == together[::-1]).all()
    assert (draw_shifts(prepared[4:5], augmentation, seed=5) == together[4:5]).all()
    assert (draw_shifts(prepared, augmentation, seed=6) != together).any()


def test_more_copies_keep_the_shifts_of_the_first_ones(prepared: PreparedBatch) -> None:
    few, many = (draw_shifts(prepared, Augmentation(copies=copies), seed=5) for copies in (2, 6))
    assert (many[:, :2] == few).all()


def test_shifts_go_all_ways_and_stay_within_their_bound(prepared: PreparedBatch) -> None:
    shifts = draw_shifts(prepared, Augmentation(copies=200, max_shift=0.05), seed=1)  # 11.2 pixels
    for direction in range(2):
        assert sorted(set(shifts[..., direction].ravel().tolist())) == list(range(-11, 12))
    assert abs(np.corrcoef(shifts[..., 0].ravel(), shifts[..., 1].ravel())[0, 1]) < 0.1


@pytest.mark.parametrize("augmentation", [Augmentation(), Augmentation(copies=2, max_shift=0)])
def test_without_shifts_nothing_moves(prepared: PreparedBatch, augmentation: Augmentation) -> None:
    copies = shifted(prepared, draw_shifts(prepared, augmentation, seed=5))
    assert copies.shape == (11, augmentation.copies, 224, 224, 3)
    assert (copies == prepared[:, None]).all()
