"""The parts of a radiograph around the lungs, drawn from the lung fields alone."""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np

from cxrscreen.lungs.fields import MASK_SIDE, LungFields, Mask
from cxrscreen.types import Grey8

BORDER = 0.06  # of the picture, on each side
BAND_ABOVE, BAND_BELOW = 0.12, 0.18  # of a lung's height: the clavicle crosses it within its uppermost fifth

_TEXT_SIDE = 512  # pixels of the longer side: letters of one hundredth of the picture are five pixels high
_STROKE = 0.012  # of the longer side: what is wider is no stroke of a letter
_BRIGHT, _STANDS_OUT = 170, 70  # of 255: grey of a stroke, and how far it stands out of its surroundings
_LETTER = (0.008, 0.08)  # height of a letter, of the longer side
_WIDEST = 0.15
_SPOT = 6  # pixels: less is noise


@dataclass(frozen=True, slots=True, eq=False)
class Regions:
    """Where an activation map may lie; they overlap. Each of shape (MASK_SIDE, MASK_SIDE).

    Attributes:
        lungs: Both lung fields.
        clavicles: The band of apices and clavicles: the top of each lung, and what lies right above it.
        mediastinum: Between the two lungs, as high as both.
        border: The outer frame of the picture without the lungs.
        text: Letters burnt into the picture or laid on the cassette, with a little room around them.
    """

    lungs: Mask = field(repr=False)
    clavicles: Mask = field(repr=False)
    mediastinum: Mask = field(repr=False)
    border: Mask = field(repr=False)
    text: Mask = field(repr=False)


def regions_of(fields: LungFields, pixels: Grey8) -> Regions:
    """Draw the regions of one radiograph.

    Args:
        fields: Its lung fields; usable ones.
        pixels: The radiograph, (rows, columns).
    """
    return Regions(
        lungs=fields.mask,
        clavicles=_clavicles(fields.left) | _clavicles(fields.right),
        mediastinum=_mediastinum(fields),
        border=_border() & ~fields.mask,
        text=burnt_in_text(pixels) & ~fields.mask,
    )


def burnt_in_text(pixels: Grey8) -> Mask:
    """Find letters: bright thin strokes that stand out sharply and are of a letter's size.

    Ribs and clavicles are wider, vessels and catheters darker or longer. Side markers of lead count, too.

    Args:
        pixels: The radiograph, (rows, columns).
    """
    scale = _TEXT_SIDE / max(pixels.shape)
    small = cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) if scale < 1 else pixels
    side = max(small.shape)
    width = max(3, round(_STROKE * side)) | 1
    raised = cv2.morphologyEx(small, cv2.MORPH_TOPHAT, cv2.getStructuringElement(cv2.MORPH_RECT, (width, width)))
    strokes = ((raised >= _STANDS_OUT) & (small >= _BRIGHT)).astype(np.uint8)
    _, labels, boxes, _ = cv2.connectedComponentsWithStats(strokes, connectivity=8)
    lowest, highest = _LETTER[0] * side, _LETTER[1] * side
    wide, tall, area = boxes[:, cv2.CC_STAT_WIDTH], boxes[:, cv2.CC_STAT_HEIGHT], boxes[:, cv2.CC_STAT_AREA]
    letters = (area >= _SPOT) & (lowest <= tall) & (tall <= highest) & (wide <= _WIDEST * side)
    letters[0] = False  # what is no stroke
    around = cv2.dilate(letters[labels].astype(np.uint8), np.ones((width, width), np.uint8))
    found: Mask = cv2.resize(around, (MASK_SIDE, MASK_SIDE), interpolation=cv2.INTER_AREA) > 0
    return found


def _clavicles(lung: Mask) -> Mask:
    rows, columns = np.nonzero(lung.any(axis=1))[0], np.nonzero(lung.any(axis=0))[0]
    band = np.zeros_like(lung)
    if len(rows):
        height = rows[-1] + 1 - rows[0]
        top, bottom = rows[0] - BAND_ABOVE * height, rows[0] + BAND_BELOW * height
        band[max(0, round(top)) : round(bottom), columns[0] : columns[-1] + 1] = True
    return band


def _mediastinum(fields: LungFields) -> Mask:
    between = np.zeros_like(fields.mask)
    for row in np.nonzero(fields.left.any(axis=1) & fields.right.any(axis=1))[0]:
        begin, end = np.nonzero(fields.right[row])[0][-1] + 1, np.nonzero(fields.left[row])[0][0]
        between[row, begin:end] = True
    return between & ~fields.mask


def _border() -> Mask:
    frame = np.ones((MASK_SIDE, MASK_SIDE), dtype=np.bool_)
    width = round(BORDER * MASK_SIDE)
    frame[width:-width, width:-width] = False
    return frame
