"""Pulmonary vessels: trees that leave the hila, fork and taper towards the wall."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cxrscreen.phantom.anatomy import Anatomy
from cxrscreen.phantom.body import LEFT, RIGHT, rotated
from cxrscreen.phantom.tubes import Tube

THINNEST = 0.03  # radius, cm: below this a vessel is part of the parenchyma's texture
GENERATIONS = 9
ROOTS: dict[int, tuple[tuple[float, float, float, float, float], ...]] = {
    # x (from the midline), z, direction in degrees (0 lateral, 90 up), radius, length
    RIGHT: (
        (2.6, 10.4, -62, 0.74, 3.6), (2.6, 10.8, 70, 0.44, 2.8), (2.8, 10.8, 45, 0.38, 2.8), (3.0, 10.4, 20, 0.34, 2.8),
        (3.2, 10.0, -5, 0.34, 2.8), (3.4, 9.0, -30, 0.38, 3.0), (2.6, 8.2, -48, 0.42, 3.2), (2.2, 7.6, -74, 0.40, 3.0),
        (2.4, 9.8, 85, 0.28, 3.0),
    ),
    LEFT: (
        (3.0, 11.4, -60, 0.70, 3.6), (2.8, 11.6, 70, 0.44, 2.8), (3.0, 11.6, 45, 0.38, 2.8), (3.3, 11.2, 20, 0.34, 2.8),
        (3.5, 10.8, -5, 0.34, 2.8), (3.6, 10.0, -30, 0.38, 3.0), (3.0, 9.2, -48, 0.40, 3.2), (2.6, 8.6, -72, 0.36, 3.0),
        (2.6, 10.8, 85, 0.28, 3.0),
    ),
}  # fmt: skip


def vascular_trees(anatomy: Anatomy, rng: np.random.Generator) -> tuple[tuple[Tube, ...], ...]:
    """Grow the vessels of both lungs.

    Args:
        anatomy: Whose lungs.
        rng: Source of every bend and fork.

    Returns:
        For each vessel that leaves a hilum its branches; where they leave the lung is for the caller to cut.
    """
    trees = []
    for side, roots in ROOTS.items():
        for x, z, direction, radius, length in roots:
            branches: list[Tube] = []
            start = np.array([x, rng.uniform(-3.0, 0.5), z - 0.35 * anatomy.inspiration])
            _grow(branches, _Shoot(start, np.radians(direction), 1.35 * radius, length), GENERATIONS, rng)
            trees.append(
                tuple(Tube(rotated(branch.centreline * [side, 1, 1], anatomy), branch.radius) for branch in branches)
            )
    return tuple(trees)


@dataclass(frozen=True, slots=True)
class _Shoot:
    """Where a branch begins: radians and centimetres."""

    start: NDArray[np.float64]
    direction: float
    radius: float
    length: float


def _grow(branches: list[Tube], shoot: _Shoot, generations: int, rng: np.random.Generator) -> None:
    """Add the branch that begins here and those that follow it, one of them thinner and turning off."""
    if generations == 0 or shoot.radius < THINNEST:
        return
    bends = shoot.direction + np.cumsum(rng.normal(0, 0.09, 4))
    depth = rng.normal(0, 0.3)
    steps = np.stack([np.cos(bends), np.full(4, depth), np.sin(bends)], axis=1) * (shoot.length / 4)
    path = np.concatenate([shoot.start[None], shoot.start + np.cumsum(steps, axis=0)])
    end_radius = shoot.radius * 0.78
    branches.append(Tube(path, np.linspace(shoot.radius, end_radius, 5)))
    share = rng.uniform(0.2, 0.45)
    turn = rng.choice([-1.0, 1.0]) * rng.uniform(0.5, 0.9)
    for part, angle in ((share, turn), (1 - share, -0.4 * turn)):
        radius = end_radius * part ** (1 / 3)  # Murray (1926): the cubes of the radii add up
        length = shoot.length * rng.uniform(0.74, 1.0)
        _grow(branches, _Shoot(path[-1], bends[-1] + angle, radius, length), generations - 1, rng)
