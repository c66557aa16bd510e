"""What a finding means where a given share of the patients has the disease (Bayes' theorem)."""

from __future__ import annotations

from collections.abc import Sequence

from cxrscreen.classifier.estimate import Estimate

_METHOD = "Wilson limits of both rates together"


def ppv(found: Estimate, false_alarms: Estimate, prevalence: float) -> Estimate | None:
    """Share of diseased among those called positive; ``None`` where nobody would be.

    Its limits come from the limits of both rates together: wider than 95 %, and only as good as the hope that both
    hold for those patients.

    Args:
        found: Of the diseased, called positive.
        false_alarms: Of the healthy, called positive.
        prevalence: In (0, 1).
    """
    pairs = (
        (found.value, false_alarms.value),
        (found.low, false_alarms.high),
        (found.high, false_alarms.low),
    )
    shares = [_share(right * prevalence, wrong * (1 - prevalence)) for right, wrong in pairs]
    return _estimate(shares, found.n + false_alarms.n)


def npv(cleared: Estimate, missed: Estimate, prevalence: float) -> Estimate | None:
    """Share of healthy among those called negative; otherwise as ``ppv``.

    Args:
        cleared: Of the healthy, called negative.
        missed: Of the diseased, called negative.
        prevalence: In (0, 1).
    """
    return ppv(cleared, missed, 1 - prevalence)


def complement(rate: Estimate) -> Estimate:
    """The rate of the opposite, e.g. false alarms of a specificity."""
    return rate.model_copy(update={"value": 1 - rate.value, "low": 1 - rate.high, "high": 1 - rate.low})


def _share(right: float, wrong: float) -> float | None:
    return right / (right + wrong) if right + wrong > 0 else None


def _estimate(shares: Sequence[float | None], n: int) -> Estimate | None:
    value, low, high = shares
    if value is None or low is None or high is None:
        return None
    return Estimate(value=value, low=low, high=high, n=n, method=_METHOD)
