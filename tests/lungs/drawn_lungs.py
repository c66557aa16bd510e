"""Masks of lungs drawn as ellipses, and phantoms that know where their lungs are."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from cxrscreen.lungs.fields import MASK_SIDE, Mask
from cxrscreen.phantom.anatomy import Anatomy
from cxrscreen.phantom.attenuation import aerated_lung
from cxrscreen.phantom.thorax import frontal_exposure, frontal_rays, radiograph
from cxrscreen.types import Grey8

AIR_CM = 4.0  # path through aerated lung from which a person would draw it: less lies below the dome

Ellipse = tuple[float, float, float, float]  # middle column and row, half width and half height, parts of the side

RIGHT: Ellipse = (0.28, 0.46, 0.14, 0.34)
LEFT: Ellipse = (0.72, 0.48, 0.13, 0.33)


def lungs(*ellipses: Ellipse) -> Mask:
    picture = np.zeros((MASK_SIDE, MASK_SIDE), dtype=np.uint8)
    for across, down, wide, high in ellipses:
        middle = round(across * MASK_SIDE), round(down * MASK_SIDE)
        cv2.ellipse(picture, middle, (round(wide * MASK_SIDE), round(high * MASK_SIDE)), 0, 0, 360, 1, cv2.FILLED)
    return picture.astype(np.bool_)


@cache
def phantom(seed: int, side: int = MASK_SIDE) -> tuple[Grey8, NDArray[np.bool_]]:
    """Draw a noiseless phantom and the lungs that its rays pass through."""
    anatomy = Anatomy.drawn(seed)
    rays = frontal_rays(anatomy, side, side)
    grey = radiograph(anatomy, rays, frontal_exposure(anatomy, noise_seed=None), opacities=False)
    pixels, mask = np.rint(grey * 255).astype(np.uint8), aerated_lung(anatomy, rays) > AIR_CM
    pixels.flags.writeable = mask.flags.writeable = False  # one drawing serves many tests
    return pixels, mask


def draw_lung_folder(folder: Path, *, patients: int) -> Path:
    """Write one phantom of each patient with its mask, as ``train-lungs`` reads them."""
    lines = ["filename,mask,patient_id,license"]
    for name in ("radiographs", "masks"):
        (folder / name).mkdir(parents=True)
    for seed in range(patients):
        pixels, mask = phantom(seed)
        cv2.imwrite(str(folder / f"radiographs/{seed}.png"), pixels)
        cv2.imwrite(str(folder / f"masks/{seed}.png"), 255 * mask.astype(np.uint8))
        lines.append(f"radiographs/{seed}.png,masks/{seed}.png,PAT-{seed},drawn")
    (folder / "metadata.csv").write_text("\n".join([*lines, ""]))
    return folder
