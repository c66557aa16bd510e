"""Which way up a chest radiograph lies, whether it is a negative, and whether it is mirrored, by its edges."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cxrscreen.errors import ModelError
from cxrscreen.radiograph.edges import SIGNATURE_WIDTH, WAYS

RIDGE = 10.0  # 1 to 30 did equally well on patients left out

EdgeSignatures = NDArray[np.floating[Any]]
"""From ``radiograph.edges.edge_signature``: (n, SIGNATURE_WIDTH)."""

EdgeSignaturesAllWays = NDArray[np.floating[Any]]
"""Of each radiograph in the order of ``radiograph.edges.ways``: (n, WAYS, SIGNATURE_WIDTH)."""


class Pose(StrEnum):
    """How a picture must have been changed to look as it does."""

    UPRIGHT = "upright"
    UPSIDE_DOWN = "upside-down"
    SIDEWAYS = "sideways"
    NEGATIVE = "negative"

    @property
    def ways(self) -> tuple[int, ...]:
        """Places in the order of ``radiograph.edges.ways``."""
        return _WAYS_OF[self]


_WAYS_OF = {
    Pose.UPRIGHT: (0, 1),
    Pose.UPSIDE_DOWN: (4, 5),
    Pose.SIDEWAYS: (2, 3, 6, 7),
    Pose.NEGATIVE: tuple(range(8, WAYS)),
}


@dataclass(frozen=True, slots=True)
class PoseReading:
    """What one radiograph looks like.

    Attributes:
        pose: The one that fits best.
        upright: How much better upright fits than the best other pose, about -0.6 to 0.6; below 0 another fits better,
            near 0 nothing fits: then it is hardly a chest.
        lead: How much better ``pose`` fits than the best other one, 0 or more.
        unmirrored: How much better the upright picture fits than its mirror image; below 0 the heart seems to lie on
            the patient's right.
    """

    pose: Pose
    upright: float
    lead: float
    unmirrored: float


class PoseReader:
    """Linear functions of the edges, one for each way to turn, mirror and invert.

    Attributes:
        arrays: ``kernel`` (SIGNATURE_WIDTH, WAYS) in half precision and ``bias`` (WAYS,).
    """

    def __init__(self, arrays: Mapping[str, NDArray[np.floating[Any]]]) -> None:
        shapes = {name: array.shape for name, array in arrays.items()}
        if shapes != {"kernel": (SIGNATURE_WIDTH, WAYS), "bias": (WAYS,)} or not all(
            np.isfinite(array).all() for array in arrays.values()
        ):
            raise ModelError("What tells upright from upside down is damaged. Restore the model's folder.")
        self.arrays: dict[str, NDArray[np.floating[Any]]] = {
            "kernel": arrays["kernel"].astype(np.float16),
            "bias": arrays["bias"].astype(np.float32),
        }

    @classmethod
    def fitted(cls, signatures: EdgeSignaturesAllWays) -> PoseReader:
        """Fit by ridge regression on one-hot targets (Hastie, Tibshirani & Friedman 2009, section 4.2).

        Args:
            signatures: Of upright radiographs, each in all ways.
        """
        rows = signatures.reshape(-1, SIGNATURE_WIDTH).astype(np.float64)
        targets = np.tile(np.eye(WAYS) - 1 / WAYS, (len(signatures), 1))
        middle = rows.mean(axis=0)
        centred = rows - middle
        kernel = np.linalg.solve(centred.T @ centred + RIDGE * np.eye(SIGNATURE_WIDTH), centred.T @ targets)
        kernel = kernel.astype(np.float16)
        return cls({"kernel": kernel, "bias": (1 / WAYS - middle @ kernel).astype(np.float32)})

    def read(self, signatures: EdgeSignatures) -> list[PoseReading]:
        """Read radiographs; result i belongs to row i."""
        kernel, bias = self.arrays["kernel"].astype(np.float64), self.arrays["bias"].astype(np.float64)
        return [_reading(fits) for fits in signatures.astype(np.float64) @ kernel + bias]


def _reading(fits: NDArray[np.float64]) -> PoseReading:
    best = {pose: float(fits[list(pose.ways)].max()) for pose in Pose}
    pose, runner_up, *_ = sorted(best, key=lambda one: -best[one])
    others = max(fit for one, fit in best.items() if one is not Pose.UPRIGHT)
    plain, mirrored = (float(fits[way]) for way in Pose.UPRIGHT.ways)
    return PoseReading(
        pose=pose,
        upright=best[Pose.UPRIGHT] - others,
        lead=best[pose] - best[runner_up],
        unmirrored=plain - mirrored,
    )
