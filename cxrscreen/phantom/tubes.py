"""Path lengths through bent, tapering tubes: ribs, clavicles, vessels, airways. Centimetres throughout."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from cxrscreen.phantom.rays import Lengths, Points, Rays

LONGEST_STRETCH = 2.5  # a tube seen end-on: the chord of a slanted cylinder would grow without limit


@dataclass(frozen=True)
class Tube:
    """A tube along a polyline.

    Attributes:
        centreline: Body coordinates, shape (n, 3), n >= 2.
        radius: In the picture's plane, at each point, shape (n,).
        depth_ratio: Thickness along the ray over thickness across it, at each point, shape (n,), or one
            for all; ribs are flat, and their ends fade into cartilage.
    """

    centreline: Points
    radius: NDArray[np.float64]
    depth_ratio: NDArray[np.float64] | float = 1.0

    def narrowed(self, factor: float) -> Tube:
        """Return the tube inside this one, e.g. the marrow in a bone."""
        return replace(self, radius=self.radius * factor)


def add_tube(lengths: Lengths, tube: Tube, rays: Rays, *, weight: float = 1.0) -> None:
    """Add ``weight`` times the path length through ``tube`` to ``lengths`` (rows, columns), in place."""
    add_tree(lengths, (tube,), rays, weight=weight)


def add_tree(lengths: Lengths, tubes: Iterable[Tube], rays: Rays, *, weight: float = 1.0) -> None:
    """Add ``weight`` times the path length through tubes that join, in place: what overlaps counts once.

    Each tube is a chain of capsules. Along a capsule of radius r the chord at distance d from the axis is
    2 sqrt(r^2 - d^2) / sin(angle between axis and ray).
    """
    capsules = [capsule for tube in tubes for capsule in _capsules(tube, rays)]
    if not capsules:
        return
    low = (min(c.low[0] for c in capsules), min(c.low[1] for c in capsules))
    high = (max(c.high[0] for c in capsules), max(c.high[1] for c in capsules))
    rows, columns = rays.window(low, high)
    if rows.start == rows.stop or columns.start == columns.stop:
        return
    chord = np.zeros((rows.stop - rows.start, columns.stop - columns.start), rays.precision)
    for capsule in capsules:
        capsule.join(chord, (rows.start, columns.start), rays)
    lengths[rows, columns] += weight * chord


@dataclass(frozen=True, slots=True)
class _Capsule:
    """One straight piece, seen in the picture; pairs are (start, end)."""

    start: tuple[float, float]
    step: tuple[float, float]
    radii: tuple[float, float]
    thickness: tuple[float, float]  # chord through the axis over radius
    low: tuple[float, float]
    high: tuple[float, float]

    def join(self, chord: Lengths, corner: tuple[int, int], rays: Rays) -> None:
        """Raise ``chord``, a window of the picture at ``corner``, to the chord through this piece."""
        rows, columns = rays.window(self.low, self.high)
        if rows.start == rows.stop or columns.start == columns.stop:
            return
        kind = rays.across.dtype.type
        step_across, step_up = kind(self.step[0]), kind(self.step[1])
        across, up = rays.across[:, columns] - kind(self.start[0]), rays.up[rows] - kind(self.start[1])
        length_squared = max(self.step[0] ** 2 + self.step[1] ** 2, 1e-12)
        along = across * kind(step_across / length_squared) + up * kind(step_up / length_squared)
        np.minimum(np.maximum(along, 0, out=along), 1, out=along)
        room = (kind(self.radii[0]) + along * kind(self.radii[1] - self.radii[0])) ** 2
        room -= (across - along * step_across) ** 2 + (up - along * step_up) ** 2
        length = np.sqrt(np.maximum(room, 0, out=room), out=room)
        length *= kind(self.thickness[0]) + along * kind(self.thickness[1] - self.thickness[0])
        target = chord[
            rows.start - corner[0] : rows.stop - corner[0], columns.start - corner[1] : columns.stop - corner[1]
        ]
        np.maximum(target, length, out=target)


def _capsules(tube: Tube, rays: Rays) -> list[_Capsule]:
    points = rays.project(tube.centreline)
    steps = np.diff(points, axis=0)
    seen = np.maximum((steps[:, :2] ** 2).sum(axis=1), 1e-12)
    stretch = np.minimum(np.sqrt(1 + steps[:, 2] ** 2 / seen), LONGEST_STRETCH)
    at_points = np.concatenate([stretch[:1], (stretch[1:] + stretch[:-1]) / 2, stretch[-1:]])
    thickness = (2 * tube.depth_ratio * at_points).tolist()
    reach = np.maximum(tube.radius[1:], tube.radius[:-1])[:, None]
    low = (np.minimum(points[1:], points[:-1])[:, :2] - reach).tolist()
    high = (np.maximum(points[1:], points[:-1])[:, :2] + reach).tolist()
    starts, strides, radius = points[:-1, :2].tolist(), steps[:, :2].tolist(), tube.radius.tolist()
    return [
        _Capsule(tuple(starts[k]), tuple(strides[k]), (radius[k], radius[k + 1]), (thickness[k], thickness[k + 1]),
                 tuple(low[k]), tuple(high[k]))
        for k in range(len(strides))
    ]  # fmt: skip
