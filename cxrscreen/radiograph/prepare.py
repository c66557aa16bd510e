"""A radiograph to the classifier's input, the same way in training and in screening."""

from __future__ import annotations

from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from cxrscreen.types import Grey8, Prepared

SIDE = 224

Picture = TypeVar("Picture", NDArray[np.uint8], NDArray[np.float32])


def prepare(pixels: Grey8) -> Prepared:
    """Squeeze a radiograph to 224x224 and repeat it into three channels.

    The aspect ratio is not kept, as in the study, and on purpose:

    - Padding to a square writes the picture's shape into the input as black bars, and on the
      development set the shape alone separates the classes with AUC 0.80.
    - Cropping to a square can cut lung away, and costophrenic angles with it.
    - Squeezing keeps all of both lungs, and within the accepted aspect range it distorts no more than
      patients differ.

    Args:
        pixels: (rows, columns), 0 to 255.

    Returns:
        (224, 224, 3), three equal channels, 0 to 255. Shrinking averages areas, so that fine detail does not
        alias into texture; enlarging is bilinear.
    """
    square = resize(pixels, rows=SIDE, columns=SIDE)
    prepared: Prepared = cv2.merge([square, square, square])
    return prepared


def to_reading_resolution(pixels: Grey8, *, max_side: int = 1024) -> Grey8:
    """Shrink a radiograph to what a report shows; smaller ones come back as they are.

    Args:
        pixels: (rows, columns), 0 to 255.
        max_side: Longest side of the result; the aspect ratio is kept.
    """
    rows, columns = pixels.shape
    scale = max_side / max(rows, columns)
    if scale >= 1:
        return pixels
    return resize(pixels, rows=max(1, round(rows * scale)), columns=max(1, round(columns * scale)))


def resize(pixels: Picture, *, rows: int, columns: int) -> Picture:
    """Average areas along a side that shrinks, which OpenCV does only where both sides shrink; else bilinear.

    Args:
        pixels: (rows, columns), 8 bits or floating.
        rows: Of the result.
        columns: Of the result.
    """
    shrunk_rows, shrunk_columns = min(rows, pixels.shape[0]), min(columns, pixels.shape[1])
    resized = cv2.resize(pixels, (shrunk_columns, shrunk_rows), interpolation=cv2.INTER_AREA)
    if (shrunk_rows, shrunk_columns) != (rows, columns):
        resized = cv2.resize(resized, (columns, rows), interpolation=cv2.INTER_LINEAR)
    result: Picture = resized
    return result
