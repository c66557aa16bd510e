"""One small picture that every installation must score alike."""

from __future__ import annotations

import numpy as np

from cxrscreen.phantom.anatomy import Anatomy
from cxrscreen.phantom.thorax import frontal_exposure, frontal_rays, radiograph
from cxrscreen.types import Grey8

SIDE = 448  # twice the classifier's input


def golden_phantom(seed: int, *, opacities: bool) -> Grey8:
    """Draw a noiseless phantom in double precision, rounded to 8 bits.

    Rounding errors of another processor or library build are some 1e-13 of the grey scale here, so that a
    pixel changes its byte in one picture out of millions: the same seed gives the same bytes in practice.

    Args:
        seed: Decides the anatomy.
        opacities: Whether ground-glass patches are drawn.

    Returns:
        Shape (448, 448), 0 black to 255 white.
    """
    anatomy = Anatomy.drawn(seed)
    rays = frontal_rays(anatomy, SIDE, SIDE, np.float64)
    grey = radiograph(anatomy, rays, frontal_exposure(anatomy, noise_seed=None), opacities=opacities)
    rounded: Grey8 = np.rint(grey * 255).astype(np.uint8)
    return rounded
