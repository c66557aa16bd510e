from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cxrscreen.lungs.fields import MASK_SIDE
from cxrscreen.lungs.preparation import squeezed
from cxrscreen.training.lung_changes import changed
from cxrscreen.training.lung_draws import Change, Exposure, Patch, Pose, Processing, Writing, draw_change
from tests.lungs.drawn_lungs import phantom

SIDE = 192
NOTHING = Change(
    pose=Pose(quarter_turns=0, turn_degrees=0, scale=1, stretch=1, down=0, across=0, mirrored=False, rim=0.0),
    exposure=Exposure(gamma=1, steepness=None, toe=0.5, slope_down=0, slope_across=0),
    processing=Processing(blur=0, sharpening=0, noise=0, jpeg_quality=None, seed=0),
    haze=None,
    haze_width=9,
    patches=(),
    writing=None,
)
PIXELS, LUNGS = phantom(4, SIDE)
MASK = 255 * LUNGS.astype(np.uint8)
SMALL = squeezed(MASK) > 127


def posed(**changes: float | bool) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    return changed(PIXELS, MASK, replace(NOTHING, pose=replace(NOTHING.pose, **changes)))[1]  # type: ignore[arg-type]  # floats and one bool


def test_no_change_squeezes_and_standardises_only() -> None:
    grey, mask = changed(PIXELS, MASK, NOTHING)
    assert grey.shape == mask.shape == (MASK_SIDE, MASK_SIDE)
    assert (mask != SMALL).mean() < 0.01
    assert np.corrcoef(grey.ravel(), squeezed(PIXELS).ravel())[0, 1] > 0.99


def test_the_mask_follows_the_picture() -> None:
    assert (posed(across=0.125)[:, 16:] != SMALL[:, :-16]).mean() < 0.02
    assert (posed(down=-0.125)[:-16] != SMALL[16:]).mean() < 0.02
    assert (posed(mirrored=True) != SMALL[:, ::-1]).mean() < 0.02
    assert posed(scale=0.5).mean() == pytest.approx(SMALL.mean() / 4, rel=0.05)
    assert posed(stretch=1.2).mean() == pytest.approx(SMALL.mean(), rel=0.1)
    grey, mask = changed(PIXELS, MASK, replace(NOTHING, pose=replace(NOTHING.pose, turn_degrees=15, scale=0.8)))
    assert grey[mask > 0].mean() < grey[mask == 0].mean() or grey[mask > 0].std() < grey.std()
    assert (mask != SMALL).mean() > 0.05


def test_exposure_and_processing_leave_the_mask_alone() -> None:
    change = replace(
        NOTHING,
        exposure=Exposure(gamma=1.5, steepness=5, toe=0.4, slope_down=0.2, slope_across=-0.2),
        processing=Processing(blur=1, sharpening=2, noise=0.05, jpeg_quality=20, seed=3),
        haze=0.8,
        patches=(Patch(top=0.4, left=0.2, height=0.2, width=0.2, level=1.0),),
        writing=Writing(text="SUPINE", top=0.2, left=0.1, size=0.5, weight=1),
    )
    grey, mask = changed(PIXELS, MASK, change)
    plain, unchanged = changed(PIXELS, MASK, NOTHING)
    assert np.array_equal(mask, unchanged)
    assert np.abs(grey - plain).mean() > 0.2
    assert np.isfinite(grey).all()
    block = grey[
        round(0.4 * MASK_SIDE) + 1 : round(0.6 * MASK_SIDE), round(0.2 * MASK_SIDE) + 1 : round(0.4 * MASK_SIDE)
    ]
    assert (block == grey.max()).all()


def test_haze_brightens_the_lungs_alone() -> None:
    plain = changed(PIXELS, MASK, replace(NOTHING, haze=None))[0]
    hazed, mask = changed(PIXELS, MASK, replace(NOTHING, haze=0.9, haze_width=6))
    inside = (hazed - plain)[mask > 0].mean() - (hazed - plain)[mask == 0].mean()
    assert inside > 0.1


def test_the_same_draw_gives_the_same_pair() -> None:
    for seed in range(20):
        change = draw_change(np.random.default_rng(seed))
        assert change == draw_change(np.random.default_rng(seed))
        first, second = changed(PIXELS, MASK, change), changed(PIXELS, MASK, change)
        assert np.array_equal(first[0], second[0])
        assert np.array_equal(first[1], second[1])


def test_every_draw_can_be_applied_and_keeps_some_lung() -> None:
    generator = np.random.default_rng(7)
    kept = []
    for _ in range(300):
        change = draw_change(generator)
        grey, mask = changed(PIXELS, MASK, change)
        assert np.isfinite(grey).all()
        assert set(np.unique(mask)) <= {0, 1}
        kept.append(mask.mean() / SMALL.mean())
        if change.pose.quarter_turns:
            assert kept.pop() == 0
    assert min(kept) > 0.1
    assert 240 < len(kept) < 300
    assert 0.6 < float(np.median(kept)) < 1.2


def test_dark_and_bright_never_change_places() -> None:
    generator = np.random.default_rng(8)
    plain = squeezed(PIXELS).astype(np.float64)
    for _ in range(100):
        change = draw_change(generator)
        still = replace(change, pose=NOTHING.pose, patches=(), writing=None, haze=None)
        assert np.corrcoef(changed(PIXELS, MASK, still)[0].ravel(), plain.ravel())[0, 1] > 0.3
