"""From a raw score to a probability that means something where the model was calibrated."""

from __future__ import annotations

import numpy as np
from pydantic import Field

from cxrscreen.classifier.estimate import Estimate, Frozen
from cxrscreen.types import Scores

_NEAREST = 1e-12  # to 0 and 1, so that every score has log-odds


class ReliabilityBin(Frozen):
    """Radiographs of similar score, and how many of them are diseased."""

    mean_score: float
    observed: Estimate


class Calibration(Frozen):
    """The log-odds of the probability are a straight line of the score's log-odds.

    Platt 1999, *Advances in Large Margin Classifiers*, with his priors on the targets; a slope alone would be Guo's
    temperature (arXiv 1706.04599). The slope is positive, so that no calibration changes the order of two radiographs.

    Attributes:
        slope: Below 1 where raw scores are too sure of themselves.
        intercept: In log-odds.
        prevalence: Share of diseased in the set; the probability is one among patients like these.
        n: Radiographs, each scored by a head that had not seen its patient.
        brier_before: Of the raw scores, mean squared distance to the truth.
        brier_after: Of calibrated ones; each fold is calibrated by the line through the other folds.
        brier_change: After minus before, paired; below 0 where calibrating helps.
        curve_before: Of the raw scores, by rising score.
        curve_after: Of the same cross-fitted scores as ``brier_after``.
    """

    slope: float = Field(gt=0)
    intercept: float
    prevalence: float = Field(gt=0, lt=1)
    n: int
    brier_before: Estimate
    brier_after: Estimate
    brier_change: Estimate | None = None
    curve_before: tuple[ReliabilityBin, ...]
    curve_after: tuple[ReliabilityBin, ...]

    def probabilities(self, scores: Scores) -> Scores:
        """Calibrate raw scores in [0, 1], shape (n,)."""
        return calibrated(scores, slope=self.slope, intercept=self.intercept)


def calibrated(scores: Scores, *, slope: float, intercept: float) -> Scores:
    """Move scores along a straight line of their log-odds; shape (n,), in [0, 1] as they are."""
    probabilities: Scores = 0.5 * (1.0 + np.tanh(0.5 * (slope * log_odds(scores) + intercept)))
    return probabilities


def log_odds(scores: Scores) -> Scores:
    """Natural logarithm of a score over its rest, finite also for 0 and 1; shape (n,)."""
    inside = np.clip(scores, _NEAREST, 1 - _NEAREST)
    odds: Scores = np.log(inside) - np.log1p(-inside)
    return odds
