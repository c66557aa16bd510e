"""Whether the radiographs of some nights are still like those that a model was calibrated on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2, fisher_exact, ks_2samp

from cxrscreen.classifier.estimate import Frozen
from cxrscreen.classifier.reference import Reference

LARGE_PSI = 0.25  # the trade's word for a major change (Siddiqi 2006, Credit Risk Scorecards)
CHANCE = 0.001  # four quantities a night: a false alarm in most of a year is rare
FEWEST = 20  # of fewer values nothing is said

_BINS = 10
_LARGE_SHARE = 0.1


class Drift(Frozen):
    """One quantity of some nights against its reference.

    Attributes:
        quantity: Name, e.g. "scores".
        n: Radiographs now.
        reference_n: Radiographs of the reference.
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


def drift(quantity: str, reference: Reference, now: Sequence[float]) -> Drift | None:
    """Compare a quantity with its reference; ``None`` where there are too few values to say anything."""
    if len(now) < FEWEST:
        return None
    values, before = np.asarray(now, dtype=np.float64), np.asarray(reference.values)
    tested = ks_2samp(values, before)
    index = population_stability_index(before, values)
    large = index > max(LARGE_PSI, psi_by_chance(reference.n, len(values)))
    return Drift(
        quantity=quantity,
        n=len(values),
        reference_n=reference.n,
        psi=index,
        p=float(tested.pvalue),
        difference=float(tested.statistic),
        drifted=bool(large and tested.pvalue < CHANCE),
    )


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


def population_stability_index(before: NDArray[np.float64], now: NDArray[np.float64]) -> float:
    """Sum over the deciles of ``before`` of (share now - share then) * ln(share now / share then), at least 0.

    Half a radiograph is added to each bin, so that an empty one stays finite. Values of one kind only make one bin.
    """
    edges = np.unique(np.quantile(before, np.arange(1, _BINS) / _BINS))
    shares = []
    for values in (now, before):
        counts = np.bincount(np.searchsorted(edges, values, side="right"), minlength=len(edges) + 1) + 0.5
        shares.append(counts / counts.sum())
    return float(((shares[0] - shares[1]) * np.log(shares[0] / shares[1])).sum())


def psi_by_chance(before_n: int, now_n: int) -> float:
    """What the index exceeds once in a thousand times without any drift.

    Yurdakul and Naranjo 2020, J Risk Model Valid 14(4): it is about (1/n + 1/m) times chi-squared with bins - 1 degrees
    of freedom.
    """
    return float(chi2.ppf(1 - CHANCE, _BINS - 1) * (1 / before_n + 1 / now_n))
