"""The activation map over the radiograph."""

from __future__ import annotations

import cv2
import numpy as np

from cxrscreen.errors import ReportError
from cxrscreen.types import ActivationMap, Grey8, Rgb8


def blend_overlay(pixels: Grey8, activation_map: ActivationMap, *, alpha: float) -> Rgb8:
    """Lay the activation map over the radiograph, in viridis, equally strong everywhere.

    The map is stretched to the whole picture, cell centres on cell centres, as the classifier's input was.
    Viridis rises evenly in lightness, so the overlay survives a grey printer and colour blindness
    (van der Walt and Smith, 2015).

    Args:
        pixels: Radiograph at reading resolution, shape (rows, columns), 0 to 255.
        activation_map: Shape (7, 7), 0 to 1, not zero everywhere.
        alpha: Share of the colour in the blend, in (0, 1).

    Returns:
        Picture of shape (rows, columns, 3), red, green, blue.

    Raises:
        ReportError: The map is zero everywhere: it holds no evidence, and a picture of it would look like some.
        ValueError: ``alpha`` or the shape of ``pixels`` is out of range.
    """
    if not 0 < alpha < 1:
        raise ValueError(f"alpha must lie between 0 and 1, not {alpha}")
    if pixels.ndim != 2:  # noqa: PLR2004  # two axes is what Grey8 means
        raise ValueError(f"the radiograph must have two axes, not {pixels.ndim}")
    if not np.any(activation_map > 0):
        raise ReportError("The activation map is zero everywhere; say so in words instead of drawing it.")
    rows, columns = pixels.shape
    cells = np.rint(activation_map * 255).astype(np.uint8)
    # The cubic overshoots on both sides; in eight bits OpenCV clips that by itself, and the picture has no more.
    heat = cv2.resize(cells, (columns, rows), interpolation=cv2.INTER_CUBIC)
    shades = cv2.applyColorMap(heat, cv2.COLORMAP_VIRIDIS)
    colours = cv2.cvtColor(shades, cv2.COLOR_BGR2RGB)
    blended: Rgb8 = cv2.addWeighted(cv2.cvtColor(pixels, cv2.COLOR_GRAY2RGB), 1 - alpha, colours, alpha, 0)
    return blended
