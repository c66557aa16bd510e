"""The soft solids of an imaginary adult: trunk, lungs, diaphragm, heart, great vessels, stomach gas.

Body frame, centimetres: x to the patient's left from the midline, y forward from mid-depth, z up from
the right hemidiaphragm at mean inspiration. The numbers are proportions measured off published average
anatomy by eye; they make a plausible picture and no atlas.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cxrscreen.phantom.anatomy import AVERAGE_WALL, Anatomy
from cxrscreen.phantom.rays import Points
from cxrscreen.phantom.solids import Column, Dome, Ellipsoid, Profile, Superellipsoid
from cxrscreen.phantom.tubes import Tube

APEX = 23.6
RIGHT, LEFT = -1, 1
HEIGHTS = np.array([-12.0, -8, -4, 0, 5, 10, 14, 17, 20, 23, 26])
LATERAL_WALL = np.array(
    [13.2, 13.5, 13.6, 13.5, 13.1, 12.5, 11.9, 11.1, 10.0, 8.8, 7.6]
)  # of the lung, from the midline
MEDIAL_WALL = np.array([1.2, 1.3, 1.4, 1.5, 1.6, 1.9, 2.0, 1.9, 1.8, 2.0, 2.2])
HALF_DEPTH = np.array([8.2, 8.4, 8.6, 8.6, 8.4, 7.9, 7.2, 6.4, 5.4, 4.4, 3.8])
MIDDLE_DEPTH = np.array([-0.8, -0.8, -0.8, -0.6, -0.4, -0.5, -0.8, -1.2, -1.7, -2.2, -2.6])
TRUNK_HEIGHTS = np.array([-16.0, 0, 8, 12, 15, 17.5, 19.5, 21.2, 22.6, 24, 26, 29, 34])
TRUNK_BEYOND_LUNG = np.array([-1.2, 0.2, 0.6, 1.2, 2.4, 4.0, 3.4, 1.4, -0.8, -2.9, -4.4, -4.8, -4.8])
TRUNK_MIDDLE_DEPTH = np.array([0.8, 0.8, 0.6, 0.2, -0.4, -1.0, -1.4, -1.8, -2.0, -2.2, -2.4, -2.2, -2.0])
TRUNK_HALF_DEPTH = np.array([10.6, 10.9, 10.8, 10.4, 9.8, 9.2, 8.6, 8.0, 7.4, 6.9, 6.4, 6.1, 6.1])


def smooth_profile(heights: NDArray[np.float64], values: NDArray[np.float64]) -> Profile:
    """Return a curve near the given knots, rounded over about 1.5 cm: bodies have no corners."""
    fine = np.arange(heights[0] - 6, heights[-1] + 6, 0.1)
    kernel = np.exp(-0.5 * (np.arange(-45, 46) / 15.0) ** 2)
    stepwise = np.interp(np.arange(fine[0] - 4.5, fine[-1] + 4.55, 0.1)[: fine.size + 90], heights, values)
    rounded = np.convolve(stepwise, kernel / kernel.sum(), mode="valid")
    return lambda z: np.interp(z, fine, rounded)


def rotated(points: Points, anatomy: Anatomy) -> Points:
    """Turn points (n, 3) about the long axis as the patient stands turned."""
    sine, cosine = np.sin(np.radians(anatomy.rotation_degrees)), np.cos(np.radians(anatomy.rotation_degrees))
    x, y, z = points.T
    return np.stack([cosine * x + sine * y, cosine * y - sine * x, z], axis=1)


@dataclass(frozen=True)
class Chest:
    """The chest wall's inner shape, shared by lungs and ribs."""

    anatomy: Anatomy

    def lateral(self, z: NDArray[np.float64]) -> NDArray[np.float64]:
        """Distance of the lung's lateral wall from the midline."""
        return self.anatomy.width * smooth_profile(HEIGHTS, LATERAL_WALL)(z)

    def half_depth(self, z: NDArray[np.float64]) -> NDArray[np.float64]:
        """Half the depth of the chest inside."""
        return smooth_profile(HEIGHTS, HALF_DEPTH)(z)

    def middle_depth(self, z: NDArray[np.float64]) -> NDArray[np.float64]:
        """Y of the middle of the chest inside."""
        return smooth_profile(HEIGHTS, MIDDLE_DEPTH)(z)

    def apex_cap(self, z: NDArray[np.float64]) -> NDArray[np.float64]:
        """Factor that rounds off the lung's top, and its lowest recess: 1 between them, 0 beyond."""
        above = np.clip((z - 15.0) / (APEX - 15.0), 0, 1)
        below = np.clip((-3.0 - self.anatomy.inspiration - z) / 4.5, 0, 1)
        return np.sqrt(1 - above**2.7) * np.sqrt(1 - below**2)

    def lung(self, side: int) -> Column:
        """One lung, before heart and diaphragm displace it."""
        medial = smooth_profile(HEIGHTS, MEDIAL_WALL)

        def centre_x(z: NDArray[np.float64]) -> NDArray[np.float64]:
            return side * (self.lateral(z) + medial(z)) / 2 + self._turn() * self.middle_depth(z)

        return Column(
            (centre_x, self.middle_depth),
            lambda z: self.apex_cap(z) * (self.lateral(z) - medial(z)) / 2,
            lambda z: self.apex_cap(z) ** 0.8 * self.half_depth(z),
            2.5,
        )

    def dome(self, side: int) -> Dome:
        """One hemidiaphragm with what lies under it."""
        top = 0.6 - self.anatomy.inspiration - (self.anatomy.right_dome_above_left if side == LEFT else 0)
        rise = 7.4 - 0.6 * self.anatomy.inspiration
        x = side * (7.0 if side == RIGHT else 7.3) * self.anatomy.width + self._turn() * 0.8
        return Dome((x, 0.8, top - rise), (8.5 * self.anatomy.width, 8.3, rise))

    def trunk(self) -> Column:
        """The outside of the body, arms apart."""
        beyond = smooth_profile(TRUNK_HEIGHTS, TRUNK_BEYOND_LUNG)
        depth = smooth_profile(TRUNK_HEIGHTS, TRUNK_HALF_DEPTH)
        wall = self.anatomy.wall
        return Column(
            (np.zeros_like, smooth_profile(TRUNK_HEIGHTS, TRUNK_MIDDLE_DEPTH)),
            lambda z: self.lateral(z) + 0.9 + wall + beyond(z) * self.anatomy.shoulder_width,
            lambda z: depth(z) - AVERAGE_WALL + wall,
            2.6,
        )

    def _turn(self) -> float:
        return float(np.sin(np.radians(self.anatomy.rotation_degrees)))


def arms(anatomy: Anatomy) -> tuple[Tube, ...]:
    """Both shoulders and upper arms."""
    w = anatomy.shoulder_width
    path = np.array(
        [[13.5, -0.5, 17.0], [17.0, 0, 16.6], [19.0, 0.5, 13.5], [20.3, 1, 8], [21.2, 1.5, 1], [21.8, 2, -9]]
    )
    radius = np.array([4.2, 4.7, 4.8, 4.5, 4.2, 3.9]) + 0.5 * (anatomy.wall - AVERAGE_WALL)
    return tuple(Tube(path * [side * w, 1, 1], radius) for side in (RIGHT, LEFT))


def breasts(anatomy: Anatomy) -> tuple[Ellipsoid, ...]:
    """Both breasts as whole ellipsoids; half of each stands out of the trunk."""
    r = anatomy.breast
    return tuple(
        Ellipsoid((side * 8.6 * anatomy.width, 9.0, 2.6), (r, 0.62 * r, r), 0.0) for side in (RIGHT, LEFT) if r
    )


def heart(anatomy: Anatomy) -> tuple[Ellipsoid, ...]:
    """Ventricles, right atrium and outflow tract, touching each other."""
    w = anatomy.heart_width
    drop = 0.75 * anatomy.inspiration
    shift = _front_shift(anatomy, 3.0)
    return (
        Ellipsoid((2.6 * w + shift, 3.2, 2.0 - drop), (6.6 * w, 5.3, 4.4), 36.0),
        Ellipsoid((-0.4 * w + shift, 2.6, 3.6 - drop), (3.4 * w, 4.4, 5.6), 6.0),
        Ellipsoid((2.0 * w + shift, 2.8, 5.6 - 0.8 * drop), (3.5 * w, 3.2, 6.6), -14.0),
    )


def great_vessels(anatomy: Anatomy) -> tuple[Ellipsoid, ...]:
    """Aortic knob and the vessels of the upper mediastinum, as they bulge into the lungs."""
    a = anatomy.aorta
    shift = _front_shift(anatomy, 1.0)
    return (
        Ellipsoid((1.75 * a + shift, -0.5, 14.2), (1.75 * a, 3.2, 1.75 * a), 0.0),
        Ellipsoid((-1.1 + shift, 1.5, 12.5), (1.75 * a, 2.2, 5.2), 4.0),
        Ellipsoid((0.2 + shift, 0.5, 19.0), (2.5, 2.2, 5.0), 0.0),
    )


def along_the_spine(anatomy: Anatomy) -> tuple[Ellipsoid | Superellipsoid, ...]:
    """The descending aorta, whose left edge shows through the heart, and the tissue that lines the spine."""
    shift = _front_shift(anatomy, -4.5)
    return (
        Ellipsoid((1.5 + shift, -4.2, 4.0), (1.3 * anatomy.aorta, 1.3, 13.0), 2.5),
        Superellipsoid((0.2 + shift, -5.0, 3.0), (6.5, 5.5, 26.0), 1.1),  # pointed: it thins out without an edge
    )


def airways(anatomy: Anatomy) -> tuple[Tube, ...]:
    """Trachea and main bronchi, filled with air."""
    trachea = np.array([[0.0, -0.5, 32.0], [0.05, -1.2, 22.0], [0.25, -2.0, 15.0], [0.15, -2.2, 12.6]])
    right = np.array([[0.15, -2.2, 12.6], [-1.6, -2.3, 11.2], [-2.9, -2.4, 9.6], [-3.6, -2.5, 8.2]])
    left = np.array([[0.15, -2.2, 12.6], [1.9, -2.5, 11.4], [3.8, -2.8, 10.4]])
    radii = (np.array([0.95, 0.95, 0.95, 0.9]), np.array([0.65, 0.6, 0.5, 0.35]), np.array([0.6, 0.5, 0.35]))
    return tuple(
        Tube(rotated(path, anatomy), radius) for path, radius in zip((trachea, right, left), radii, strict=True)
    )


def stomach_gas(anatomy: Anatomy) -> tuple[Ellipsoid, ...]:
    """Air under the left hemidiaphragm."""
    r = anatomy.gas_radius
    top = -0.6 - anatomy.inspiration - anatomy.right_dome_above_left
    return (Ellipsoid((6.4, 2.0, top - r - 0.5), (1.45 * r, 1.4 * r, r), -6.0),) if r else ()


def _front_shift(anatomy: Anatomy, depth: float) -> float:
    return depth * float(np.sin(np.radians(anatomy.rotation_degrees)))
