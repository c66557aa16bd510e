"""The part of a radiograph that a model sees: the lungs alone, each grey level replaced by its rank among theirs."""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from cxrscreen.lungs.fields import MASK_SIDE, Box, LungFields
from cxrscreen.radiograph.prepare import SIDE, resize
from cxrscreen.types import Grey8, Prepared

MARGIN = 0.04  # of the lungs' height and width, on each side

_COARSE = 128  # pixels of the side: what is finer tells one scanner or compression from another
_SMOOTH = 9 / 512 * MASK_SIDE  # cells of the mask: its rim must not tell one segmentation from another
_FEATHER = 3.0  # pixels of the input; ends inside the lungs, so that nothing of the rest is left
_LEAST_RANGE = 6  # grey levels: lungs without contrast are not blown up to noise
_TRACE = 1e-3  # of a coarse pixel: less lung than that is none
_STEPS = 512  # of the grey levels' distribution
_SPAN = 3.46 / 6  # of the input's range: even ranks have a standard deviation of a sixth of it

Grey = NDArray[np.float32]
"""(SIDE, SIDE)."""


@dataclass(frozen=True, slots=True, eq=False)
class Framed:
    """A classifier input that was cut out around the lungs; outside of them it is mid-grey.

    Attributes:
        prepared: (224, 224, 3), three equal channels, 0 to 255; the lungs' median is mid-grey, too.
        box: The part of the radiograph that was cut out.
    """

    prepared: Prepared = field(repr=False)
    box: Box


def framed(square: Grey8, fields: LungFields) -> Framed:
    """Cut out the lungs and rank their grey, so that no window, exposure or gamma shows, and nothing of the rest.

    Args:
        square: The whole radiograph squeezed to a square, (side, side), finer than 224.
        fields: Its lung fields; usable ones.
    """
    box = fields.box(MARGIN)
    top, left, bottom, right = (round(edge * len(square)) for edge in box)
    outline = _smooth(fields, len(square))[top:bottom, left:right]
    coarse = _coarse(square[top:bottom, left:right].astype(np.float32), outline)
    grey = cv2.resize(coarse, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
    lungs = resize(outline, rows=SIDE, columns=SIDE)
    shades = _ranked(grey, lungs) * _inner(lungs)
    scaled = np.rint(255 * (0.5 + _SPAN * shades)).astype(np.uint8)
    return Framed(np.repeat(scaled[:, :, np.newaxis], 3, axis=2), box)


def _smooth(fields: LungFields, side: int) -> NDArray[np.float32]:
    """Lungs without the teeth and corners of their outline, (side, side): 1 inside, 0 outside."""
    rounded = cv2.GaussianBlur(fields.mask.astype(np.float32), (0, 0), _SMOOTH)
    shares = cv2.resize(rounded, (side, side), interpolation=cv2.INTER_LINEAR)
    return _mostly(shares).astype(np.float32)


def _coarse(grey: NDArray[np.float32], lungs: NDArray[np.float32]) -> NDArray[np.float32]:
    """Shrink to (_COARSE, _COARSE) from pixels of the lungs alone; what holds none of them gets the lungs' mean."""
    shares = resize(lungs, rows=_COARSE, columns=_COARSE)
    sums = resize(grey * lungs, rows=_COARSE, columns=_COARSE)
    mean = float(sums.sum() / max(float(shares.sum()), 1.0))
    coarse: NDArray[np.float32] = np.where(shares > _TRACE, sums / np.maximum(shares, _TRACE), mean).astype(np.float32)
    return coarse


def _ranked(grey: Grey, lungs: Grey) -> NDArray[np.float64]:
    """Rank each pixel among those of the lungs, -0.5 to 0.5; 0 everywhere where the lungs have no contrast."""
    of_lungs = np.sort(grey[_mostly(lungs)])
    if len(of_lungs) == 0 or of_lungs[-1] - of_lungs[0] < _LEAST_RANGE:
        return np.zeros(grey.shape)
    steps = of_lungs[:: max(1, len(of_lungs) // _STEPS)]
    ranks: NDArray[np.float64] = np.interp(grey, steps, np.linspace(-0.5, 0.5, len(steps)))
    return ranks


def _inner(lungs: Grey) -> Grey:
    """Weight of each pixel: 1 well inside the lungs, 0 from their outline on."""
    inner: Grey = np.clip(2 * cv2.GaussianBlur(lungs, (0, 0), _FEATHER) - 1, 0, 1) * _mostly(lungs)
    return inner


def _mostly(shares: NDArray[np.float32]) -> NDArray[np.bool_]:
    most: NDArray[np.bool_] = shares > 0.5  # noqa: PLR2004  # more lung than not
    return most
