"""Every headline figure of one set, each with its interval; accuracy never stands alone.

Fractions of radiographs have Wilson's interval. The others are redrawn by patient, unless that would
deceive: a bootstrap of a perfect separation does not vary, and one of very few patients varies too
little. Such a figure gets an interval that is too wide rather than too narrow, and its method says so.

Measured on simulated sets of independent patients (400 each, true AUC 0.75 to 0.99): the bootstrap of the AUC holds
the truth in 0.90 to 0.94 of the sets from 8 patients a class on, Wilson on the smaller class in 0.96 to 1.00.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from cxrscreen.classifier.card import Performance
from cxrscreen.classifier.estimate import Estimate
from cxrscreen.evaluation import weighted
from cxrscreen.evaluation.intervals import (
    DRAWS,
    Limits,
    Weights,
    bootstrap,
    fraction,
    square_and_add,
    wilson_of_mean,
)
from cxrscreen.evaluation.result import Confusion, Figures
from cxrscreen.evaluation.scored import Scored
from cxrscreen.evaluation.weighted import Values
from cxrscreen.types import Diseased, Scores

FEW_PATIENTS = 10  # of the smaller class; below, nothing is redrawn
BOOTSTRAP = f"bootstrap by patient, {DRAWS} draws"

_NO_WIDTH = 1e-12  # rounding, not variation


def figures(scored: Scored, *, threshold: float, seed: int) -> Figures:
    """Every headline figure of one set of radiographs.

    Args:
        scored: Scores in [0, 1] beside the truth.
        threshold: Positive when score >= threshold.
        seed: Of the bootstrap.
    """
    table = confusion(scored, threshold=threshold)
    n, positives = len(scored.diseased), table.true_positive + table.false_negative
    called_positive = table.true_positive + table.false_positive
    return Figures(
        n=n,
        positives=positives,
        patients=len(set(scored.patients)),
        confusion=table,
        accuracy=fraction(table.true_positive + table.true_negative, n),
        precision=fraction(table.true_positive, called_positive) if called_positive else None,
        sensitivity=fraction(table.true_positive, positives),
        specificity=fraction(table.true_negative, n - positives),
        balanced_accuracy=balanced_accuracy(scored, threshold=threshold, seed=seed),
        auc=auc(scored, seed=seed),
        average_precision=average_precision(scored, seed=seed),
        brier=brier(scored, seed=seed),
    )


def performance(name: str, scored: Scored, *, threshold: float, seed: int) -> Performance:
    """The figures that stand on a model's card; ``name`` is what the set is called there."""
    return performance_of(name, figures(scored, threshold=threshold, seed=seed))


def performance_of(name: str, found: Figures) -> Performance:
    """Those of the figures that stand on a model's card; ``name`` is what the set is called there."""
    return Performance(
        name=name,
        n=found.n,
        positives=found.positives,
        patients=found.patients,
        auc=found.auc,
        sensitivity=found.sensitivity,
        specificity=found.specificity,
        accuracy=found.accuracy,
    )


def confusion(scored: Scored, *, threshold: float) -> Confusion:
    """Radiographs by truth and finding; positive when score >= threshold."""
    diseased, positive = scored.diseased, scored.scores >= threshold
    return Confusion(
        true_positive=int((positive & diseased).sum()),
        false_negative=int((~positive & diseased).sum()),
        false_positive=int((positive & ~diseased).sum()),
        true_negative=int((~positive & ~diseased).sum()),
    )


def auc(scored: Scored, *, seed: int) -> Estimate:
    """Area under the ROC curve."""

    def redrawn(weights: Weights) -> Values:
        return weighted.auc(scored.scores, scored.diseased, weights)

    value = auc_value(scored.scores, scored.diseased)
    limits, method = _limits(value, redrawn, scored, independent=scored.patients_of_smaller_class(), seed=seed)
    return _estimate(value, limits, len(scored.scores), method)


def auc_value(scores: Scores, diseased: Diseased) -> float:
    """Probability that a diseased radiograph scores above a healthy one, ties counted half (Mann-Whitney)."""
    return float(weighted.auc(scores, diseased, np.ones((1, len(scores))))[0])


def average_precision(scored: Scored, *, seed: int) -> Estimate:
    """Area under the precision-recall curve, in steps; it moves with the share of diseased in the set.

    Where it cannot be redrawn, Wilson on the smaller class is no proven bound, as it is for an AUC: its steps depend on
    each other. Measured on simulated sets (400 each, 4 to 200 independent patients a class, true AUC 0.5 to 0.998), it
    held the truth in 0.95 to 1.00 of them, but in 0.92 where a poor model met 5 diseased among 105.
    """

    def redrawn(weights: Weights) -> Values:
        return weighted.average_precision(scored.scores, scored.diseased, weights)

    value = float(redrawn(np.ones((1, len(scored.scores))))[0])
    limits, method = _limits(value, redrawn, scored, independent=scored.patients_of_smaller_class(), seed=seed)
    return _estimate(value, limits, len(scored.scores), method)


def brier(scored: Scored, *, seed: int) -> Estimate:
    """Mean squared distance of score and truth, scores in [0, 1]; a score of 0.5 throughout has 0.25."""

    def redrawn(weights: Weights) -> Values:
        return weighted.brier(scored.scores, scored.diseased, weights)

    value = float(redrawn(np.ones((1, len(scored.scores))))[0])
    limits, method = _limits(value, redrawn, scored, independent=len(set(scored.patients)), seed=seed)
    return _estimate(value, limits, len(scored.scores), method)


def balanced_accuracy(scored: Scored, *, threshold: float, seed: int) -> Estimate:
    """Mean of sensitivity and specificity at the threshold.

    Where one of the two is 0 or 1 its share never varies between draws, so the Wilson limits of both are joined.
    """
    positive, diseased = scored.scores >= threshold, scored.diseased
    found = fraction(int((positive & diseased).sum()), int(diseased.sum()))
    cleared = fraction(int((~positive & ~diseased).sum()), int((~diseased).sum()))
    value = (found.value + cleared.value) / 2
    if {found.value, cleared.value} & {0.0, 1.0} or scored.patients_of_smaller_class() < FEW_PATIENTS:
        halves = [(part.value / 2, (part.low / 2, part.high / 2)) for part in (found, cleared)]
        method = "Wilson limits of sensitivity and specificity, squared and added"
        return _estimate(value, square_and_add(value, *halves), len(diseased), method)

    def redrawn(weights: Weights) -> Values:
        of_diseased = weighted.sensitivity(positive, diseased, weights)
        return (of_diseased + weighted.specificity(positive, diseased, weights)) / 2

    limits, method = _limits(value, redrawn, scored, independent=scored.patients_of_smaller_class(), seed=seed)
    return _estimate(value, limits, len(diseased), method)


def _limits(
    value: float, redrawn: Callable[[Weights], Values], scored: Scored, *, independent: int, seed: int
) -> tuple[Limits, str]:
    """Redrawn where that may be trusted, else Wilson on the patients that the figure rests on."""
    if independent >= FEW_PATIENTS:
        (limits,) = bootstrap(lambda weights: redrawn(weights)[:, np.newaxis], scored.patients, seed=seed)
        if limits and limits[1] - limits[0] > _NO_WIDTH:
            return limits, BOOTSTRAP
    if auc_value(scored.scores, scored.diseased) == 1:
        why = "perfect separation"
    elif independent < FEW_PATIENTS:
        why = f"fewer than {FEW_PATIENTS} patients to redraw"
    else:
        why = "every draw is the same"
    patients = "1 patient" if independent == 1 else f"{independent} patients"
    return wilson_of_mean(value, independent), f"{why}: Wilson on {patients}"


def _estimate(value: float, limits: Limits, n: int, method: str) -> Estimate:
    return Estimate(value=value, low=max(0.0, limits[0]), high=min(1.0, limits[1]), n=n, method=method)
