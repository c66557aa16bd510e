"""Who must stay together in a split."""

from __future__ import annotations

from collections.abc import Iterable

from cxrscreen.evaluation.data_report import Likeness
from cxrscreen.labelled.labelled_set import LabelledSet


def joined_patients(labelled: LabelledSet, alike: Iterable[Likeness]) -> tuple[str, ...]:
    """Join patients who share an exposure into one group, so that no pair stands on two sides of a split.

    Args:
        labelled: The whole set.
        alike: From ``likeness.alike``.

    Returns:
        Group of each radiograph, length n: the patient who comes first in the alphabet of those joined, so that a
        set without look-alikes keeps its patients as they are.
    """
    patient_of = {radiograph.file_name: radiograph.patient for radiograph in labelled.radiographs}
    group_of = {patient: patient for patient in labelled.patients}

    def root(patient: str) -> str:
        while (parent := group_of.setdefault(patient, patient)) != patient:
            patient = parent
        return patient

    pairs = [(patient_of[pair.first], patient_of[pair.second]) for pair in alike]
    for one, other in (*labelled.same_person, *pairs):
        first, second = sorted((root(one), root(other)))
        group_of[second] = first
    return tuple(root(patient) for patient in labelled.patients)
