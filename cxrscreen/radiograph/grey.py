"""Pixel mathematics: arrays and numbers in, arrays and numbers out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from cxrscreen.types import Grey8

WHITE = 255
_BAND_PIXELS = 2**20


def stretch(values: NDArray[Any], low: float, high: float) -> Grey8:
    """Map ``low``..``high`` to 0..255, linearly, rounded; values beyond the ends are clipped.

    Args:
        values: Any real array.
        low: Shown black.
        high: Shown white; may lie below ``low``, which inverts. Equal ends show everything black.
    """
    if high == low:
        return np.zeros(values.shape, np.uint8)
    fractions = (np.clip(values.astype(np.float64), min(low, high), max(low, high)) - low) / (high - low)
    return np.rint(fractions * WHITE).astype(np.uint8)


def stretch_16_bit(pixels: NDArray[np.uint16]) -> tuple[NDArray[np.uint8], tuple[int, int]]:
    """Scale 16-bit samples to 8 by the range that they use; return that range as well.

    Many detectors store 10 to 14 bits in 16: cutting off the low byte would leave a few dark shades.
    """
    low, high = int(pixels.min()), int(pixels.max())
    return look_up(stretch(np.arange(2**16), low, high), pixels), (low, high)


def look_up(table: Grey8, values: NDArray[Any], *, first: int = 0) -> NDArray[np.uint8]:
    """Return the table's entry for each value.

    Args:
        table: Shades, (entries,).
        values: Integers from ``first`` to ``first + entries - 1``.
        first: The value to which the table's first entry belongs.
    """
    return in_bands(lambda band: table[np.subtract(band, first, dtype=np.int32) if first else band], values)


def in_bands(shade: Callable[..., NDArray[Any]], *pictures: NDArray[Any]) -> NDArray[np.uint8]:
    """Shade pictures of equal (rows, columns) a band of rows at a time.

    NumPy makes indices and fractions of 8 bytes a sample; for a whole picture of 64 megapixels that would be gigabytes.
    """
    shades: NDArray[np.uint8] = np.empty_like(pictures[0], np.uint8)
    rows = max(1, _BAND_PIXELS // shades[0].size)
    for top in range(0, len(shades), rows):
        shades[top : top + rows] = shade(*(picture[top : top + rows] for picture in pictures))
    return shades


def blend_on_black(pixels: NDArray[np.uint8], alpha: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Lay a picture with transparency onto black, which is what air looks like.

    Args:
        pixels: (rows, columns, samples).
        alpha: (rows, columns), 0 transparent to 255 opaque.
    """
    return in_bands(lambda colours, opaque: np.rint(colours * (opaque[..., None] / WHITE)), pixels, alpha)


def turn_upright(pixels: Grey8, orientation: int) -> Grey8:
    """Undo an EXIF orientation.

    Args:
        pixels: (rows, columns), as stored.
        orientation: 1 to 8, where the stored first row and column are seen (TIFF 6.0 section 8).
    """
    if orientation in {5, 6, 7, 8}:
        pixels = np.swapaxes(pixels, 0, 1)
    if orientation in {3, 4, 7, 8}:
        pixels = pixels[::-1]
    if orientation in {2, 3, 6, 7}:
        pixels = pixels[:, ::-1]
    return np.ascontiguousarray(pixels)


def contrast(pixels: Grey8) -> float:
    """Return the standard deviation of the shades, 0 to 127.5."""
    _, deviation = cv2.meanStdDev(pixels)
    return float(deviation[0, 0])
