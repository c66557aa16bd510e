"""Calibration and uncertain band of a model, both from out-of-fold scores, and what they achieve on folds held out."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from cxrscreen.classifier.calibration import Calibration, calibrated, log_odds
from cxrscreen.classifier.estimate import Estimate
from cxrscreen.classifier.operating_point import choose_operating_point
from cxrscreen.classifier.uncertain_band import UncertainBand, choose_band
from cxrscreen.errors import CalibrationError
from cxrscreen.evaluation.comparison import brier_difference
from cxrscreen.evaluation.curves import calibration as reliability
from cxrscreen.evaluation.intervals import fraction
from cxrscreen.evaluation.metrics import brier
from cxrscreen.evaluation.scored import Scored
from cxrscreen.labelled.splits import Indices
from cxrscreen.types import Diseased, Scores

LARGEST_ERROR = 0.05
MIN_SENSITIVITY = 0.95

Folds = Sequence[tuple[Indices, Indices]]


def calibrate(scored: Scored, folds: Folds, *, seed: int) -> Calibration:
    """Fit the line on all out-of-fold scores; say what it achieves from lines that each fold had no part in.

    Args:
        scored: Raw scores of the development part, each by a head that had not seen the patient.
        folds: Pairs (training, validation) of positions in it that the heads were fitted on.
        seed: Of the bootstrap.

    Raises:
        CalibrationError: Higher scores do not mean more disease.
    """
    slope, intercept = _line(scored.scores, scored.diseased)

    def moved(train: Indices, validation: Indices) -> Scores:
        part_slope, part_intercept = _line(scored.scores[train], scored.diseased[train])
        return calibrated(scored.scores[validation], slope=part_slope, intercept=part_intercept)

    after = Scored(_cross_fitted(folds, len(scored.scores), moved), scored.diseased, scored.patients)
    before_and_after = brier(scored, seed=seed), brier(after, seed=seed)
    return Calibration(
        slope=slope,
        intercept=intercept,
        prevalence=float(scored.diseased.mean()),
        n=len(scored.scores),
        brier_before=before_and_after[0],
        brier_after=before_and_after[1],
        brier_change=brier_difference(scored, after, before_and_after, seed=seed),
        curve_before=reliability(scored),
        curve_after=reliability(after),
    )


def band_of(
    scored: Scored,
    folds: Folds,
    *,
    largest_error: float = LARGEST_ERROR,
    min_sensitivity: float = MIN_SENSITIVITY,
) -> UncertainBand:
    """Choose the band on all out-of-fold scores; count its errors with bands that each fold had no part in.

    Args:
        scored: Calibrated, if they can be.
        folds: Pairs (choosing, measuring) of positions; each radiograph is measured once.
        largest_error: Of each class, outside of the band.
        min_sensitivity: Of the operating point that the band must hold.

    Raises:
        CalibrationError: A class has too few radiographs for such rare errors.
    """

    def chosen(scores: Scores, diseased: Diseased) -> tuple[float, float]:
        point = choose_operating_point(scores, diseased, min_sensitivity=min_sensitivity)
        return choose_band(scores, diseased, largest_error=largest_error, around=point.threshold)

    def side_of(train: Indices, validation: Indices) -> Scores:
        limits = chosen(scored.scores[train], scored.diseased[train])
        return np.searchsorted(limits, scored.scores[validation], side="right").astype(np.float64)

    low, high = chosen(scored.scores, scored.diseased)
    side = _cross_fitted(folds, len(scored.scores), side_of)  # 0 negative, 1 uncertain, 2 positive

    def share(called: int, of: NDArray[np.bool_]) -> Estimate:
        return fraction(int((side[of] == called).sum()), int(of.sum()))

    return UncertainBand(
        low=low,
        high=high,
        largest_error=largest_error,
        missed=share(0, scored.diseased),
        found=share(2, scored.diseased),
        false_alarms=share(2, ~scored.diseased),
        cleared=share(0, ~scored.diseased),
        uncertain=share(1, np.ones_like(scored.diseased)),
    )


def _cross_fitted(folds: Folds, n: int, apply: Callable[[Indices, Indices], Scores]) -> Scores:
    values = np.full(n, np.nan)
    for train, validation in folds:
        values[validation] = apply(train, validation)
    return values


def _line(scores: Scores, diseased: Diseased) -> tuple[float, float]:
    """Fit slope and intercept by maximum likelihood with Platt's targets, which keep both finite where classes part."""
    positives, negatives = int(diseased.sum()), int((~diseased).sum())
    target = np.where(diseased, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    x = np.tile(log_odds(scores), 2)[:, np.newaxis]
    regression = LogisticRegression(C=np.inf, max_iter=1000)  # no penalty
    regression.fit(x, np.repeat([1, 0], len(scores)), sample_weight=np.concatenate([target, 1 - target]))
    slope, intercept = float(regression.coef_[0, 0]), float(regression.intercept_[0])
    if slope <= 0:
        raise CalibrationError(
            "On the held-out folds higher scores do not mean more disease, so nothing can be calibrated. "
            "Check the labels, or train another recipe."
        )
    return slope, intercept
