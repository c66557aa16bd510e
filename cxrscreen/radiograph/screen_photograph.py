"""Traces that a screen leaves in a photograph of it."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from cxrscreen.types import Grey8

_MOST = 384  # pixels of a side that are looked at, in the middle
_LEAST = 128
_SLOWEST = 0.08  # cycles a pixel: slower waves are ribs and shading
_AXES = 5  # cycles a picture: lead markers, grids of one direction and the blocks of JPEG lie along the axes
_RINGS = 64  # a unit of frequency

_Spectrum = NDArray[np.float32]


def periodic_pattern(pixels: Grey8) -> float:
    """Measure the strongest fine wave: its amplitude over the typical one of its frequency, as a power of ten.

    A camera's pixels and a screen's make moire, waves that run across the whole picture; film, detectors and patients
    make none. A good camera at some distance makes none either: a low value is no proof.

    Args:
        pixels: (rows, columns), at reading resolution: shrinking removes what is to be found.

    Returns:
        0 or more; 0 for pictures of less than 128 pixels a side.
    """
    side = min(_MOST, *pixels.shape) // 2 * 2
    if side < _LEAST:
        return 0.0
    top, left = (pixels.shape[0] - side) // 2, (pixels.shape[1] - side) // 2
    middle = pixels[top : top + side, left : left + side].astype(np.float32)
    window, rings, counts, fine = _measures(side)
    spectrum = np.abs(np.fft.rfft2((middle - middle.mean()) * window))
    spectrum[:, 1:-1] = (spectrum[:, :-2] + spectrum[:, 1:-1] + spectrum[:, 2:]) / 3
    spectrum[1:-1] = (spectrum[:-2] + spectrum[1:-1] + spectrum[2:]) / 3
    powers = np.log10(spectrum + 1)
    typical = np.bincount(rings.ravel(), powers.ravel(), minlength=len(counts)) / counts
    return max(0.0, float((powers - typical[rings])[fine].max()))


@lru_cache(maxsize=8)
def _measures(side: int) -> tuple[_Spectrum, NDArray[np.intp], NDArray[np.intp], NDArray[np.bool_]]:
    """Window, each frequency's ring, frequencies in each ring, and which are fine and off the axes."""
    down, across = np.abs(np.fft.fftfreq(side))[:, np.newaxis], np.fft.rfftfreq(side)[np.newaxis]
    frequency = np.hypot(down, across)
    rings = (frequency * _RINGS).astype(np.intp)
    rise = np.hanning(side).astype(np.float32)
    fine = (frequency > _SLOWEST) & (down > _AXES / side) & (across > _AXES / side)
    return rise[:, np.newaxis] * rise, rings, np.maximum(np.bincount(rings.ravel()), 1), fine
