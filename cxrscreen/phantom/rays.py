"""The bundle of parallel rays behind a picture: where each pixel looks, in centimetres."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from enum import Enum
from functools import cached_property
from typing import TypeAlias

import numpy as np
from numpy.typing import DTypeLike, NDArray

Lengths: TypeAlias = NDArray[np.floating]
"""Centimetres along (or across) each ray: (rows, columns), or what broadcasts to it."""

Points: TypeAlias = NDArray[np.float64]
"""Points of the body in centimetres: (n, 3), columns x (to the patient's left), y (forward), z (up)."""

Window: TypeAlias = tuple[slice, slice]
"""A rectangle of pixels: rows, columns."""


class Projection(Enum):
    """Direction of the rays. The value: signed axis across the picture, axis along the ray."""

    FRONTAL = ((0, 1.0), 1)  # patient's left at the right of the picture, as radiographs are hung
    LATERAL = ((1, -1.0), 0)  # patient looks to the left of the picture


@dataclass(frozen=True)
class Rays:
    """Parallel rays, one for each pixel.

    The true beam diverges from a focus 180 cm away; over 25 cm of patient that magnifies by 7 % at
    most and changes no shape that matters here.

    Attributes:
        rows: Pixels top to bottom.
        columns: Pixels left to right.
        pitch: Centimetres from pixel to pixel.
        centre: Body coordinates at the middle of the picture: across (as drawn), up.
        projection: Frontal or lateral.
        precision: Float type of everything computed on these rays.
    """

    rows: int
    columns: int
    pitch: float
    centre: tuple[float, float] = (0.0, 0.0)
    projection: Projection = Projection.FRONTAL
    precision: DTypeLike = np.float32

    @cached_property
    def across(self) -> Lengths:
        """Position of each column, shape (1, columns), growing to the right of the picture."""
        steps = np.arange(self.columns) - (self.columns - 1) / 2
        return (self.centre[0] + self.pitch * steps)[None, :].astype(self.precision)

    @cached_property
    def up(self) -> Lengths:
        """Height of each row, shape (rows, 1), falling from top to bottom."""
        steps = np.arange(self.rows) - (self.rows - 1) / 2
        return (self.centre[1] - self.pitch * steps)[:, None].astype(self.precision)

    def project(self, points: Points) -> Points:
        """Turn body coordinates (n, 3) into picture coordinates (n, 3): across, up, along the ray."""
        (axis, sign), along = self.projection.value
        return np.stack([sign * points[:, axis], points[:, 2], points[:, along]], axis=1)

    def window(self, low: tuple[float, float], high: tuple[float, float]) -> Window:
        """Return the pixels whose centres lie in a rectangle given by two corners (across, up)."""
        middle_row, middle_column = (self.rows - 1) / 2, (self.columns - 1) / 2
        first_column = math.ceil((low[0] - self.centre[0]) / self.pitch + middle_column)
        last_column = math.floor((high[0] - self.centre[0]) / self.pitch + middle_column)
        first_row = math.ceil((self.centre[1] - high[1]) / self.pitch + middle_row)
        last_row = math.floor((self.centre[1] - low[1]) / self.pitch + middle_row)
        return _clipped(first_row, last_row, self.rows), _clipped(first_column, last_column, self.columns)

    def cropped(self, window: Window) -> Rays:
        """Return the rays of one window."""
        rows, columns = window
        middle_column = (columns.start + columns.stop - 1) / 2 - (self.columns - 1) / 2
        middle_row = (rows.start + rows.stop - 1) / 2 - (self.rows - 1) / 2
        centre = (self.centre[0] + self.pitch * middle_column, self.centre[1] - self.pitch * middle_row)
        return replace(self, rows=rows.stop - rows.start, columns=columns.stop - columns.start, centre=centre)

    def zeros(self) -> Lengths:
        """Return a length of zero for each ray."""
        return np.zeros((self.rows, self.columns), self.precision)


def _clipped(first: int, last: int, count: int) -> slice:
    start = min(max(first, 0), count)
    return slice(start, max(start, min(last + 1, count)))
