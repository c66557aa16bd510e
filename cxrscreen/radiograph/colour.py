"""Colour pictures to grey, where a radiograph may hide in them."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from cxrscreen.errors import RefusedError
from cxrscreen.radiograph.refusal import Reason
from cxrscreen.types import Grey8, Rgb8

_THUMBNAIL_PIXELS = 256
_GREY_LEVELS = 32

# Of 266 real radiographs the most colourful has a tint of 9 and no stray pixel; scans with a violet or blue cast
# reach 30 and 0.0006; a red arrow makes 0.0014, an activation map laid over one corner 0.02 to 0.07, a rainbow
# colour map 0.25, a photograph 0.4.
_STRAY_CHROMA = 24.0  # of 180
_MOST_STRAY = 0.015
_MARKS = 0.001
_VISIBLE_TINT = 3.0


@dataclass(frozen=True, slots=True)
class Colour:
    """How colourful a picture is.

    Attributes:
        tint: Mean distance of the pixels from grey in the chroma plane (Cr, Cb), 0 to about 180.
        stray: Fraction of pixels whose chroma lies more than 24 from the typical one of their grey level, or
            whose hue lies more than 60 degrees from the picture's.
    """

    tint: float
    stray: float


def measure_colour(rgb: Rgb8) -> Colour:
    """Tell a tinted radiograph from a coloured picture.

    A tint, by film base or display, is one hue, and a function of the grey level: all pixels of one brightness
    share one colour. A photograph or a heat map has several. So the median chroma of each of 32 grey levels is
    taken off, and what remains, or lies in another hue than the picture's mean, is colour proper.
    """
    scale = min(1.0, _THUMBNAIL_PIXELS / max(rgb.shape[:2]))
    size = (max(1, round(rgb.shape[1] * scale)), max(1, round(rgb.shape[0] * scale)))
    thumbnail = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)
    luma, red, blue = cv2.split(cv2.cvtColor(thumbnail, cv2.COLOR_RGB2YCrCb))
    red, blue = red - np.float32(128), blue - np.float32(128)
    chroma = np.hypot(red, blue)
    if chroma.max() <= _STRAY_CHROMA / 2:  # no two pixels can lie further apart than that; most radiographs are grey
        return Colour(float(chroma.mean()), 0.0)
    level = luma // (256 // _GREY_LEVELS)
    typical = np.zeros((_GREY_LEVELS, 2), np.float32)
    for shade in np.unique(level):
        members = level == shade
        typical[shade] = np.median(red[members]), np.median(blue[members])
    distance = np.hypot(red - typical[level, 0], blue - typical[level, 1])
    mean_red, mean_blue = float(red.mean()), float(blue.mean())
    along = red * mean_red + blue * mean_blue  # chroma times mean chroma times the cosine between their hues
    other_hue = (chroma > _STRAY_CHROMA) & (
        along < chroma * (np.hypot(mean_red, mean_blue) / 2)
    )  # more than 60 degrees
    return Colour(float(chroma.mean()), float(((distance > _STRAY_CHROMA) | other_hue).mean()))


def to_grey(rgb: Rgb8) -> tuple[Grey8, tuple[str, ...]]:
    """Return the luma (ITU-R BT.601) of a grey or tinted picture, and notices.

    Three equal channels come back unchanged.

    Raises:
        RefusedError: Reason COLOUR, where the colours are no tint.
    """
    colour = measure_colour(rgb)
    if colour.stray > _MOST_STRAY:
        raise RefusedError(
            Reason.COLOUR, f"{colour.stray:.0%} of the picture has colours that are no tint of a grey picture."
        )
    notices: tuple[str, ...] = ()
    if colour.tint > _VISIBLE_TINT:
        notices += ("The picture had a colour tint; it was turned to grey.",)
    if colour.stray > _MARKS:
        notices += ("Coloured marks are drawn onto the picture; they were turned to grey and may sway the score.",)
    grey: Grey8 = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    return grey, notices
