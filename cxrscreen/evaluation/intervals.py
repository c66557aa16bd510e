"""95 % intervals of fractions and of the area under the ROC curve."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from cxrscreen.evaluation.scored import Scored

DRAWS = 2000

_Z = 1.959963984540054  # two-sided 95 % of the normal distribution


def wilson(successes: int, n: int) -> tuple[float, float]:
    """95 % score interval of a fraction (Wilson 1927, J Am Stat Assoc 22:209), without continuity correction.

    Args:
        successes: 0 to ``n``.
        n: At least 1, taken as independent.
    """
    fraction = successes / n
    centre = fraction + _Z**2 / (2 * n)
    half = _Z * sqrt(fraction * (1 - fraction) / n + _Z**2 / (4 * n**2))
    scale = 1 + _Z**2 / n
    return max(0.0, (centre - half) / scale), min(1.0, (centre + half) / scale)


def patient_weights(patients: Sequence[str], *, seed: int, draws: int = DRAWS) -> NDArray[np.float64]:
    """Draw patients with replacement; all radiographs of a patient come or stay away together.

    Args:
        patients: Patient of each radiograph, length n.
        seed: Any non-negative integer.
        draws: Number of bootstrap samples.

    Returns:
        How often each radiograph was drawn, shape (draws, n).
    """
    distinct, patient_of = np.unique(np.asarray(patients), return_inverse=True)
    equal = np.full(len(distinct), 1 / len(distinct))
    counts = np.random.default_rng(seed).multinomial(len(distinct), equal, size=draws)
    return counts[:, patient_of].astype(np.float64)


def bootstrap_auc(scored: Scored, *, seed: int, draws: int = DRAWS) -> tuple[float, float]:
    """95 % percentile interval of the AUC, by bootstrap over patients.

    Draws without both classes are left out.
    """
    diseased, scores = scored.diseased, scored.scores
    weights = patient_weights(scored.patients, seed=seed, draws=draws)
    of_diseased, of_healthy = weights[:, diseased], weights[:, ~diseased]
    pairs = of_diseased.sum(axis=1) * of_healthy.sum(axis=1)
    won = (np.sign(scores[diseased][:, None] - scores[~diseased][None, :]) + 1) / 2  # a tie is half a win
    wins = np.einsum("dj,dj->d", of_diseased @ won, of_healthy)
    usable = pairs > 0
    low, high = np.quantile(wins[usable] / pairs[usable], [0.025, 0.975])
    return float(low), float(high)
