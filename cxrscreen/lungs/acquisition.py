"""A radiograph as another site might have stored it: drawn first, then applied without chance."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from cxrscreen.lungs.fields import MASK_SIDE, LungFields
from cxrscreen.lungs.preparation import Square

_MOST_GAMMA = 0.45  # natural logarithm
_LEAST_CONTRAST = 0.6
_COARSEST = 200  # pixels of the side
_MOST_NOISE = 5.0  # grey levels
_JPEG = (30, 90)
_MOST_RIM = 0.015  # of the side, outwards and inwards


@dataclass(frozen=True, slots=True, kw_only=True)
class Acquisition:
    """What differs between two ways to store one exposure.

    Attributes:
        gamma: Exponent of the grey scale from 0 to 1.
        contrast: Factor, at most 1.
        lift: Part of the range that the contrast leaves, by which everything is brighter: 0 to 1.
        side: Pixels that the picture was stored with.
        noise: Standard deviation, in grey levels.
        noise_seed: Of the noise.
        jpeg_quality: As OpenCV counts it.
        rim: By which the lung fields are wider, of the side; below 0 narrower.
    """

    gamma: float
    contrast: float
    lift: float
    side: int
    noise: float
    noise_seed: int
    jpeg_quality: int
    rim: float


def draw_acquisition(generator: np.random.Generator) -> Acquisition:
    """Draw one way of storing a radiograph."""
    return Acquisition(
        gamma=float(np.exp(generator.uniform(-_MOST_GAMMA, _MOST_GAMMA))),
        contrast=float(generator.uniform(_LEAST_CONTRAST, 1)),
        lift=float(generator.uniform(0, 1)),
        side=int(generator.integers(_COARSEST, 513)),
        noise=float(generator.uniform(0, _MOST_NOISE)),
        noise_seed=int(generator.integers(2**32)),
        jpeg_quality=int(generator.integers(*_JPEG)),
        rim=float(generator.uniform(-_MOST_RIM, _MOST_RIM)),
    )


def stored_otherwise(square: Square, fields: LungFields, by: Acquisition) -> tuple[Square, LungFields]:
    """Store a radiograph in another way.

    Args:
        square: The whole radiograph, (side, side).
        fields: Its lung fields.
        by: How it is stored.
    """
    side = len(square)
    grey = by.contrast * (square / 255) ** by.gamma + (1 - by.contrast) * by.lift
    small = cv2.resize(255 * grey, (by.side, by.side), interpolation=cv2.INTER_AREA)
    back = cv2.resize(small, (side, side), interpolation=cv2.INTER_LINEAR)
    noise = np.random.default_rng(by.noise_seed).normal(0, by.noise, back.shape)
    noisy = np.clip(np.rint(back + noise), 0, 255).astype(np.uint8)
    _, jpeg = cv2.imencode(".jpg", noisy, [cv2.IMWRITE_JPEG_QUALITY, by.jpeg_quality])
    stored = np.asarray(cv2.imdecode(jpeg, cv2.IMREAD_GRAYSCALE), dtype=np.uint8)
    return stored, _with_rim(fields, round(by.rim * MASK_SIDE))


def _with_rim(fields: LungFields, cells: int) -> LungFields:
    kernel = np.ones((2 * abs(cells) + 1,) * 2, dtype=np.uint8)
    change = cv2.dilate if cells > 0 else cv2.erode
    masks = {name: change(getattr(fields, name).astype(np.uint8), kernel) > 0 for name in ("mask", "left")}
    return replace(fields, **masks)
