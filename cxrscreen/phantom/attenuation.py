"""Assemble the body: line integrals of linear attenuation through all its solids."""

from __future__ import annotations

import cv2
import numpy as np

from cxrscreen.phantom import body, skeleton
from cxrscreen.phantom.anatomy import Anatomy
from cxrscreen.phantom.beam import AIR, CORTICAL_BONE, LUNG, SOFT_TISSUE, TRABECULAR_SHARE
from cxrscreen.phantom.opacities import fluid_share
from cxrscreen.phantom.rays import Lengths, Points, Projection, Rays
from cxrscreen.phantom.solids import Superellipsoid, hull, length_outside
from cxrscreen.phantom.texture import random_field
from cxrscreen.phantom.tubes import Tube, add_tree, add_tube
from cxrscreen.phantom.vessels import vascular_trees

SCAPULA = 0.13  # cm of bone in the blade
VERTEBRA = 0.32  # share of solid bone in its walls, which are thin and full of holes


def attenuation(anatomy: Anatomy, rays: Rays, *, opacities: bool) -> Lengths:
    """Return the sum of mu times path length over all materials, shape (rows, columns), no unit.

    Soft tissue fills the body; what lies in it (air, lung, bone) takes its place, so each of these
    counts with the difference of the coefficients.
    """
    rng = np.random.default_rng(anatomy.texture_seed)
    tissue = soft_tissue(anatomy, rays)
    tissue *= 1 + 0.012 * random_field(rng, rays, 1.3)
    lung = aerated_lung(anatomy, rays)
    vessels = _vessels(anatomy, rays, lung, rng)
    parenchyma = 1 + 0.009 * random_field(rng, rays, 0.13) + 0.009 * random_field(rng, rays, 0.45)
    air_in_lung = lung * parenchyma - vessels
    if opacities:
        air_in_lung = air_in_lung * (1 - fluid_share(anatomy, rays, rng))
    total: Lengths = (
        SOFT_TISSUE * tissue
        - (SOFT_TISSUE - LUNG) * air_in_lung
        - (SOFT_TISSUE - AIR) * _free_air(anatomy, rays)
        + (CORTICAL_BONE - SOFT_TISSUE) * bone(anatomy, rays)
    )
    scaled: Lengths = np.maximum(anatomy.size * total, 0)
    return scaled


def soft_tissue(anatomy: Anatomy, rays: Rays) -> Lengths:
    """Return the path length through the whole body, as if it were solid, cm."""
    trunk = body.Chest(anatomy).trunk().span(rays).length
    if rays.projection is Projection.LATERAL:
        return trunk  # the arms are raised out of the picture
    limbs = rays.zeros()
    for arm in body.arms(anatomy):
        add_tube(limbs, arm, rays)
    joined: Lengths = np.sqrt(np.sqrt(trunk**4 + limbs**4))  # a union without a crease
    for breast in body.breasts(anatomy):
        joined += 0.38 * breast.span(rays).length
    return joined


def aerated_lung(anatomy: Anatomy, rays: Rays) -> Lengths:
    """Return the path length through both lungs, less diaphragm, heart and great vessels, cm."""
    chest = body.Chest(anatomy)
    heart = hull(body.heart(anatomy), rays)
    vessels = [solid.span(rays) for solid in (*body.great_vessels(anatomy), *body.along_the_spine(anatomy))]
    total = rays.zeros()
    for side in (body.RIGHT, body.LEFT):
        lung = chest.lung(side).span(rays)
        air = length_outside(lung, chest.dome(side).span(rays), heart)
        displaced = sum((lung & vessel).length for vessel in vessels)
        total += np.maximum(air - displaced, 0)
    return total


def bone(anatomy: Anatomy, rays: Rays) -> Lengths:
    """Return the path length through bone, the marrow spaces counted by their share of bone, cm."""
    total = rays.zeros()
    for rib in skeleton.ribs(anatomy):
        _add_hollow(total, rib, rays, wall=0.8, weight=1.0)
    for shaft in _upper_limb(anatomy, rays):
        _add_hollow(total, shaft, rays, wall=0.82, weight=0.8)
    for arch in skeleton.vertebral_arches(anatomy):
        _add_hollow(total, arch, rays, wall=0.72, weight=0.25)
    for outer, inner in skeleton.vertebral_bodies(anatomy):
        _add_box(total, outer, inner, rays)
    for plate in skeleton.scapular_plates(anatomy) if rays.projection is Projection.FRONTAL else ():
        total += SCAPULA * _flat(plate, rays)
    if rays.projection is Projection.LATERAL:  # in the frontal view the breastbone drowns in the mediastinum
        _add_hollow(total, skeleton.sternum(), rays, wall=0.85, weight=0.8)
    return total


def _upper_limb(anatomy: Anatomy, rays: Rays) -> tuple[Tube, ...]:
    """Return the bones that raised arms take out of the lateral view."""
    if rays.projection is Projection.LATERAL:
        return ()
    return (*skeleton.clavicles(anatomy), *skeleton.shoulder_bones(anatomy))


def _vessels(anatomy: Anatomy, rays: Rays, lung: Lengths, rng: np.random.Generator) -> Lengths:
    """Return the path length through vessels; never all of the lung there."""
    total = rays.zeros()
    for tree in vascular_trees(anatomy, rng):
        add_tree(total, tree, rays)
    within: Lengths = np.minimum(total, 0.8 * lung)
    return within


def _free_air(anatomy: Anatomy, rays: Rays) -> Lengths:
    total = rays.zeros()
    for airway in body.airways(anatomy):
        add_tube(total, airway, rays)
    kind = rays.across.dtype.type
    for bubble in body.stomach_gas(anatomy):
        fluid_level = np.clip((rays.up - kind(bubble.centre[2] - 0.35 * bubble.radii[2])) / kind(0.15), 0, 1)
        total += kind(0.45) * fluid_level * bubble.span(rays).length
    return total


def _add_hollow(lengths: Lengths, tube: Tube, rays: Rays, *, wall: float, weight: float) -> None:
    """Add a bone with a marrow space of ``wall`` times its radius."""
    add_tube(lengths, tube, rays, weight=weight)
    add_tube(lengths, tube.narrowed(wall), rays, weight=-weight * (1 - TRABECULAR_SHARE))


def _add_box(lengths: Lengths, outer: Superellipsoid, inner: Superellipsoid, rays: Rays) -> None:
    """Add a vertebral body; only the pixels that it covers are visited."""
    at = rays.project(np.array([outer.centre]))[0, :2]
    (axis, _), _ = rays.projection.value
    reach = np.array([outer.radii[axis], outer.radii[2]])
    low, high = at - reach, at + reach
    window = rays.window((low[0], low[1]), (high[0], high[1]))
    near = rays.cropped(window)
    if near.rows and near.columns:
        lengths[window] += VERTEBRA * (outer.span(near).length - (1 - TRABECULAR_SHARE) * inner.span(near).length)


def _flat(outline: Points, rays: Rays) -> Lengths:
    """Return 1 inside an outline seen flat, 0 outside, softened over 1 mm."""
    corner = np.array([rays.across[0, 0], -rays.up[0, 0]])
    seen = rays.project(outline)[:, :2] * [1, -1]
    filled = np.zeros((rays.rows, rays.columns), np.uint8)
    cv2.fillPoly(filled, [np.rint((seen - corner) / rays.pitch * 16).astype(np.int32)], 1, shift=4)
    softened: Lengths = cv2.GaussianBlur(filled.astype(rays.precision), (0, 0), 0.1 / rays.pitch)
    return softened
