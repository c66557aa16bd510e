"""Where a score becomes a finding."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Finding(StrEnum):
    """What a prediction says; never a diagnosis."""

    POSITIVE = "positive"
    NEGATIVE = "negative"


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatingPoint:
    """A threshold with what it achieved where it was chosen.

    Attributes:
        threshold: Positive when score >= threshold, in [0, 1].
        sensitivity: Fraction of diseased found on the calibration set.
        specificity: Fraction of healthy cleared on the calibration set.
    """

    threshold: float
    sensitivity: float
    specificity: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """A score and the operating point that it was held against.

    Attributes:
        score: Raw classifier output for COVID-19, in [0, 1]. Not a probability of disease.
        operating_point: Travels with the model's weights.
    """

    score: float
    operating_point: OperatingPoint

    @property
    def finding(self) -> Finding:
        return Finding.POSITIVE if self.score >= self.operating_point.threshold else Finding.NEGATIVE
