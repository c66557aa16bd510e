"""Sensitivity, specificity, accuracy and AUC, each with its interval; accuracy never stands alone."""

from __future__ import annotations

import numpy as np

from cxrscreen.classifier.card import Performance
from cxrscreen.classifier.estimate import Estimate
from cxrscreen.evaluation.intervals import DRAWS, bootstrap_auc, wilson
from cxrscreen.evaluation.scored import Scored
from cxrscreen.types import Diseased, Scores


def performance(name: str, scored: Scored, *, threshold: float, seed: int) -> Performance:
    """All figures of one set of radiographs.

    Args:
        name: What the set is called on the card.
        scored: Scores in [0, 1] beside the truth.
        threshold: Positive when score >= threshold.
        seed: Of the bootstrap.
    """
    diseased, positive = scored.diseased, scored.scores >= threshold
    n, n_diseased = len(diseased), int(diseased.sum())
    return Performance(
        name=name,
        n=n,
        positives=n_diseased,
        patients=len(set(scored.patients)),
        auc=auc(scored, seed=seed),
        sensitivity=fraction(int((positive & diseased).sum()), n_diseased),
        specificity=fraction(int((~positive & ~diseased).sum()), n - n_diseased),
        accuracy=fraction(int((positive == diseased).sum()), n),
    )


def fraction(successes: int, n: int) -> Estimate:
    """A fraction of radiographs with its Wilson interval."""
    low, high = wilson(successes, n)
    return Estimate(value=successes / n, low=low, high=high, n=n, method="Wilson, radiographs taken as independent")


def auc(scored: Scored, *, seed: int) -> Estimate:
    """Area under the ROC curve with its bootstrap interval by patient.

    A perfect separation leaves the bootstrap nothing to vary; its lower limit is then Wilson's for
    as many successes as the smaller class has patients, and the method says so.
    """
    value = auc_value(scored.scores, scored.diseased)
    if value < 1:
        low, high = bootstrap_auc(scored, seed=seed)
        method = f"bootstrap by patient, {DRAWS} draws"
    else:
        patients = np.asarray(scored.patients)
        smaller = min(len(set(patients[members])) for members in (scored.diseased, ~scored.diseased))
        low, high = wilson(smaller, smaller)
        method = f"perfect separation: Wilson, {smaller} of {smaller} patients of the smaller class"
    return Estimate(value=value, low=low, high=high, n=len(scored.scores), method=method)


def auc_value(scores: Scores, diseased: Diseased) -> float:
    """Probability that a diseased radiograph scores above a healthy one, ties counted half (Mann-Whitney)."""
    distinct, place = np.unique(scores, return_inverse=True)
    of_diseased = np.bincount(place[diseased], minlength=len(distinct))
    of_healthy = np.bincount(place[~diseased], minlength=len(distinct))
    below = np.cumsum(of_healthy) - of_healthy
    wins = float((of_diseased * (below + of_healthy / 2)).sum())
    return wins / (float(of_diseased.sum()) * float(of_healthy.sum()))
