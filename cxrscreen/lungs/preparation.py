"""A radiograph to the segmenter's input, the same way in training and in screening."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cxrscreen.lungs.fields import MASK_SIDE
from cxrscreen.radiograph.prepare import resize
from cxrscreen.types import Grey8

Square = NDArray[np.uint8]
"""A radiograph squeezed to a square: (side, side), 0 to 255."""

Grey = NDArray[np.float32]
"""A picture in any unit of brightness: (rows, columns)."""

SegmenterInputs = NDArray[np.float32]
"""(n, MASK_SIDE, MASK_SIDE, 1), mean 0 and standard deviation 1 in each picture."""

_DARKEST, _BRIGHTEST = 1, 99  # percentiles: a burnt-in letter or a black rim must not set the scale
_FLATTEST = 0.05  # of the scale: a picture without contrast is not blown up


def squeezed(pixels: Grey8, side: int = MASK_SIDE) -> Square:
    """Squeeze a radiograph to a square, as the classifier's preparation does.

    Args:
        pixels: (rows, columns), 0 to 255, any size.
        side: Of the result.
    """
    return resize(pixels, rows=side, columns=side)


def standardised(grey: Grey) -> Grey:
    """Stretch the contrast between the 1st and 99th percentile, then to mean 0 and standard deviation 1."""
    darkest, brightest = np.percentile(grey, (_DARKEST, _BRIGHTEST))
    stretched = np.clip((grey - darkest) / max(brightest - darkest, 1e-6), 0, 1)
    result: Grey = ((stretched - stretched.mean()) / max(stretched.std(), _FLATTEST)).astype(np.float32)
    return result


def segmenter_inputs(pixels: Sequence[Grey8]) -> SegmenterInputs:
    """Prepare a batch.

    Args:
        pixels: One radiograph each, any sizes.
    """
    inputs = np.empty((len(pixels), MASK_SIDE, MASK_SIDE, 1), dtype=np.float32)
    for position, one in enumerate(pixels):
        inputs[position, :, :, 0] = standardised(squeezed(one).astype(np.float32))
    return inputs
