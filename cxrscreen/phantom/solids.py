"""Where rays enter and leave simple solids. Pure geometry; all lengths in centimetres.

Every solid is convex along a ray, so a ray meets it in one span. Organs that displace each other (the
heart and the diaphragm push into the lung) follow by set arithmetic on spans, which is exact.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from cxrscreen.phantom.rays import Lengths, Rays


@dataclass(frozen=True, slots=True)
class Span:
    """Positions at which rays enter and leave a solid; a ray that misses has ``near`` > ``far``."""

    near: Lengths
    far: Lengths

    @property
    def length(self) -> Lengths:
        """Path length inside, 0 where the ray misses."""
        return np.maximum(self.far - self.near, 0)

    def __and__(self, other: Span) -> Span:
        """Return what both solids share."""
        return Span(np.maximum(self.near, other.near), np.minimum(self.far, other.far))

    def __or__(self, other: Span) -> Span:
        """Return the hull of both: for solids that touch along the ray, their union."""
        return Span(np.minimum(self.near, other.near), np.maximum(self.far, other.far))


def length_outside(span: Span, first: Span, second: Span) -> Lengths:
    """Return the path length in ``span`` that lies in neither of two others (inclusion and exclusion)."""
    with_first, with_second = span & first, span & second
    return span.length - with_first.length - with_second.length + (with_first & second).length


class Solid(Protocol):
    """Anything that a ray crosses in one span."""

    def span(self, rays: Rays) -> Span:
        """Return where the rays cross this solid, shape (rows, columns)."""


@dataclass(frozen=True, slots=True)
class Ellipsoid:
    """An ellipsoid, tilted in the frontal plane.

    Attributes:
        centre: x, y, z.
        radii: Semi-axes before tilting.
        tilt_degrees: Positive turns the x axis towards -z: the patient's left end sinks.
    """

    centre: tuple[float, float, float]
    radii: tuple[float, float, float]
    tilt_degrees: float = 0.0

    def span(self, rays: Rays) -> Span:
        """Solve (p + t d)' Q (p + t d) = 1 for t, with p the ray's origin and d its direction."""
        across0, up0, along0 = rays.project(np.array([self.centre]))[0]
        across, up = rays.across - _like(rays, across0), rays.up - _like(rays, up0)
        q = _like(rays, self._quadric(rays))
        half_b = q[0, 2] * across + q[1, 2] * up
        c = q[0, 0] * across**2 + 2 * q[0, 1] * across * up + q[1, 1] * up**2 - 1
        return _between(_like(rays, along0) - half_b / q[2, 2], (half_b**2 - q[2, 2] * c) / q[2, 2] ** 2, 1.0)

    def _quadric(self, rays: Rays) -> NDArray[np.float64]:
        sine, cosine = np.sin(np.radians(self.tilt_degrees)), np.cos(np.radians(self.tilt_degrees))
        axes = np.array([[cosine, 0.0, -sine], [0.0, 1.0, 0.0], [sine, 0.0, cosine]])
        seen = rays.project(axes) / np.array(self.radii)[:, None]
        quadric: NDArray[np.float64] = seen.T @ seen
        return quadric


@dataclass(frozen=True, slots=True)
class Dome:
    """The upper half of an ellipsoid on a cylinder of the same outline, as a hemidiaphragm on its organs."""

    centre: tuple[float, float, float]
    radii: tuple[float, float, float]

    def span(self, rays: Rays) -> Span:
        """Cross the ellipsoid above its centre and the cylinder below."""
        across0, up0, along0 = rays.project(np.array([self.centre]))[0]
        (axis, _), along = rays.projection.value
        across = (rays.across - _like(rays, across0)) / _like(rays, self.radii[axis])
        up = np.maximum(rays.up - _like(rays, up0), 0) / _like(rays, self.radii[2])
        return _between(_like(rays, along0), 1 - across**2 - up**2, self.radii[along])


@dataclass(frozen=True, slots=True)
class Superellipsoid:
    """|x/a|^p + |y/b|^p + |z/c|^p <= 1: a diamond at p = 1, a ball at 2, nearly a box at 8."""

    centre: tuple[float, float, float]
    radii: tuple[float, float, float]
    exponent: float

    def span(self, rays: Rays) -> Span:
        """Cross the solid, whose axes are those of the body."""
        across0, up0, along0 = rays.project(np.array([self.centre]))[0]
        (axis, _), along = rays.projection.value
        p = self.exponent
        across = np.abs((rays.across - _like(rays, across0)) / _like(rays, self.radii[axis])) ** p
        up = np.abs((rays.up - _like(rays, up0)) / _like(rays, self.radii[2])) ** p
        return _between(_like(rays, along0), 1 - across - up, self.radii[along], p)


Profile = Callable[[NDArray[np.float64]], NDArray[np.float64]]
"""A measure that changes with height: z (n,) to centimetres (n,)."""


@dataclass(frozen=True, slots=True)
class Column:
    """A stack of superellipses, one for each height: lungs and trunk.

    Attributes:
        centre: x and y of the middle at height z.
        half_width: Half the extent in x; not positive where the solid ends.
        half_depth: Half the extent in y.
        exponent: Of the superellipse; 2 is an ellipse, more is boxier.
    """

    centre: tuple[Profile, Profile]
    half_width: Profile
    half_depth: Profile
    exponent: float

    def span(self, rays: Rays) -> Span:
        """Cross the stack slice by slice."""
        height = rays.up[:, 0].astype(np.float64)
        middle = np.stack([self.centre[0](height), self.centre[1](height), height], axis=1)
        halves = np.stack([self.half_width(height), self.half_depth(height)], axis=1)
        (axis, _), along = rays.projection.value
        seen = _like(rays, rays.project(middle))
        exists = np.min(halves, axis=1, keepdims=True) > 0
        half = _like(rays, np.where(exists, halves, 1.0))
        inside = 1 - np.abs((rays.across - seen[:, :1]) / half[:, axis : axis + 1]) ** self.exponent
        return _between(seen[:, 2:], np.where(exists, inside, -1), half[:, along : along + 1], self.exponent)


def hull(solids: list[Solid] | tuple[Solid, ...], rays: Rays) -> Span:
    """Return the hull of several solids that touch each other."""
    return reduce(Span.__or__, (solid.span(rays) for solid in solids))


def _between(middle: Lengths, inside: Lengths, half: float | Lengths, exponent: float = 2.0) -> Span:
    """Return middle -+ half * inside^(1/exponent), and the empty span where ``inside`` is not positive."""
    positive = np.maximum(inside, 0)
    reach = half * (np.sqrt(positive) if exponent == 2.0 else positive ** (1 / exponent))  # noqa: PLR2004  # a square root
    missed = inside <= 0
    return Span(np.where(missed, np.inf, middle - reach), np.where(missed, -np.inf, middle + reach))


def _like(rays: Rays, value: object) -> Lengths:
    return np.asarray(value, rays.precision)
