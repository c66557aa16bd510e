from __future__ import annotations

import numpy as np
import pytest

from cxrscreen.phantom.anatomy import Anatomy
from cxrscreen.phantom.attenuation import aerated_lung
from cxrscreen.phantom.golden import golden_phantom
from cxrscreen.phantom.rays import Lengths
from cxrscreen.phantom.thorax import draw_lateral, draw_thorax, frontal_rays

SEEDS = [1, 2]


def lungs_of(seed: int, side: int = 448) -> tuple[Lengths, Lengths]:
    rays = frontal_rays(Anatomy.drawn(seed), side, side)
    return aerated_lung(Anatomy.drawn(seed), rays), np.broadcast_to(rays.up, (side, side))


def test_a_phantom_is_a_twelve_bit_picture_of_the_size_asked_for() -> None:
    thorax = draw_thorax(5, rows=260, columns=300)
    assert thorax.shape == (260, 300)
    assert thorax.dtype == np.uint16
    assert thorax.max() <= 4095
    assert np.ptp(thorax) > 3500


def test_equal_seeds_draw_equal_phantoms_and_others_differ() -> None:
    first = draw_thorax(5, rows=256, columns=256)
    np.testing.assert_array_equal(first, draw_thorax(5, rows=256, columns=256))
    assert (first != draw_thorax(6, rows=256, columns=256)).mean() > 0.5
    assert Anatomy.drawn(5) == Anatomy.drawn(5)


@pytest.mark.parametrize("seed", SEEDS)
def test_lungs_are_darker_than_mediastinum_and_abdomen_and_the_open_beam_is_black(seed: int) -> None:
    golden = golden_phantom(seed, opacities=False)
    lung, _ = lungs_of(seed)
    in_lung = np.median(golden[lung > 10])
    assert in_lung < np.median(golden[200:300, 215:230]) - 60
    assert in_lung < np.median(golden[-30:, 150:300]) - 60
    assert golden[:12, :12].max() < 20


@pytest.mark.parametrize("seed", SEEDS)
def test_the_right_hemidiaphragm_stands_higher_and_the_heart_lies_to_the_left(seed: int) -> None:
    lung, up = lungs_of(seed)
    right, left = lung[:, :224], lung[:, 224:]
    lowest_full = [np.where(half > 8, up[:, :224], 99).min(axis=0) for half in (right, left)]
    assert np.median(lowest_full[0][80:160]) > np.median(lowest_full[1][120:180])
    heart_band = (up > 2) & (up < 5)
    assert (right > 8)[heart_band[:, :224]].sum() > (left > 8)[heart_band[:, 224:]].sum()


@pytest.mark.parametrize("seed", SEEDS)
def test_opacities_whiten_the_lower_zones_of_both_lungs_and_nothing_outside_the_lungs(seed: int) -> None:
    clear = golden_phantom(seed, opacities=False).astype(int)
    change = golden_phantom(seed, opacities=True).astype(int) - clear
    lung, up = lungs_of(seed)
    lower = (lung > 6) & (up < 9)
    for half in (np.s_[:, :224], np.s_[:, 224:]):
        assert change[half][lower[half]].mean() > 4
    assert change[(lung > 6) & (up > 17)].mean() < 1
    # Less light leaves filled lungs, so a little less scatter reaches their surroundings.
    assert np.abs(change[lung == 0]).max() <= 4
    assert np.abs(change[lung == 0]).mean() < 1


def test_opacities_leave_the_noise_as_it_was() -> None:
    clear, filled = (draw_thorax(4, opacities=some, rows=256, columns=256).astype(int) for some in (False, True))
    assert np.abs(filled - clear)[:20, 100:150].max() <= 40


def test_the_golden_phantom_is_bit_stable_and_free_of_noise() -> None:
    golden = golden_phantom(7, opacities=True)
    assert golden.shape == (448, 448)
    assert golden.dtype == np.uint8
    np.testing.assert_array_equal(golden, golden_phantom(7, opacities=True))
    assert not golden[:8, :8].any()


def test_the_lateral_view_shows_the_same_person_otherwise() -> None:
    lateral = draw_lateral(3, rows=300, columns=240)
    assert lateral.shape == (300, 240)
    frontal = draw_thorax(3, rows=300, columns=240)
    assert abs(np.corrcoef(lateral.ravel(), frontal.ravel())[0, 1]) < 0.9
    assert lateral[150, 60:180].mean() > lateral[150, :8].mean() + 1000
