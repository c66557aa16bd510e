"""The figures of many weightings of the same radiographs at once, which is what a bootstrap asks for.

Each function takes whole-number weights of shape (draws, n) and gives shape (draws,), NaN where the figure has no
meaning. Weights of 1 give the figure itself.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cxrscreen.evaluation.intervals import Weights
from cxrscreen.types import Diseased, Scores

Values = NDArray[np.float64]
"""One figure of each draw: (draws,)."""


def cumulative(scores: Scores, diseased: Diseased, weights: Weights) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """True and false positives when the threshold falls through the distinct scores, the highest first.

    Returns:
        Both of shape (draws, distinct scores); radiographs of one score turn positive together.
    """
    order = np.argsort(-scores, kind="stable")
    falling = scores[order]
    last_of_step = np.append(falling[1:] != falling[:-1], [True])
    drawn, truth = weights[:, order], diseased[order]
    return (
        np.cumsum(drawn * truth, axis=1)[:, last_of_step],
        np.cumsum(drawn * ~truth, axis=1)[:, last_of_step],
    )


def auc(scores: Scores, diseased: Diseased, weights: Weights) -> Values:
    """Probability that a diseased radiograph scores above a healthy one, ties counted half (Mann-Whitney)."""
    true_positive, false_positive = cumulative(scores, diseased, weights)
    higher = np.diff(true_positive, axis=1, prepend=0)
    healthy_not_above = false_positive[:, -1:] - false_positive + np.diff(false_positive, axis=1, prepend=0) / 2
    return _divided((higher * healthy_not_above).sum(axis=1), true_positive[:, -1] * false_positive[:, -1])


def average_precision(scores: Scores, diseased: Diseased, weights: Weights) -> Values:
    """Precision at each threshold, weighted by the sensitivity that the threshold adds; no interpolation.

    As scikit-learn's ``average_precision_score``.
    """
    true_positive, false_positive = cumulative(scores, diseased, weights)
    found = np.diff(true_positive, axis=1, prepend=0)
    precision = true_positive / np.maximum(true_positive + false_positive, 1)  # a weight is whole, so 0 or at least 1
    return _divided((found * precision).sum(axis=1), true_positive[:, -1])


def sensitivity(positive: NDArray[np.bool_], diseased: Diseased, weights: Weights) -> Values:
    """Share of the diseased that is positive."""
    return _divided(_sum(weights, positive & diseased), _sum(weights, diseased))


def specificity(positive: NDArray[np.bool_], diseased: Diseased, weights: Weights) -> Values:
    """Share of the healthy that is negative."""
    return _divided(_sum(weights, ~positive & ~diseased), _sum(weights, ~diseased))


def brier(scores: Scores, diseased: Diseased, weights: Weights) -> Values:
    """Mean squared distance of score and truth (Brier 1950, Mon Weather Rev 78:1); 0 is best, scores in [0, 1]."""
    return _divided(weights @ (scores - diseased) ** 2, weights.sum(axis=1))


def _sum(weights: Weights, members: NDArray[np.bool_]) -> Values:
    return weights @ members.astype(np.float64)  # a product with truth values does not use BLAS


def _divided(part: Values, whole: Values) -> Values:
    return np.divide(part, whole, out=np.full_like(whole, np.nan), where=whole > 0)
