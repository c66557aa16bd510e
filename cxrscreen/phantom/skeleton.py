"""The bones of an imaginary adult, as tubes and rounded boxes in the body frame (see ``body``)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cxrscreen.phantom.anatomy import Anatomy
from cxrscreen.phantom.body import LEFT, RIGHT, Chest, rotated
from cxrscreen.phantom.rays import Points
from cxrscreen.phantom.solids import Superellipsoid
from cxrscreen.phantom.tubes import Tube

FIRST_VERTEBRA, VERTEBRA_PITCH = 22.4, 2.28
RIBS = 11
_RIB_POINTS = 28
_RIB_THICKNESS = 0.55 * np.interp(np.arange(_RIB_POINTS), [0, 12, 17, 22, 27], [0.9, 1.0, 0.75, 0.65, 0.15])


def ribs(anatomy: Anatomy) -> tuple[Tube, ...]:
    """Return both sides' ribs with bone, from the spine to the cartilage."""
    chest = Chest(anatomy)
    return tuple(
        Tube(rotated(_rib_path(chest, number, side), anatomy), _rib_radius(number), _RIB_THICKNESS)
        for number in range(1, RIBS + 1)
        for side in (RIGHT, LEFT)
    )


def _rib_path(chest: Chest, number: int, side: int) -> Points:
    """Follow the inside of the chest wall, level behind, then down and forward."""
    reach = {1: 150, 2: 148, 10: 118, 11: 88}.get(number, 142)  # where bone turns to cartilage, degrees from the spine
    turn = np.radians(np.linspace(5, reach, _RIB_POINTS))
    behind = np.clip(turn / (np.pi / 2), 0, 1)
    before = np.clip(turn / (np.pi / 2) - 1, 0, 1)
    slope = chest.anatomy.rib_slope * (0.62 + 0.05 * number)
    start = FIRST_VERTEBRA + 0.3 - VERTEBRA_PITCH * (number - 1)
    fall = -0.9 * np.sin(np.pi * np.clip(behind / 0.6, 0, 1)) + 4.6 * slope * behind**3 + 6.6 * slope * before**1.05
    z = start - fall
    cap = np.maximum(chest.apex_cap(np.clip(z, 0, 22.6)), 0.45)
    middle = (chest.lateral(z) + 2.0) / 2
    lateral = middle + cap * (chest.lateral(z) - middle) - 0.25
    x = side * (lateral * np.sin(turn) ** 0.85)
    y = chest.middle_depth(z) - (chest.half_depth(z) * np.sqrt(cap) + 0.3) * np.cos(turn)
    return np.stack([x, y, z], axis=1)


def _rib_radius(number: int) -> NDArray[np.float64]:
    base = 0.66 if number > 1 else 0.78
    return base * np.interp(np.arange(_RIB_POINTS), [0, 6, 18, 27], [0.8, 1.0, 0.95, 1.1])


def clavicles(anatomy: Anatomy) -> tuple[Tube, ...]:
    """Return both clavicles."""
    path = np.array(
        [[1.7, 6.2, 18.0], [3.2, 6.6, 18.5], [6.0, 6.4, 19.2], [9.5, 4.4, 20.0], [13.0, 2.0, 20.6], [16.4, 0.8, 20.5]]
    )
    fine = _curved(path, 22)
    fine[:, 2] += anatomy.clavicle_raise * np.clip(fine[:, 0] / 12, 0, 1)
    radius = np.interp(fine[:, 0], [1.7, 3.2, 8, 13, 16.4], [1.0, 0.72, 0.56, 0.6, 0.72])
    return tuple(Tube(rotated(fine * [side * anatomy.shoulder_width, 1, 1], anatomy), radius) for side in (RIGHT, LEFT))


def shoulder_bones(anatomy: Anatomy) -> tuple[Tube, ...]:
    """Return borders of both scapulae, acromion, coracoid, and humerus."""
    w = anatomy.shoulder_width
    medial = _curved(np.array([[10.9, -8, 18.6], [11.6, -8.4, 15], [12.6, -8.4, 10], [13.6, -8.0, 6.2]]), 14)
    lateral = _curved(np.array([[13.6, -8.0, 6.2], [14.9, -7.2, 9.5], [15.6, -5, 13], [15.9, -3.4, 15.6]]), 14)
    spine = _curved(np.array([[11.3, -8.4, 16.8], [14.0, -7.4, 18.4], [16.6, -4.5, 20.0], [18.4, -1.5, 20.4]]), 12)
    upper = _curved(np.array([[10.9, -8, 18.6], [12.6, -7, 19.2], [14.2, -4.8, 18.4], [14.6, -2, 18.0]]), 10)
    glenoid = _curved(np.array([[15.9, -3.4, 15.4], [16.1, -3.2, 16.6], [16.0, -3.2, 17.9]]), 6)
    humerus = _curved(
        np.array([[18.4, -1.0, 17.0], [19.2, -0.6, 14.5], [19.9, 0, 11], [20.9, 1, 2], [21.6, 2, -9]]), 16
    )
    shapes = (
        (medial, np.full(14, 0.24)),
        (lateral, np.linspace(0.3, 0.55, 14)),
        (spine, np.linspace(0.35, 0.7, 12)),
        (upper, np.linspace(0.25, 0.55, 10)),
        (glenoid, np.full(6, 0.5)),
        (humerus, np.concatenate([[2.25, 1.9, 1.5], np.full(13, 1.15)])),
    )
    return tuple(
        Tube(rotated(path * [side * w, 1, 1], anatomy), radius) for side in (RIGHT, LEFT) for path, radius in shapes
    )


def scapular_plates(anatomy: Anatomy) -> tuple[Points, ...]:
    """Return outlines of both shoulder blades, (n, 3)."""
    outline = np.array(
        [[10.9, -8, 18.6], [11.6, -8.4, 15], [12.6, -8.4, 10], [13.6, -8.0, 6.2], [14.9, -7.2, 9.5], [15.6, -5, 13],
         [15.9, -3.4, 15.6], [16.0, -3.2, 17.9], [14.2, -4.8, 18.4], [12.6, -7, 19.2]]
    )  # fmt: skip
    return tuple(rotated(outline * [side * anatomy.shoulder_width, 1, 1], anatomy) for side in (RIGHT, LEFT))


def vertebral_bodies(anatomy: Anatomy) -> tuple[tuple[Superellipsoid, Superellipsoid], ...]:
    """Return each vertebral body with the marrow space inside it, from the neck to the upper abdomen."""
    pairs = []
    for level in range(-4, 16):
        z = FIRST_VERTEBRA - VERTEBRA_PITCH * level
        width = float(np.interp(level, [-4, 0, 4, 15], [1.2, 1.5, 1.45, 2.1]))
        centre = rotated(np.array([[0.0, _spine_depth(z), z]]), anatomy)[0]
        at = (float(centre[0]), float(centre[1]), float(centre[2]))
        pairs.append((Superellipsoid(at, (width, 1.45, 1.0), 4.0), Superellipsoid(at, (width - 0.07, 1.4, 0.93), 4.0)))
    return tuple(pairs)


def vertebral_arches(anatomy: Anatomy) -> tuple[Tube, ...]:
    """Return pedicles, transverse and spinous processes."""
    tubes = []
    for level in range(-4, 16):
        z = FIRST_VERTEBRA - VERTEBRA_PITCH * level
        y = _spine_depth(z)
        width = float(np.interp(level, [-4, 0, 4, 15], [0.85, 1.05, 1.0, 1.45]))
        for side in (RIGHT, LEFT):
            pedicle = np.array([[side * width, y - 1.2, z + 0.25], [side * (width + 0.05), y - 2.2, z + 0.25]])
            process = np.array([[side * width, y - 2.2, z + 0.1], [side * (width + 1.7), y - 3.0, z + 0.45]])
            tubes += [Tube(pedicle, np.array([0.42, 0.42])), Tube(process, np.array([0.42, 0.36]), 0.8)]
        tubes.append(Tube(np.array([[0, y - 3.0, z - 0.1], [0, y - 4.6, z - 1.5]]), np.array([0.28, 0.34])))
    return tuple(Tube(rotated(tube.centreline, anatomy), tube.radius, tube.depth_ratio) for tube in tubes)


def sternum() -> Tube:
    """Return the breastbone: a bright band in front of the lateral view."""
    path = _curved(np.array([[0.0, 6.4, 17.6], [0.0, 8.3, 12.0], [0.0, 9.0, 7.0], [0.0, 9.0, 2.5]]), 12)
    return Tube(path, np.linspace(0.62, 0.5, 12), 1.6)


def _spine_depth(z: float) -> float:
    """Y of the vertebral bodies' middle: the thoracic curve backwards."""
    return float(-6.0 - 1.3 * np.cos((z - 9.0) / 16.0 * np.pi / 1.6) + 0.9)


def _curved(knots: Points, count: int) -> Points:
    """Return ``count`` points on a Catmull-Rom spline through ``knots`` (n, 3)."""
    padded = np.concatenate([2 * knots[:1] - knots[1:2], knots, 2 * knots[-1:] - knots[-2:-1]])
    position = np.linspace(0, len(knots) - 1, count)
    index = np.minimum(position.astype(int), len(knots) - 2)
    t = (position - index)[:, None]
    before, start, end, after = (padded[index + k] for k in range(4))
    curve: Points = 0.5 * (
        2 * start
        + (end - before) * t
        + (2 * before - 5 * start + 4 * end - after) * t**2
        + (3 * start - before - 3 * end + after) * t**3
    )
    return curve
