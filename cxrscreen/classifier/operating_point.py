"""Where a score becomes a finding."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from cxrscreen.classifier.uncertain_band import UncertainBand
from cxrscreen.errors import CalibrationError
from cxrscreen.types import Diseased, Scores


class Finding(StrEnum):
    """What a prediction says; never a diagnosis."""

    POSITIVE = "positive"
    NEGATIVE = "negative"
    UNCERTAIN = "uncertain"  # a human reads


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
        score: For COVID-19, in [0, 1]; a probability only where the card has a calibration, and among patients like
            those that it rests on.
        operating_point: Travels with the model's weights.
        band: Likewise; outranks the operating point.
    """

    score: float
    operating_point: OperatingPoint
    band: UncertainBand | None = None

    @property
    def finding(self) -> Finding:
        """By the band, where there is one; else positive at the threshold and above."""
        if self.band is not None:
            if self.band.low <= self.score < self.band.high:
                return Finding.UNCERTAIN
            return Finding.POSITIVE if self.score >= self.band.high else Finding.NEGATIVE
        return Finding.POSITIVE if self.score >= self.operating_point.threshold else Finding.NEGATIVE


def choose_operating_point(scores: Scores, diseased: Diseased, *, min_sensitivity: float) -> OperatingPoint:
    """Return the highest threshold that still reaches ``min_sensitivity``.

    Args:
        scores: Model scores in [0, 1], shape (n,), of radiographs that the model was not fitted on.
        diseased: Reference standard, shape (n,).
        min_sensitivity: Fraction of diseased to catch, in (0, 1].

    Raises:
        CalibrationError: ``diseased`` lacks one of its two classes, a score is no number in [0, 1], or
            ``min_sensitivity`` is out of range.
    """
    if not 0 < min_sensitivity <= 1:
        raise CalibrationError(f"A sensitivity of {min_sensitivity} cannot be asked for. Give a fraction up to 1.")
    if not ((scores >= 0) & (scores <= 1)).all():  # also false where a score is not a number
        raise CalibrationError("A score is not a number from 0 to 1. Train the model again.")
    if diseased.all() or not diseased.any():
        raise CalibrationError("An operating point needs both COVID-19 and normal radiographs. Add the missing class.")
    falling = np.sort(scores[diseased])[::-1]
    caught = np.arange(1, len(falling) + 1) / len(falling)
    threshold = falling[np.argmax(caught >= min_sensitivity)]
    positive = scores >= threshold
    return OperatingPoint(
        threshold=float(threshold),
        sensitivity=float(positive[diseased].mean()),
        specificity=float((~positive[~diseased]).mean()),
    )
