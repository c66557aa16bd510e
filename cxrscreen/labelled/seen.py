"""Which radiographs of a labelled folder a model has learnt from: on these, its figures prove nothing."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cxrscreen.labelled.labelled_set import LabelledSet


def of_same_patients(files: frozenset[str], labelled: LabelledSet, patients: Sequence[str]) -> NDArray[np.bool_]:
    """Mark all radiographs of the patients who have one among ``files``.

    Args:
        files: SHA-256 of their contents.
        labelled: The whole set.
        patients: Of each radiograph, length n; from ``joined_patients``.

    Returns:
        Shape (n,).
    """
    known = {
        patient
        for patient, radiograph in zip(patients, labelled.radiographs, strict=True)
        if radiograph.sha256 in files
    }
    return np.array([patient in known for patient in patients], dtype=np.bool_)
