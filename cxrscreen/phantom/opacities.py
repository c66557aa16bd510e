"""Ground glass: where fluid takes the place of air."""

from __future__ import annotations

import numpy as np

from cxrscreen.phantom.anatomy import Anatomy
from cxrscreen.phantom.body import Chest
from cxrscreen.phantom.rays import Lengths, Projection, Rays
from cxrscreen.phantom.texture import random_field


def fluid_share(anatomy: Anatomy, rays: Rays, rng: np.random.Generator) -> Lengths:
    """Return the share of the lung's air that gives way to fluid, shape (rows, columns), 0 to below 1.

    Each patch is a blurred ellipse whose edge a random field frays; patches that overlap add up as
    layers do: what one lets through meets the next.
    """
    chest = Chest(anatomy)
    ragged = 0.26 * random_field(rng, rays, 1.8) + 0.14 * random_field(rng, rays, 0.8)
    mottled = 1 + 0.10 * random_field(rng, rays, 0.5)
    clear = np.ones((rays.rows, rays.columns), rays.precision)
    for patch in anatomy.opacities:
        x = patch.side * (float(chest.lateral(np.array([patch.height]))[0]) - patch.edge_distance)
        at = rays.project(np.array([[x, -3.0, patch.height]]))[0]
        kind = rays.across.dtype.type
        across = (rays.across - kind(at[0])) / kind(patch.half_width)
        up = (rays.up - kind(at[1])) / kind(patch.half_height)
        inside = 1.0 - (across**2 + up**2) + ragged
        soft = np.clip(0.35 + 0.5 * inside, 0, 1)
        weight = kind(patch.filling * (1 if rays.projection is Projection.FRONTAL else 0.5))
        clear *= 1 - np.clip(weight * soft**2 * (3 - 2 * soft) * mottled, 0, 0.9)
    share: Lengths = 1 - clear
    return share
