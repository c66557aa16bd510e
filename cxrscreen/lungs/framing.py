"""The part of a radiograph that a model sees: the lungs with a margin, their grey brought to one scale."""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from cxrscreen.lungs.fields import Box, LungFields
from cxrscreen.radiograph.prepare import SIDE, resize
from cxrscreen.types import Grey8, Prepared

CELLS = 14  # rows and columns of the feature map that the lungs' cover is told for: VGG16 at block4_pool
MARGIN = 0.04  # of the lungs' height and width, on each side

_LEAST_SPREAD = 12.0  # grey levels: lungs without contrast are not blown up to noise
_REACH = 3.0  # standard deviations to black and to white


@dataclass(frozen=True, slots=True, eq=False)
class Framed:
    """A classifier input that was cut out around the lungs.

    Attributes:
        prepared: (224, 224, 3), three equal channels, 0 to 255; the lungs' mean is mid-grey.
        cover: How much of each cell of the feature map the lungs cover: (CELLS, CELLS), 0 to 1.
        box: The part of the radiograph that was cut out.
    """

    prepared: Prepared = field(repr=False)
    cover: NDArray[np.float32] = field(repr=False)
    box: Box


def framed(square: Grey8, fields: LungFields) -> Framed:
    """Cut out the lungs and bring their grey to mean 0 and standard deviation 1, whatever the window or exposure was.

    Args:
        square: The whole radiograph squeezed to a square, (side, side), finer than 224.
        fields: Its lung fields; usable ones.
    """
    box = fields.box(MARGIN)
    top, left, bottom, right = (round(edge * len(square)) for edge in box)
    lungs = fields.at(*square.shape)[top:bottom, left:right].astype(np.float32)
    cut = square[top:bottom, left:right].astype(np.float32)
    grey, inside = (resize(one, rows=SIDE, columns=SIDE) for one in (cut, lungs))
    of_lungs = grey[inside > 0.5]  # noqa: PLR2004  # more lung than not
    shades = (grey - of_lungs.mean()) / max(float(of_lungs.std()), _LEAST_SPREAD)
    scaled = np.rint(255 * np.clip(0.5 + shades / (2 * _REACH), 0, 1)).astype(np.uint8)
    cover: NDArray[np.float32] = cv2.resize(inside, (CELLS, CELLS), interpolation=cv2.INTER_AREA)
    return Framed(np.repeat(scaled[:, :, np.newaxis], 3, axis=2), cover, box)
