"""Where the edges of a picture run: a signature that tells top from bottom and black from white."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from cxrscreen.types import Grey8

SIGNATURE_WIDTH = 512  # 8 x 8 cells of 8 directions
WAYS = 16
"""Ways in which a picture may be turned (four quarters), mirrored (each) and inverted (each)."""

EdgeSignature = NDArray[np.float32]
"""Shares of edges by place and direction: (SIGNATURE_WIDTH,), 0 or more, of length 1; zero for a blank picture."""

_SIDE, _CELLS, _DIRECTIONS = 64, 8, 8
_CALM = 0.5  # of the picture's mean strength of edges: cells below it hold noise and count for less
_TINY = 1e-6


def edge_signature(pixels: Grey8) -> EdgeSignature:
    """Count the edges in each of 8 x 8 cells by the direction in which it grows brighter.

    Histograms of oriented gradients (Dalal & Triggs 2005, CVPR, volume 1, page 886), with the sign of the direction
    kept: a negative has all its edges the other way round.

    Args:
        pixels: (rows, columns), 0 to 255; taken as squeezed to a square.
    """
    side = min(_SIDE, pixels.shape[0]), min(_SIDE, pixels.shape[1])
    small = cv2.resize(pixels, side[::-1], interpolation=cv2.INTER_AREA)
    if side != (_SIDE, _SIDE):
        small = cv2.resize(small, (_SIDE, _SIDE), interpolation=cv2.INTER_LINEAR)
    small = small.astype(np.float32)
    across = cv2.Sobel(small, cv2.CV_32F, 1, 0, ksize=3, borderType=cv2.BORDER_REPLICATE)
    down = cv2.Sobel(small, cv2.CV_32F, 0, 1, ksize=3, borderType=cv2.BORDER_REPLICATE)
    strength = np.hypot(across, down)
    direction = (np.arctan2(down, across) * (_DIRECTIONS / (2 * np.pi))) % _DIRECTIONS
    lower = np.floor(direction)
    beyond = strength * (direction - lower)
    counted = np.zeros((_SIDE, _SIDE, _DIRECTIONS), dtype=np.float32)
    rows, columns = np.indices((_SIDE, _SIDE))
    first = lower.astype(np.intp) % _DIRECTIONS  # 8 itself, by rounding, is 0
    counted[rows, columns, first] = strength - beyond
    counted[rows, columns, (first + 1) % _DIRECTIONS] += beyond
    size = _SIDE // _CELLS
    cells = counted.reshape(_CELLS, size, _CELLS, size, _DIRECTIONS).mean(axis=(1, 3))
    strengths = cells.sum(axis=-1, keepdims=True)
    shares = np.sqrt(cells / (strengths + _CALM * strengths.mean() + _TINY)).ravel()
    signature: EdgeSignature = (shares / max(float(np.linalg.norm(shares)), _TINY)).astype(np.float32)
    return signature


def ways(pixels: Grey8) -> list[Grey8]:
    """Turn, mirror and invert a picture in all ways; the first is the picture itself.

    Returns:
        ``WAYS`` pictures: turned by 0, 90, 180, 270 degrees against the clock, each as it is and mirrored; then the
        negatives of these eight.
    """
    turned = [np.rot90(pixels, quarters) for quarters in range(4)]
    eight = [np.ascontiguousarray(one) for picture in turned for one in (picture, picture[:, ::-1])]
    return [*eight, *(255 - one for one in eight)]
