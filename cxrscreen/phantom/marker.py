"""The lead letter that tells the sides apart."""

from __future__ import annotations

import cv2
import numpy as np

from cxrscreen.phantom.anatomy import Anatomy
from cxrscreen.phantom.beam import LEAD_LETTER
from cxrscreen.phantom.rays import Lengths, Rays

HEIGHT = 1.7  # cm


def marker_shadow(anatomy: Anatomy, rays: Rays) -> Lengths:
    """Return what an ``L`` on the patient's left adds to the attenuation, shape (rows, columns)."""
    column, row = (share * side for share, side in zip(anatomy.marker_at, (rays.columns, rays.rows), strict=True))
    tall = HEIGHT / rays.pitch
    stroke = np.array([[0, -0.5], [0, 0.5], [0.55, 0.5]]) * tall + [column, row]
    letter = np.zeros((rays.rows, rays.columns), np.uint8)
    fixed_point = np.rint(stroke * 16).astype(np.int32)  # cv2 draws to 1/16 pixel
    cv2.polylines(letter, [fixed_point], isClosed=False, color=255, thickness=max(1, round(tall / 6.5)),
                  lineType=cv2.LINE_AA, shift=4)  # fmt: skip
    return letter.astype(rays.precision) * rays.across.dtype.type(LEAD_LETTER / 255)
