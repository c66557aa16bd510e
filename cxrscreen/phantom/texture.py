"""Random fields with a size in centimetres: the same body shows the same field at any resolution."""

from __future__ import annotations

import cv2
import numpy as np

from cxrscreen.phantom.rays import Lengths, Rays

EXTENT = 64.0  # cm, side of the square that a field covers


def random_field(rng: np.random.Generator, rays: Rays, grain: float) -> Lengths:
    """Return smooth noise of unit variance (nearly), shape (rows, columns).

    Args:
        rng: Drawn from once, by an amount that only ``grain`` decides.
        rays: Where to look.
        grain: Distance in cm over which the field changes.
    """
    cells = round(EXTENT / grain)
    drawn = cv2.GaussianBlur(rng.standard_normal((cells, cells)), (0, 0), 0.7)
    drawn = (drawn / drawn.std()).astype(rays.precision)
    column, row = (np.array(rays.centre) * [1, -1] - np.array([rays.columns, rays.rows]) / 2 * rays.pitch) / grain
    scale = rays.pitch / grain
    to_cells = np.array([[scale, 0, column + cells / 2], [0, scale, row + cells / 2]])
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    field: Lengths = cv2.warpAffine(
        drawn, to_cells, (rays.columns, rays.rows), flags=flags, borderMode=cv2.BORDER_REFLECT
    )
    return field
