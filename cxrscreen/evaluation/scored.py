"""Scores beside the truth, as every figure needs them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from cxrscreen.errors import DataSetError
from cxrscreen.types import Diseased, Scores


@dataclass(frozen=True, slots=True, eq=False)
class Scored:
    """Radiographs of both classes with their scores.

    Attributes:
        scores: Shape (n,).
        diseased: Reference standard, shape (n,).
        patients: Patient of each radiograph, length n.

    Raises:
        DataSetError: A class is missing, or a score is not a number.
    """

    scores: Scores
    diseased: Diseased
    patients: Sequence[str] = field(repr=False)

    def __post_init__(self) -> None:
        if self.diseased.all() or not self.diseased.any():
            raise DataSetError("Figures need both COVID-19 and normal radiographs. Add the missing class.")
        if not np.isfinite(self.scores).all():
            raise DataSetError("A score is not a number. Train the model again.")

    def part(self, members: NDArray[np.bool_]) -> Scored:
        """The radiographs that ``members``, shape (n,), marks.

        Raises:
            DataSetError: They lack a class.
        """
        return Scored(self.scores[members], self.diseased[members], np.asarray(self.patients)[members].tolist())

    def patients_of_smaller_class(self) -> int:
        """Patients with diseased radiographs or patients with healthy ones, whichever are fewer."""
        patients = np.asarray(self.patients)
        return min(len(np.unique(patients[members])) for members in (self.diseased, ~self.diseased))
