"""Draw a chest radiograph of nobody: path lengths, Beer-Lambert, detector."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cxrscreen.phantom.anatomy import AVERAGE_WALL, Anatomy
from cxrscreen.phantom.attenuation import attenuation
from cxrscreen.phantom.beam import FULL_SCALE, SOFT_TISSUE, Exposure, develop, expose
from cxrscreen.phantom.marker import marker_shadow
from cxrscreen.phantom.rays import Projection, Rays

FIELD = (35.5, 36.5)  # cm, across and up: at least this much of an average adult is in the picture
MIDDLE_HEIGHT = 8.6  # cm above the diaphragm
LATERAL_FIELD = (27.0, 36.5)
FRONTAL_GREY = (1.85, 3.2)  # minus log exposure that becomes mid-grey in the average adult, span of the scale
LATERAL_GREY = (3.1, 3.6)

__all__ = ["Anatomy", "draw_lateral", "draw_thorax"]


def draw_thorax(seed: int, *, opacities: bool = False, rows: int = 1024, columns: int = 1024) -> NDArray[np.uint16]:
    """Draw a posterior-anterior chest radiograph.

    Args:
        seed: Decides the anatomy, the exposure and the noise; any integer of at least 0.
        opacities: Fill both lungs' periphery with ground-glass patches. Nothing else changes.
        rows: Height of the picture.
        columns: Width of the picture.

    Returns:
        Shape (rows, columns), 0 (open beam) to 4095 (bone).
    """
    anatomy = Anatomy.drawn(seed)
    rays = frontal_rays(anatomy, rows, columns)
    exposure = frontal_exposure(anatomy, noise_seed=anatomy.texture_seed)
    return _twelve_bits(radiograph(anatomy, rays, exposure, opacities=opacities))


def draw_lateral(seed: int, *, opacities: bool = False, rows: int = 1024, columns: int = 1024) -> NDArray[np.uint16]:
    """Draw the left lateral view of the same imaginary person; arguments and values as ``draw_thorax``."""
    anatomy = Anatomy.drawn(seed)
    pitch = max(LATERAL_FIELD[0] / columns, LATERAL_FIELD[1] / rows) / anatomy.size**0.5
    rays = Rays(rows, columns, pitch, (0.0, MIDDLE_HEIGHT), Projection.LATERAL)
    middle = LATERAL_GREY[0] + _extra_tissue(anatomy)
    photons = 4.0 * anatomy.exposure
    exposure = Exposure(middle, LATERAL_GREY[1] * anatomy.latitude, photons, noise_seed=anatomy.texture_seed)
    return _twelve_bits(radiograph(anatomy, rays, exposure, opacities=opacities))


def frontal_rays(anatomy: Anatomy, rows: int, columns: int, precision: type[np.floating] = np.float32) -> Rays:
    """Return the rays of a picture that holds the chest whole, whatever its shape.

    The anatomy is written in centimetres of the average body. The field follows a person's size, but
    only half the way: larger people fill more of the picture.
    """
    pitch = max(FIELD[0] / columns, FIELD[1] / rows) / anatomy.size**0.5
    across, up = anatomy.offset
    return Rays(rows, columns, pitch, (across, MIDDLE_HEIGHT + up), precision=precision)


def frontal_exposure(anatomy: Anatomy, *, noise_seed: int | None) -> Exposure:
    """Return dose and grey scale as automatic exposure control sets them for this person."""
    middle = FRONTAL_GREY[0] + _extra_tissue(anatomy)
    return Exposure(middle, FRONTAL_GREY[1] * anatomy.latitude, anatomy.exposure, noise_seed)


def radiograph(anatomy: Anatomy, rays: Rays, exposure: Exposure, *, opacities: bool) -> NDArray[np.floating]:
    """Return grey, 0 to 1, shape (rows, columns)."""
    collected = expose(attenuation(anatomy, rays, opacities=opacities), rays, exposure)
    return develop(collected * np.exp(-marker_shadow(anatomy, rays)), rays, exposure)


def _extra_tissue(anatomy: Anatomy) -> float:
    """Attenuation by which this person's chest wall exceeds the average one."""
    return SOFT_TISSUE * 2 * (anatomy.wall - AVERAGE_WALL) + 1.5 * (anatomy.size - 1)


def _twelve_bits(grey: NDArray[np.floating]) -> NDArray[np.uint16]:
    stored: NDArray[np.uint16] = np.clip(np.rint(grey * FULL_SCALE), 0, FULL_SCALE).astype(np.uint16)
    return stored
