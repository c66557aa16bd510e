"""Whether the radiographs of some nights are still like those that a model was calibrated on.

A card's radiographs are of two classes, in shares that no screening meets. So a night is held against a mixture of both
classes. Where the site's share of diseased is known, it is that of the mixture; where it is not, the mixture is the one
that fits the scores best, and what is found then no share explains. The price: a shift that looks like more diseased
goes unseen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import fisher_exact, kstwo

from cxrscreen.classifier.estimate import Frozen
from cxrscreen.classifier.reference import ByClass

LARGE_PSI = 0.25  # the trade's word for a major change (Siddiqi 2006, Credit Risk Scorecards)
CHANCE = 0.0025  # four quantities: a false alarm in at most one night of a hundred
FEWEST = 20  # of fewer values nothing is said

_BINS = 10
_LARGE_SHARE = 0.1
_SHARES = np.linspace(0, 1, 101)


class Drift(Frozen):
    """One quantity of some nights against its reference.

    Attributes:
        quantity: Name, e.g. "scores".
        n: Radiographs now.
        reference_n: Radiographs of the reference, of both classes.
        psi: Population stability index; ``None`` for a share.
        p: Chance of a difference like this without any drift: Kolmogorov-Smirnov, of a share Fisher's exact test.
        difference: Largest distance of the two distribution functions; of a share, now minus then.
        drifted: Beyond chance, and large.
    """

    quantity: str
    n: int
    reference_n: int
    psi: float | None
    p: float
    difference: float
    drifted: bool


@dataclass(frozen=True, slots=True, eq=False)
class Mixture:
    """A reference as if a share of its radiographs were diseased.

    Attributes:
        values: Of both classes, by rising value, shape (k,).
        weights: Of each value, above or at 0, together 1.
        n: So many radiographs of such patients would tell as much (Kish 1965, Survey Sampling, on weighted samples).
    """

    values: NDArray[np.float64]
    weights: NDArray[np.float64]
    n: float

    @classmethod
    def of(cls, reference: ByClass, share: float) -> Mixture:
        """Mix the classes of a reference.

        Args:
            reference: Each class by itself.
            share: Of diseased, in [0, 1].
        """
        parts = ((reference.covid, share), (reference.normal, 1 - share))
        values = np.concatenate([part.values for part, _ in parts])
        weights = np.concatenate([np.full(len(part.values), weight / len(part.values)) for part, weight in parts])
        order = np.argsort(values, kind="stable")
        n = 1 / sum(weight**2 / part.n for part, weight in parts)
        return cls(values[order], weights[order], n)

    def distribution(self, at: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the share of values at or below each of ``at``."""
        summed = np.concatenate([[0.0], np.cumsum(self.weights)])
        return summed[np.searchsorted(self.values, at, side="right")]


def drift(quantity: str, reference: ByClass, now: Sequence[float], *, share: float) -> Drift | None:
    """Compare a quantity with its reference; ``None`` where there are too few values to say anything.

    Args:
        quantity: Name.
        reference: Of the card.
        now: Of the nights.
        share: Of diseased to compare with, in [0, 1].
    """
    if len(now) < FEWEST:
        return None
    values, before = np.asarray(now, dtype=np.float64), Mixture.of(reference, share)
    at = np.concatenate([values, before.values])
    difference = float(np.abs(_distribution(values, at) - before.distribution(at)).max())
    p = float(kstwo.sf(difference, round(len(values) * before.n / (len(values) + before.n))))
    index = population_stability_index(before, values)
    return Drift(
        quantity=quantity,
        n=len(values),
        reference_n=reference.n,
        psi=index,
        p=p,
        difference=difference,
        drifted=p < CHANCE and index > LARGE_PSI,
    )


def best_share(scores: ByClass, now: Sequence[float]) -> float:
    """Return the share of diseased, in [0, 1] and of two digits, whose mixture lies nearest to the scores of now.

    Nearest by the largest distance of the two distribution functions.
    """
    values = np.asarray(now, dtype=np.float64)
    covid, normal = Mixture.of(scores, 1), Mixture.of(scores, 0)
    at = np.concatenate([values, covid.values])
    of_now, of_covid, of_normal = _distribution(values, at), covid.distribution(at), normal.distribution(at)
    mixed = of_normal + _SHARES[:, np.newaxis] * (of_covid - of_normal)
    return round(float(_SHARES[np.abs(of_now - mixed).max(axis=1).argmin()]), 2)


def share_drift(quantity: str, *, before: float, before_n: int, now: int, n: int) -> Drift | None:
    """Compare a share, e.g. of files that were refused, with that of the reference; ``None`` where there are too few.

    Args:
        quantity: Name.
        before: Share then, in [0, 1].
        before_n: Of so many.
        now: How many now.
        n: Of so many.
    """
    if n < FEWEST:
        return None
    then = round(before * before_n)
    p = float(fisher_exact([[now, n - now], [then, before_n - then]]).pvalue)
    difference = now / n - before
    return Drift(
        quantity=quantity,
        n=n,
        reference_n=before_n,
        psi=None,
        p=p,
        difference=difference,
        drifted=p < CHANCE and abs(difference) > _LARGE_SHARE,
    )


def population_stability_index(before: Mixture, now: NDArray[np.float64]) -> float:
    """Sum over the tenths of ``before`` of (share now - share then) * ln(share now / share then), at least 0.

    Half a radiograph is added to each bin, so that an empty one stays finite. Few radiographs raise the index by
    chance; but they are beyond ``CHANCE`` only where the difference is large indeed.
    """
    reached = np.cumsum(before.weights)
    tenths = np.arange(1, _BINS) / _BINS
    edges = np.unique(before.values[np.searchsorted(reached, tenths + 1e-9)])  # 1e-9: sums of weights are not exact
    shares = []
    for values, weights in ((now, np.ones(len(now))), (before.values, before.n * before.weights)):
        counts = np.bincount(np.searchsorted(edges, values, side="right"), weights, minlength=len(edges) + 1) + 0.5
        shares.append(counts / counts.sum())
    return float(((shares[0] - shares[1]) * np.log(shares[0] / shares[1])).sum())


def _distribution(values: NDArray[np.float64], at: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.searchsorted(np.sort(values), at, side="right") / len(values)
