from __future__ import annotations

import numpy as np
import pytest

from cxrscreen.errors import ReportError
from cxrscreen.reporting.overlay import blend_overlay
from tests.reporting.report_samples import made_up_map, made_up_pixels

VIRIDIS_LOW, VIRIDIS_HIGH = np.array([68, 1, 84]), np.array([253, 231, 37])  # matplotlib's first and last colour


def test_the_overlay_has_the_size_of_the_radiograph() -> None:
    assert blend_overlay(made_up_pixels(300, 200), made_up_map(), alpha=0.5).shape == (300, 200, 3)


def test_half_of_the_strongest_colour_lies_over_half_of_the_radiograph() -> None:
    overlay = blend_overlay(np.full((70, 70), 100, np.uint8), np.ones((7, 7), np.float32), alpha=0.5)
    assert np.abs(overlay[35, 35] - (50 + VIRIDIS_HIGH / 2)).max() <= 1


def test_cells_without_activation_are_tinted_too_so_that_the_blend_is_even() -> None:
    activation_map = np.zeros((7, 7), np.float32)
    activation_map[0, 0] = 1
    overlay = blend_overlay(np.zeros((700, 700), np.uint8), activation_map, alpha=0.5)
    assert np.abs(overlay[650, 650] - VIRIDIS_LOW / 2).max() <= 1


@pytest.mark.parametrize(("row", "column"), [(0, 0), (0, 6), (6, 0), (3, 2)])
def test_a_cell_lands_on_its_place_in_the_picture(row: int, column: int) -> None:
    activation_map = np.zeros((7, 7), np.float32)
    activation_map[row, column] = 1
    green = blend_overlay(np.zeros((350, 700), np.uint8), activation_map, alpha=0.9)[..., 1].astype(float)
    rows, columns = np.nonzero(green == green.max())
    assert abs(rows.mean() - 50 * row - 25) < 25
    assert abs(columns.mean() - 100 * column - 50) < 50


def test_the_map_is_smooth_between_cells() -> None:
    overlay = blend_overlay(np.zeros((700, 700), np.uint8), made_up_map(), alpha=0.5).astype(int)
    assert np.abs(np.diff(overlay, axis=0)).max() < 6


def test_a_zero_map_is_never_drawn() -> None:
    with pytest.raises(ReportError, match="zero everywhere"):
        blend_overlay(made_up_pixels(), np.zeros((7, 7), np.float32), alpha=0.5)


@pytest.mark.parametrize("alpha", [0, 1, -0.5])
def test_an_alpha_that_hides_one_of_the_two_is_refused(alpha: float) -> None:
    with pytest.raises(ValueError, match="alpha"):
        blend_overlay(made_up_pixels(), made_up_map(), alpha=alpha)


def test_a_colour_picture_is_not_a_radiograph() -> None:
    with pytest.raises(ValueError, match="two axes"):
        blend_overlay(np.zeros((8, 8, 3), np.uint8), made_up_map(), alpha=0.5)
