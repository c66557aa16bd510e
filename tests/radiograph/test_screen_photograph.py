from __future__ import annotations

import numpy as np
import pytest

from cxrscreen.phantom.golden import golden_phantom
from cxrscreen.radiograph.screen_photograph import periodic_pattern


def waves(side: int, across: float, down: float) -> np.ndarray:
    y, x = np.mgrid[:side, :side]
    return 12 * np.cos(2 * np.pi * (across * x + down * y))


def on_phantom(disturbance: np.ndarray) -> np.ndarray:
    return np.clip(golden_phantom(3, opacities=False) + disturbance, 0, 255).astype(np.uint8)


def noise(sigma: float) -> np.ndarray:
    return np.random.default_rng(5).normal(0, sigma, (448, 448))


def test_oblique_fine_waves_stand_out_and_noise_does_not() -> None:
    quiet, noisy = periodic_pattern(on_phantom(noise(2))), periodic_pattern(on_phantom(noise(12)))
    assert max(quiet, noisy) < 0.9
    assert periodic_pattern(on_phantom(noise(2) + waves(448, 0.17, 0.11))) > 1.5


@pytest.mark.parametrize(("across", "down"), [(0.125, 0.0), (0.0, 0.3)])
def test_grids_along_one_axis_are_those_of_a_bucky_or_of_jpeg_and_do_not_count(across: float, down: float) -> None:
    assert periodic_pattern(on_phantom(noise(2) + waves(448, across, down))) < 0.9


def test_slow_waves_are_anatomy() -> None:
    assert periodic_pattern(on_phantom(noise(2) + waves(448, 0.02, 0.015))) < 0.9


@pytest.mark.parametrize("shape", [(100, 900), (127, 127)])
def test_what_is_too_small_to_tell_has_no_pattern(shape: tuple[int, int]) -> None:
    assert periodic_pattern(np.random.default_rng(1).integers(0, 256, shape, dtype=np.uint8)) == 0


def test_a_blank_picture_has_no_pattern() -> None:
    assert periodic_pattern(np.full((400, 300), 128, np.uint8)) == pytest.approx(0, abs=1e-3)
