"""Which radiographs of a labelled folder a model has learnt from: on these, its figures prove nothing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cxrscreen.classifier.bundle import read_card, read_making
from cxrscreen.labelled.labelled_set import LabelledSet
from cxrscreen.labelled.splits import TEST_SEED, split_by_patient


def developed_on(bundle: Path, labelled: LabelledSet) -> frozenset[str] | None:
    """SHA-256 of the files that a model was trained and calibrated on.

    Args:
        bundle: Of the model.
        labelled: The whole set; a model without a record of its making is known if it was made from this very set.

    Returns:
        ``None`` where nobody knows.

    Raises:
        ModelError: The bundle is damaged.
    """
    making = read_making(bundle)
    if making is not None:
        return frozenset(making.development)
    card = read_card(bundle)
    if card.data_set.fingerprint != labelled.fingerprint or card.seed != TEST_SEED:
        return None
    # Before makings were kept, a model's own seed drew its test part: with this seed the part that is still drawn.
    split = split_by_patient(labelled.patients, labelled.diseased, seed=card.seed)
    return frozenset(labelled.radiographs[position].sha256 for position in split.development)


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
