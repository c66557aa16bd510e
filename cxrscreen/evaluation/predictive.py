"""What a finding means where a given share of the patients has the disease."""

from __future__ import annotations

from collections.abc import Sequence

from cxrscreen.classifier.estimate import Estimate
from cxrscreen.evaluation.result import Figures, Predictive

PREVALENCES = (0.01, 0.05, 0.10, 0.30)

_METHOD = "both Wilson limits of sensitivity and specificity together"


def predictive(figures: Figures, prevalences: Sequence[float] = PREVALENCES) -> tuple[Predictive, ...]:
    """Positive and negative predictive value at each prevalence, by Bayes' theorem.

    Both values rise with sensitivity and with specificity, so their limits come from the two lower and the two upper
    limits together: wider than 95 %, and only as good as the hope that both figures hold for those patients.

    Args:
        figures: Of a set whose own share of diseased does not matter here.
        prevalences: Each in (0, 1).

    Returns:
        In the order of ``prevalences``; a value is ``None`` where no radiograph would have that finding.
    """
    found, cleared = figures.sensitivity, figures.specificity
    together = [(found.value, cleared.value), (found.low, cleared.low), (found.high, cleared.high)]
    return tuple(
        Predictive(
            prevalence=prevalence,
            ppv=_estimate([_share(se * prevalence, (1 - sp) * (1 - prevalence)) for se, sp in together], figures.n),
            npv=_estimate([_share(sp * (1 - prevalence), (1 - se) * prevalence) for se, sp in together], figures.n),
        )
        for prevalence in prevalences
    )


def _share(right: float, wrong: float) -> float | None:
    return right / (right + wrong) if right + wrong > 0 else None


def _estimate(shares: Sequence[float | None], n: int) -> Estimate | None:
    value, low, high = shares
    if value is None or low is None or high is None:
        return None
    return Estimate(value=value, low=low, high=high, n=n, method=_METHOD)
