"""Shifted copies of prepared radiographs: drawn first, then applied without chance."""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

from cxrscreen.classifier.making import Augmentation
from cxrscreen.types import PreparedBatch

Shifts = NDArray[np.int64]
"""Pixels by which each copy moves: (n, copies, 2), down and to the right, negative up and to the left."""

ShiftedBatch = NDArray[np.uint8]
"""Shifted classifier inputs: (n, copies, 224, 224, 3)."""


def draw_shifts(prepared: PreparedBatch, augmentation: Augmentation, *, seed: int) -> Shifts:
    """Draw where each copy goes, uniformly, from the seed and the radiograph's own pixels.

    So neither the order of the radiographs nor what else is among them moves a shift.

    Args:
        prepared: Shape (n, 224, 224, 3).
        augmentation: How many copies, and how far they may go.
        seed: Any non-negative integer.
    """
    most = int(augmentation.max_shift * prepared.shape[1])
    shifts = np.empty((len(prepared), augmentation.copies, 2), dtype=np.int64)
    for radiograph, own in zip(prepared, shifts, strict=True):
        content = int.from_bytes(hashlib.sha256(radiograph.tobytes()).digest())
        own[:] = np.random.default_rng([seed, content]).integers(-most, most, endpoint=True, size=own.shape)
    return shifts


def shifted(prepared: PreparedBatch, shifts: Shifts) -> ShiftedBatch:
    """Move whole pixels and repeat the edge where nothing is left, as Keras' ``fill_mode="nearest"`` did in the study.

    Args:
        prepared: Shape (n, 224, 224, 3).
        shifts: From ``draw_shifts``.
    """
    rows, columns = (np.arange(side) for side in prepared.shape[1:3])
    copies = np.empty((*shifts.shape[:2], *prepared.shape[1:]), dtype=prepared.dtype)
    for radiograph, own_shifts, own_copies in zip(prepared, shifts, copies, strict=True):
        for (down, right), copy in zip(own_shifts, own_copies, strict=True):
            from_rows = np.clip(rows - down, 0, rows[-1])
            from_columns = np.clip(columns - right, 0, columns[-1])
            copy[:] = radiograph[np.ix_(from_rows, from_columns)]
    return copies
