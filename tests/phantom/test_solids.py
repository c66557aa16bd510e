from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxrscreen.phantom.rays import Lengths, Projection, Rays
from cxrscreen.phantom.solids import Column, Dome, Ellipsoid, Span, Superellipsoid, hull, length_outside
from cxrscreen.phantom.tubes import Tube, add_tree, add_tube

RAYS = Rays(81, 101, 0.1, precision=np.float64)
SIDEWAYS = Rays(81, 101, 0.1, projection=Projection.LATERAL, precision=np.float64)
MIDDLE = (40, 50)

ends = st.floats(-10, 10)


def span_of(near: float, far: float) -> Span:
    return Span(np.array([[near]]), np.array([[far]]))


@given(st.floats(-3, 3), st.floats(-2, 2), st.floats(0.5, 3))
def test_a_ray_through_a_ball_has_the_chord_of_pythagoras(x: float, z: float, radius: float) -> None:
    length = Ellipsoid((x, 1.0, z), (radius, radius, radius), 25.0).span(RAYS).length
    expected = 2 * np.sqrt(np.maximum(radius**2 - (RAYS.across - x) ** 2 - (RAYS.up - z) ** 2, 0))
    np.testing.assert_allclose(length, expected, atol=1e-6)


@pytest.mark.parametrize("rays", [RAYS, SIDEWAYS])
def test_the_volume_of_a_tilted_ellipsoid_is_that_of_its_radii(rays: Rays) -> None:
    volume = Ellipsoid((0.3, 0.2, -0.1), (3.0, 1.2, 1.5), 33.0).span(rays).length.sum() * rays.pitch**2
    assert volume == pytest.approx(4 / 3 * math.pi * 3.0 * 1.2 * 1.5, rel=5e-3)


def test_a_positive_tilt_lowers_the_patients_left_end() -> None:
    length = Ellipsoid((0, 0, 0), (4, 1, 1), 30.0).span(RAYS).length
    heights = (length * RAYS.up).sum(axis=0) / np.maximum(length.sum(axis=0), 1e-9)
    assert heights[80] < 0 < heights[20]


def test_a_superellipsoid_of_exponent_two_is_an_ellipsoid() -> None:
    place, radii = (0.4, 0.0, -0.3), (2.0, 1.0, 1.5)
    round_one = Superellipsoid(place, radii, 2.0).span(RAYS).length
    np.testing.assert_allclose(round_one, Ellipsoid(place, radii).span(RAYS).length, atol=1e-6)


def test_a_dome_is_an_ellipsoid_above_its_centre_and_a_cylinder_below() -> None:
    length = Dome((0, 0, 0), (3, 2, 2)).span(RAYS).length
    np.testing.assert_allclose(length[:40], Ellipsoid((0, 0, 0), (3, 2, 2)).span(RAYS).length[:40], atol=1e-6)
    np.testing.assert_allclose(length[41:], np.broadcast_to(length[40], length[41:].shape), atol=1e-9)


def test_a_column_of_ellipses_has_their_chord_from_both_sides_and_ends_where_its_width_does() -> None:
    column = Column(
        (np.zeros_like, np.ones_like), lambda z: np.where(z > 2, 0.0, 3.0), lambda z: np.full_like(z, 2.0), 2.0
    )
    frontal, lateral = column.span(RAYS).length, column.span(SIDEWAYS).length
    assert frontal[MIDDLE] == pytest.approx(4.0)
    assert lateral[40, 40] == pytest.approx(6.0)  # y = 1 lies ten pixels to the left: the patient looks there
    assert not frontal[:19].any()


@given(st.tuples(ends, ends), st.tuples(ends, ends), st.tuples(ends, ends))
def test_what_lies_outside_two_spans_is_what_counting_says(
    whole: tuple[float, float], first: tuple[float, float], second: tuple[float, float]
) -> None:
    spans = [span_of(min(pair), max(pair)) for pair in (whole, first, second)]
    marks = np.sort(np.array([*whole, *first, *second]))
    middles, gaps = (marks[1:] + marks[:-1]) / 2, np.diff(marks)
    inside = [(middles > s.near[0, 0]) & (middles < s.far[0, 0]) for s in spans]
    expected = gaps[inside[0] & ~inside[1] & ~inside[2]].sum()
    assert length_outside(*spans)[0, 0] == pytest.approx(expected, abs=1e-9)


def test_a_missed_solid_adds_nothing_to_a_hull() -> None:
    ball, far_away = Ellipsoid((0, 0, 0), (2, 2, 2)), Ellipsoid((90, 0, 0), (2, 2, 2))
    np.testing.assert_array_equal(hull((ball, far_away), RAYS).length, ball.span(RAYS).length)


def tube_lengths(points: list[list[float]], radius: float) -> Lengths:
    lengths = RAYS.zeros()
    add_tube(lengths, Tube(np.array(points), np.full(len(points), radius)), RAYS)
    return lengths


def test_a_straight_tube_has_the_chord_of_a_cylinder() -> None:
    lengths = tube_lengths([[-3, 0, 0], [0, 0, 0], [3, 0, 0]], 0.8)
    expected = 2 * np.sqrt(np.maximum(0.64 - RAYS.up[:, 0] ** 2, 0))
    np.testing.assert_allclose(lengths[:, 50], expected, atol=1e-6)


def test_a_tube_slanted_along_the_ray_is_longer_by_the_sine_of_its_angle() -> None:
    lengths = tube_lengths([[-3, -3, 0], [3, 3, 0]], 0.8)
    assert lengths[MIDDLE] == pytest.approx(1.6 * math.sqrt(2))


def test_branches_that_join_count_once_at_their_joint() -> None:
    along = Tube(np.array([[-3.0, 0, 0], [0, 0, 0]]), np.full(2, 0.5))
    onward = Tube(np.array([[0.0, 0, 0], [3, 0, 0]]), np.full(2, 0.5))
    lengths = RAYS.zeros()
    add_tree(lengths, (along, onward), RAYS)
    assert lengths[MIDDLE] == pytest.approx(1.0)


def test_a_cropped_bundle_looks_where_the_whole_one_did() -> None:
    window = RAYS.window((-1.0, -2.0), (2.0, 1.5))
    near = RAYS.cropped(window)
    np.testing.assert_allclose(near.across, RAYS.across[:, window[1]], atol=1e-12)
    np.testing.assert_allclose(near.up, RAYS.up[window[0]], atol=1e-12)
