"""What a finding would mean at several prevalences."""

from __future__ import annotations

from collections.abc import Sequence

from cxrscreen.classifier.predictive_values import complement, npv, ppv
from cxrscreen.evaluation.result import Figures, Predictive

PREVALENCES = (0.01, 0.05, 0.10, 0.30)


def with_own(prevalence: float | None) -> tuple[float, ...]:
    """``PREVALENCES`` with that of a site among them, rising."""
    return tuple(sorted({*PREVALENCES} | ({prevalence} if prevalence is not None else set())))


def predictive(figures: Figures, prevalences: Sequence[float] = PREVALENCES) -> tuple[Predictive, ...]:
    """Positive and negative predictive value at each prevalence, each in (0, 1), in their order.

    Args:
        figures: Of a set whose own share of diseased does not matter here.
        prevalences: Each in (0, 1).
    """
    found, cleared = figures.sensitivity, figures.specificity
    return tuple(
        Predictive(
            prevalence=prevalence,
            ppv=ppv(found, complement(cleared), prevalence),
            npv=npv(cleared, complement(found), prevalence),
        )
        for prevalence in prevalences
    )
