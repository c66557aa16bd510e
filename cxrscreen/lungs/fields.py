"""The lung fields of one radiograph: where they are, which side is which, and what is wrong with them."""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from cxrscreen.lungs.plausibility import LungFault, fault_of, middle

MASK_SIDE = 128
"""Rows and columns of a mask: the whole radiograph squeezed to a square, whatever its shape."""

Mask = NDArray[np.bool_]
"""True inside the lungs: (MASK_SIDE, MASK_SIDE)."""

Box = tuple[float, float, float, float]
"""Top, left, bottom, right as parts of the picture's height and width: 0 to 1."""

_SPECK = 0.004  # of the picture: smaller parts are noise at a lung's rim and no part of anything
_MIDLINE = 0.5
_WHOLE: Box = (0.0, 0.0, 1.0, 1.0)


@dataclass(frozen=True, slots=True, eq=False)
class LungFields:
    """Where the lungs are.

    Attributes:
        mask: Both lungs; empty where nothing was found.
        left: The patient's left lung alone, which a frontal radiograph shows on its right.
        fault: Why the fields are not to be used, or ``None``. A mask with a fault is kept to be shown, no more.
    """

    mask: Mask = field(repr=False)
    left: Mask = field(repr=False)
    fault: LungFault | None

    @property
    def usable(self) -> bool:
        """Whether anything may be measured with these fields."""
        return self.fault is None

    @property
    def right(self) -> Mask:
        """The patient's right lung alone."""
        right: Mask = self.mask & ~self.left
        return right

    @property
    def area(self) -> float:
        """Share of the picture that the lungs take, 0 to 1."""
        return float(self.mask.mean())

    def box(self, margin: float = 0.0) -> Box:
        """Return the smallest box that holds both lungs, the whole picture where there are none.

        Args:
            margin: Added on each side, as a part of the box's own height or width; cut off at the picture's edge.
        """
        rows, columns = np.flatnonzero(self.mask.any(axis=1)), np.flatnonzero(self.mask.any(axis=0))
        if len(rows) == 0:
            return _WHOLE
        top, bottom = rows[0] / MASK_SIDE, (rows[-1] + 1) / MASK_SIDE
        left, right = columns[0] / MASK_SIDE, (columns[-1] + 1) / MASK_SIDE
        down, across = margin * (bottom - top), margin * (right - left)
        return (
            max(0.0, float(top - down)),
            max(0.0, float(left - across)),
            min(1.0, float(bottom + down)),
            min(1.0, float(right + across)),
        )

    def at(self, rows: int, columns: int) -> NDArray[np.bool_]:
        """Return the mask of both lungs at another size: true where the lungs take at least half of the pixel."""
        return resized(self.mask, rows, columns)


def resized(mask: Mask, rows: int, columns: int) -> NDArray[np.bool_]:
    """Resize a mask of the whole picture; true where it takes at least half of the new pixel.

    Args:
        mask: Any shape.
        rows: Of the result.
        columns: Of the result.
    """
    shares = mask.astype(np.float32)
    shrunk = min(rows, mask.shape[0]), min(columns, mask.shape[1])
    shares = cv2.resize(shares, (shrunk[1], shrunk[0]), interpolation=cv2.INTER_AREA)
    shares = cv2.resize(shares, (columns, rows), interpolation=cv2.INTER_LINEAR)
    large: NDArray[np.bool_] = shares >= 0.5  # noqa: PLR2004  # half, as promised
    return large


def fields_of(mask: Mask, *, doubt: float = 0.0) -> LungFields:
    """Take a segmenter's mask: keep its two largest parts without holes, tell the sides, judge the whole.

    Args:
        mask: As the segmenter drew it, shape (MASK_SIDE, MASK_SIDE).
        doubt: Pixels that the segmenter is undecided about, for each pixel of the mask.
    """
    parts = _parts(mask)
    lungs = sorted(parts[:2], key=lambda part: middle(part)[1])
    both, left = np.zeros(mask.shape, dtype=np.bool_), np.zeros(mask.shape, dtype=np.bool_)
    for position, lung in enumerate(lungs):
        both |= lung
        if position or middle(lung)[1] >= _MIDLINE:  # a lung alone is of the side that it lies on
            left |= lung
    return LungFields(both, left, fault_of(lungs, parts[2:], doubt=doubt))


def _parts(mask: Mask) -> list[Mask]:
    """Connected parts without their holes, the largest first; specks are dropped."""
    outlines, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    parts = []
    for outline in outlines:
        filled = np.zeros(mask.shape, dtype=np.uint8)
        cv2.drawContours(filled, [outline], 0, 1, cv2.FILLED)
        if filled.mean() >= _SPECK:
            parts.append(filled.astype(np.bool_))
    return sorted(parts, key=lambda part: -int(part.sum()))
