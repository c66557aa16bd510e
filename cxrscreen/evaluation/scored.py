"""Scores beside the truth, as every figure needs them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from cxrscreen.errors import DataSetError
from cxrscreen.types import Diseased, Scores


@dataclass(frozen=True, slots=True)
class Scored:
    """Radiographs of both classes with their scores.

    Attributes:
        scores: Shape (n,).
        diseased: Reference standard, shape (n,).
        patients: Patient of each radiograph, length n.

    Raises:
        DataSetError: A class is missing.
    """

    scores: Scores
    diseased: Diseased
    patients: Sequence[str] = field(repr=False)

    def __post_init__(self) -> None:
        if self.diseased.all() or not self.diseased.any():
            raise DataSetError("Figures need both COVID-19 and normal radiographs. Add the missing class.")
