"""Which part of the radiograph an activation map speaks of."""

from __future__ import annotations

from dataclasses import dataclass, fields

import cv2
import numpy as np
from numpy.typing import NDArray

from cxrscreen.lungs.fields import MASK_SIDE, Box
from cxrscreen.lungs.regions import Regions
from cxrscreen.types import ActivationMap

WHOLE: Box = (0.0, 0.0, 1.0, 1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionShare:
    """One region under one map.

    Attributes:
        energy: Share of the map's sum that lies in the region, 0 to 1.
        area: Share of the picture that the region takes, 0 to 1.
    """

    energy: float
    area: float

    @property
    def against_chance(self) -> float | None:
        """Energy over area: 1 for a map that is the same everywhere; ``None`` for a region without area."""
        return self.energy / self.area if self.area > 0 else None


@dataclass(frozen=True, slots=True, kw_only=True)
class MapAudit:
    """Where an activation map lies. Regions overlap and leave the rest of the body out: shares do not add up to 1."""

    lungs: RegionShare
    clavicles: RegionShare
    mediastinum: RegionShare
    border: RegionShare
    text: RegionShare


def audit_map(activation_map: ActivationMap, regions: Regions, *, box: Box = WHOLE) -> MapAudit | None:
    """Measure a map against the regions of its radiograph; ``None`` for a map that is zero everywhere.

    Args:
        activation_map: Shape (rows, columns) of cells, 0 to 1.
        regions: Of the whole radiograph.
        box: The part of the radiograph that the map covers.
    """
    spread = spread_map(activation_map, box)
    total = float(spread.sum())
    if total <= 0:
        return None
    masks = {one.name: getattr(regions, one.name) for one in fields(Regions)}
    shares = {
        name: RegionShare(energy=float(spread[mask].sum()) / total, area=float(mask.mean()))
        for name, mask in masks.items()
    }
    return MapAudit(**shares)


def spread_map(activation_map: ActivationMap, box: Box = WHOLE) -> NDArray[np.float32]:
    """Stretch a map over its part of the radiograph, as the overlay shows it; (MASK_SIDE, MASK_SIDE), 0 outside."""
    top, left, bottom, right = (round(edge * MASK_SIDE) for edge in box)
    spread = np.zeros((MASK_SIDE, MASK_SIDE), dtype=np.float32)
    stretched = cv2.resize(
        activation_map.astype(np.float32), (right - left, bottom - top), interpolation=cv2.INTER_CUBIC
    )
    spread[top:bottom, left:right] = np.clip(stretched, 0, 1)
    return spread
