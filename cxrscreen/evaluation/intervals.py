"""95 % intervals: Wilson for fractions, Tango for paired fractions, bootstrap by patient for the rest."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from cxrscreen.classifier.estimate import Estimate

DRAWS = 2000

_Z = 1.959963984540054  # two-sided 95 % of the normal distribution
_WEIGHTS_AT_ONCE = 2_000_000  # 16 MB a block: ten thousand radiographs need no more memory than a thousand

Weights = NDArray[np.float64]
"""How often each radiograph counts in each drawn set: (draws, n)."""

Statistic = Callable[[Weights], NDArray[np.float64]]
"""Figures of each drawn set: (draws, n) to (draws, figures), NaN where a figure has no meaning in that draw."""

Limits = tuple[float, float]


def wilson(successes: float, n: float) -> Limits:
    """95 % score interval of a fraction (Wilson 1927, J Am Stat Assoc 22:209), without continuity correction.

    Args:
        successes: 0 to ``n``.
        n: At least 1, taken as independent.
    """
    fraction = successes / n
    centre = fraction + _Z**2 / (2 * n)
    half = _Z * sqrt(fraction * (1 - fraction) / n + _Z**2 / (4 * n**2))
    scale = 1 + _Z**2 / n
    low, high = (centre - half) / scale, (centre + half) / scale
    return max(0.0, min(low, fraction)), min(1.0, max(high, fraction))  # exact at 0 and 1, where rounding is not


def fraction(successes: int, n: int) -> Estimate:
    """A fraction of radiographs with its Wilson interval; ``n`` at least 1."""
    low, high = wilson(successes, n)
    return Estimate(value=successes / n, low=low, high=high, n=n, method="Wilson, radiographs taken as independent")


def wilson_of_mean(value: float, n: int) -> Limits:
    """Interval of a mean over ``n`` independent terms that lie in [0, 1], for when they are too few to redraw.

    No such term varies more than a yes-or-no one of the same mean (Bhatia and Davis 2000, Am Math Mon 107:353),
    and no AUC more than such a mean over the smaller class (Birnbaum and Klose 1957, Ann Math Stat 28:933), so
    Wilson's interval of ``value`` is on the safe side.
    """
    return wilson(value * n, n)


def tango(gained: float, lost: float, n: float) -> Limits:
    """95 % score interval of the difference of two fractions of the same ``n`` cases (Tango 1998, Stat Med 17:891).

    Also right where no case differs, and where a bootstrap would give an interval of no width.

    Args:
        gained: Cases that only the second got right.
        lost: Cases that only the first got right.
        n: All cases, at least 1.

    Returns:
        Limits of ``(gained - lost) / n``, in [-1, 1].
    """
    difference = (gained - lost) / n

    def too_far(candidate: float) -> bool:
        linear = (2 * n - gained + lost) * candidate - gained - lost
        root = sqrt(max(0.0, linear**2 + 8 * n * lost * candidate * (1 - candidate)))
        variance = n * (2 * (root - linear) / (4 * n) + candidate * (1 - candidate))
        return (gained - lost - n * candidate) ** 2 > _Z**2 * max(0.0, variance)

    return _outermost(difference, -1.0, too_far), _outermost(difference, 1.0, too_far)


def square_and_add(value: float, *terms: tuple[float, Limits]) -> Limits:
    """Interval of a sum or difference of independent figures from the intervals of its terms.

    Newcombe 1998, Stat Med 17:873, method 10. Where the figures rise and fall together (two models on the same
    radiographs), a difference gets an interval that is too wide, never one that is too narrow.

    Args:
        value: The sum or difference.
        terms: What each figure adds to ``value``, with the limits of what it adds.
    """
    down = sqrt(sum((term - low) ** 2 for term, (low, _) in terms))
    up = sqrt(sum((high - term) ** 2 for term, (_, high) in terms))
    return value - down, value + up


def patient_weights(patients: Sequence[str], *, seed: int | np.random.Generator, draws: int = DRAWS) -> Weights:
    """Draw patients with replacement; all radiographs of a patient come or stay away together.

    Args:
        patients: Patient of each radiograph, length n.
        seed: Any non-negative integer, or a generator that goes on where it stands.
        draws: Number of bootstrap samples.

    Returns:
        How often each radiograph was drawn, shape (draws, n).
    """
    distinct, patient_of = np.unique(np.asarray(patients), return_inverse=True)
    several = len(distinct)
    drawn = np.random.default_rng(seed).integers(several, size=(draws, several))
    drawn += several * np.arange(draws)[:, np.newaxis]  # so that one count serves all draws: 10 times faster
    counts = np.bincount(drawn.ravel(), minlength=draws * several).reshape(draws, several)
    return counts[:, patient_of].astype(np.float64)


def bootstrap(
    statistic: Statistic, patients: Sequence[str], *, seed: int, draws: int = DRAWS
) -> tuple[Limits | None, ...]:
    """95 % percentile intervals by bootstrap over patients (Efron and Tibshirani 1993, chapter 13).

    Figures asked for together see the same draws. Draws in which a figure has no meaning are left out for it.

    Args:
        statistic: Figures of many weighted sets at once.
        patients: Patient of each radiograph, length n.
        seed: Of the draws.
        draws: Number of bootstrap samples.

    Returns:
        Limits of each figure; ``None`` for one that has a meaning in no draw.
    """
    generator = np.random.default_rng(seed)
    block = max(1, _WEIGHTS_AT_ONCE // len(patients))
    sizes = [min(block, draws - done) for done in range(0, draws, block)]
    values = np.concatenate([statistic(patient_weights(patients, seed=generator, draws=size)) for size in sizes])
    return tuple(_percentiles(column[~np.isnan(column)]) for column in values.T)


def _percentiles(values: NDArray[np.float64]) -> Limits | None:
    if len(values) == 0:
        return None
    low, high = np.quantile(values, [0.025, 0.975])
    return float(low), float(high)


def _outermost(inside: float, outside: float, too_far: Callable[[float], bool]) -> float:
    """By bisection, the candidate farthest towards ``outside`` that is not yet too far."""
    if not too_far(outside):
        return outside
    for _ in range(60):
        middle = (inside + outside) / 2
        inside, outside = (inside, middle) if too_far(middle) else (middle, outside)
    return inside
