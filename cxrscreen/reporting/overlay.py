"""The activation map over the radiograph, and the outline of the lungs."""

from __future__ import annotations

import cv2
import numpy as np

from cxrscreen.errors import ReportError
from cxrscreen.lungs.fields import Box, LungFields
from cxrscreen.lungs.map_audit import WHOLE
from cxrscreen.types import ActivationMap, Grey8, Rgb8

_DARK, _LIGHT = (22, 32, 43), (255, 255, 255)
_FINE = 256  # pixels of the square that the outline is found in
_LINE = 700  # pixels of the longer side for each pixel of the outline's width


def blend_overlay(pixels: Grey8, activation_map: ActivationMap, *, alpha: float, box: Box = WHOLE) -> Rgb8:
    """Lay the activation map over the part of the radiograph that it speaks of, in viridis, equally strong everywhere.

    The map is stretched to that part, cell centres on cell centres, as the classifier's input was. What the model was
    not shown keeps its grey.
    Viridis rises evenly in lightness, so the overlay survives a grey printer and colour blindness
    (van der Walt and Smith, 2015).

    Args:
        pixels: Radiograph at reading resolution, shape (rows, columns), 0 to 255.
        activation_map: Cells, 0 to 1, not zero everywhere.
        alpha: Share of the colour in the blend, in (0, 1).
        box: What the model was shown.

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
    top, left, bottom, right = (round(edge * side) for edge, side in zip(box, (rows, columns) * 2, strict=True))
    cells = np.rint(activation_map * 255).astype(np.uint8)
    # The cubic overshoots on both sides; in eight bits OpenCV clips that by itself, and the picture has no more.
    heat = cv2.resize(cells, (right - left, bottom - top), interpolation=cv2.INTER_CUBIC)
    shades = cv2.applyColorMap(heat, cv2.COLORMAP_VIRIDIS)
    colours = cv2.cvtColor(shades, cv2.COLOR_BGR2RGB)
    blended: Rgb8 = cv2.cvtColor(pixels, cv2.COLOR_GRAY2RGB)
    shown = blended[top:bottom, left:right]
    blended[top:bottom, left:right] = cv2.addWeighted(shown, 1 - alpha, colours, alpha, 0)
    return blended


def draw_outline(picture: Rgb8, fields: LungFields) -> None:
    """Draw the outline of the lungs thinly into a picture, light on dark, so that it shows on any colour and on paper.

    Args:
        picture: (rows, columns, 3) of the whole radiograph; it is changed.
        fields: Its lung fields.
    """
    rounded = cv2.GaussianBlur(fields.mask.astype(np.float32), (0, 0), 1.0)  # without the corners of the mask's cells
    fine = cv2.resize(rounded, (_FINE, _FINE), interpolation=cv2.INTER_LINEAR) > 0.5  # noqa: PLR2004  # more lung than not
    outlines, _ = cv2.findContours(fine.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_TC89_KCOS)
    rows, columns = picture.shape[:2]
    scaled = [np.rint((one + 0.5) * (columns / _FINE, rows / _FINE)).astype(np.int32) for one in outlines]
    width = max(1, round(max(picture.shape) / _LINE))
    for colour, thickness in ((_DARK, width + 2), (_LIGHT, width)):
        cv2.polylines(picture, scaled, isClosed=True, color=colour, thickness=thickness, lineType=cv2.LINE_AA)
