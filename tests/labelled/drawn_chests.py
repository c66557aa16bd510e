"""Phantoms with known lung fields: with disease in the lungs, or a marker in the corner that follows the class."""

from __future__ import annotations

import cv2
import numpy as np

from cxrscreen.labelled.changed_set import LungsSeen
from cxrscreen.lungs.changed import SIDE
from cxrscreen.lungs.fields import MASK_SIDE, LungFields, fields_of, resized
from cxrscreen.types import Grey8
from tests.lungs.drawn_lungs import phantom

PHANTOMS = 4  # different anatomies; noise makes patients of them
MARKER = (slice(20, 50), slice(20, 80))


def chest(number: int, *, opacity: bool, marker: bool) -> tuple[Grey8, LungFields]:
    """One patient: brighter lungs where there is an opacity, a bright plate in the corner where there is a marker."""
    pixels, mask = phantom(number % PHANTOMS)
    fields = fields_of(resized(mask, MASK_SIDE, MASK_SIDE))
    square = cv2.resize(pixels, (SIDE, SIDE), interpolation=cv2.INTER_LINEAR).astype(np.float32)
    square[fields.at(SIDE, SIDE)] += 45.0 * opacity
    square += np.random.default_rng(number).normal(0, 6, (SIDE, SIDE))
    square[MARKER] = 250 if marker else 10
    return np.clip(square, 0, 255).astype(np.uint8), fields


def chests(each: int, *, opacities: bool, markers: bool) -> LungsSeen:
    """``each`` patients of both classes; opacities, markers or both follow the class."""
    diseased = np.arange(2 * each) < each
    drawn = [
        chest(number, opacity=bool(sick and opacities), marker=bool(sick and markers))
        for number, sick in enumerate(diseased)
    ]
    return LungsSeen(
        squares=[square for square, _ in drawn],
        fields=[fields for _, fields in drawn],
        diseased=diseased,
        patients=[f"p{number}" for number in range(2 * each)],
        views=["PA"] * (2 * each),
        without_fields=1,
    )
