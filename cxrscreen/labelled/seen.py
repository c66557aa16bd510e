"""Which radiographs of a labelled folder a model has learnt from: on these, its figures prove nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from cxrscreen.evaluation.result import SeenBy
from cxrscreen.labelled.labelled_set import LabelledSet
from cxrscreen.labelled.splits import Indices
from cxrscreen.lungs.card import LungCard


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """What can be told of n radiographs.

    Attributes:
        by_file: The model has learnt from this very file, shape (n,).
        by_content: The model's gate recognises it by what it shows, in whatever file, shape (n,); ``None`` where there
            is no gate, so that only files can be recognised.
        patients: It is one of these, or of the same patient as one of them, shape (n,).
    """

    by_file: NDArray[np.bool_] = field(repr=False)
    by_content: NDArray[np.bool_] | None = field(repr=False)
    patients: NDArray[np.bool_] = field(repr=False)

    @classmethod
    def of(
        cls,
        files: frozenset[str],
        labelled: LabelledSet,
        patients: Sequence[str],
        by_content: NDArray[np.bool_] | None = None,
    ) -> Seen:
        """Mark all radiographs of the patients who have one that was learnt from.

        Args:
            files: SHA-256 of the files that were learnt from.
            labelled: The whole set.
            patients: Of each radiograph, length n; from ``joined_patients``.
            by_content: From ``Gate.knows``.
        """
        by_file = np.array([one.sha256 in files for one in labelled.radiographs], dtype=np.bool_)
        known = by_file if by_content is None else by_file | by_content
        theirs = {patient for patient, is_known in zip(patients, known.tolist(), strict=True) if is_known}
        return cls(by_file, by_content, np.array([patient in theirs for patient in patients], dtype=np.bool_))

    def counted(self, part: Indices) -> SeenBy:
        """Count what was recognised by which, among some of the radiographs."""
        others = None if self.by_content is None else int((self.by_content & ~self.by_file)[part].sum())
        return SeenBy(files=int(self.by_file[part].sum()), content=others)


def learnt_by_segmenter(card: LungCard, labelled: LabelledSet, patients: Sequence[str]) -> NDArray[np.bool_] | None:
    """Mark the radiographs of all patients who, or whose look-alikes, have a number that the segmenter knows.

    A number means the same patient only where this set and the segmenter's number their patients alike.

    Args:
        card: Of the segmenter.
        labelled: The whole set.
        patients: Of each radiograph, length n; from ``joined_patients``.

    Returns:
        Shape (n,); ``None`` where the card does not say from whom it has learnt, or the set names no patients.
    """
    numbers = card.learnt(radiograph.patient for radiograph in labelled.radiographs)
    if numbers is None or not any(radiograph.names_patient for radiograph in labelled.radiographs):
        return None
    groups = np.asarray(patients)
    return np.isin(groups, groups[numbers])
