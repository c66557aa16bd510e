"""Radiographs without lungs, with nothing but lungs, with another one's lungs: they show where a score comes from.

All pictures here are squares of SIDE pixels (the whole radiograph squeezed, as its lung fields are), which is finer
than any classifier sees them.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from cxrscreen.lungs.fields import LungFields, resized
from cxrscreen.types import Grey8

SIDE = 512

_RIM = 0.03  # of the side: taken out together with the lungs, so that their outline does not remain
_RING = 0.02, 0.10  # of the side: the tissue around the lungs whose grey is matched
_LEAST_SPREAD = 8.0  # grey levels; less is no tissue to match
_LARGEST_STRETCH = 2.0  # of contrast
_SLIVER = 0.35  # of a lung's width: apex and recess that are narrower would be stretched to bands
_FEATHER = 3.0  # pixels
_SMOOTH = 5.0  # rows over which a lung's outline is smoothed
_OVERLAP = 0.05  # of a lung's width, beyond its outline: what the feathered edge shows


def without_lungs(square: Grey8, fields: LungFields) -> Grey8:
    """Fill the lungs and their rim with the median grey of the rest."""
    lungs = _grown(fields.at(SIDE, SIDE), _RIM)
    changed = square.copy()
    changed[lungs] = np.median(square[~lungs])
    return changed


def only_lungs(square: Grey8, fields: LungFields) -> Grey8:
    """Fill everything but the lungs with the lungs' mean grey."""
    lungs = fields.at(SIDE, SIDE)
    changed: Grey8 = np.full_like(square, round(float(square[lungs].mean())))
    changed[lungs] = square[lungs]
    return changed


def exchanged(square: Grey8, fields: LungFields, background: Grey8, its_fields: LungFields) -> Grey8:
    """Set the lungs of one radiograph into the lung fields of another.

    Each lung goes row by row from its own outline to the other's; its grey levels are moved by what the tissue around
    the lungs differs by; the edge is feathered. The lung fields of the result are those of the other radiograph.

    Args:
        square: Gives the lungs, (SIDE, SIDE).
        fields: Usable ones of ``square``.
        background: Gives all the rest, (SIDE, SIDE).
        its_fields: Usable ones of ``background``.
    """
    grey = _matched(square, fields, background, its_fields)
    from_column = np.zeros((SIDE, SIDE), dtype=np.float32)
    from_row = np.zeros((SIDE, SIDE), dtype=np.float32)
    reached = np.zeros((SIDE, SIDE), dtype=np.bool_)
    for lung, goal in ((fields.right, its_fields.right), (fields.left, its_fields.left)):
        mask = resized(goal, SIDE, SIDE)
        rows, columns = _way_back(_Outline.of(resized(lung, SIDE, SIDE)), _Outline.of(mask))
        here = _grown(mask, _RING[0]) & ~np.isnan(rows)
        from_row[here], from_column[here] = rows[here], columns[here]
        reached |= here
    moved = cv2.remap(grey, from_column, from_row, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    edge = cv2.GaussianBlur(its_fields.at(SIDE, SIDE).astype(np.float32), (0, 0), _FEATHER) * reached
    mixed: Grey8 = np.clip(np.rint(background * (1 - edge) + moved * edge), 0, 255).astype(np.uint8)
    return mixed


@dataclass(frozen=True, slots=True, eq=False)
class _Outline:
    """A lung row by row: from ``top`` on, its first and last column."""

    top: int
    first: NDArray[np.float32]
    last: NDArray[np.float32]

    @classmethod
    def of(cls, mask: NDArray[np.bool_]) -> _Outline:
        rows = np.flatnonzero(mask.any(axis=1))
        every = np.arange(rows[0], rows[-1] + 1)
        first = np.interp(every, rows, mask[rows].argmax(axis=1))
        last = np.interp(every, rows, SIDE - 1 - mask[rows, ::-1].argmax(axis=1))
        return cls(int(rows[0]), _smooth(first), _smooth(last))


def _way_back(lung: _Outline, goal: _Outline) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """For each pixel of the goal's rows the row and column of the lung that comes there; NaN elsewhere."""
    widths = lung.last - lung.first
    wide = np.flatnonzero(widths >= _SLIVER * widths.max())
    height = len(goal.first)
    position = np.linspace(wide[0], wide[-1], height)
    first, last = (np.interp(position, np.arange(len(widths)), edge) for edge in (lung.first, lung.last))
    across = (np.arange(SIDE) - goal.first[:, np.newaxis]) / np.maximum(goal.last - goal.first, 4)[:, np.newaxis]
    across = np.clip(across, -_OVERLAP, 1 + _OVERLAP)
    rows, columns = (np.full((SIDE, SIDE), np.nan, dtype=np.float32) for _ in range(2))
    there = slice(goal.top, goal.top + height)
    rows[there] = (lung.top + position)[:, np.newaxis]
    columns[there] = first[:, np.newaxis] + across * (last - first)[:, np.newaxis]
    return rows, columns


def _matched(square: Grey8, fields: LungFields, background: Grey8, its_fields: LungFields) -> NDArray[np.float32]:
    (mean, spread), (its_mean, its_spread) = _around(square, fields), _around(background, its_fields)
    stretch = np.clip(its_spread / spread, 1 / _LARGEST_STRETCH, _LARGEST_STRETCH)
    matched: NDArray[np.float32] = ((square.astype(np.float32) - mean) * stretch + its_mean).astype(np.float32)
    return matched


def _around(square: Grey8, fields: LungFields) -> tuple[float, float]:
    """Mean and spread of the grey around the lungs."""
    lungs = fields.at(SIDE, SIDE)
    ring = square[_grown(lungs, _RING[1]) & ~_grown(lungs, _RING[0])].astype(np.float32)
    if len(ring) == 0:  # the lungs fill the picture
        ring = square.astype(np.float32).ravel()
    return float(ring.mean()), max(float(ring.std()), _LEAST_SPREAD)


def _grown(mask: NDArray[np.bool_], by: float) -> NDArray[np.bool_]:
    width = 2 * round(by * SIDE) + 1
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (width, width))
    grown: NDArray[np.bool_] = cv2.dilate(mask.astype(np.uint8), kernel) > 0
    return grown


def _smooth(edge: NDArray[np.float64]) -> NDArray[np.float32]:
    smooth: NDArray[np.float32] = cv2.GaussianBlur(
        edge.astype(np.float32)[:, np.newaxis], (1, 31), _SMOOTH, borderType=cv2.BORDER_REPLICATE
    )[:, 0]
    return smooth
