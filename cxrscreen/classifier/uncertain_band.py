"""Between which scores a model says that it does not know, and a human reads."""

from __future__ import annotations

import numpy as np

from cxrscreen.classifier.estimate import Estimate, Frozen
from cxrscreen.classifier.predictive_values import npv, ppv
from cxrscreen.errors import CalibrationError
from cxrscreen.types import Diseased, Scores


class UncertainBand(Frozen):
    """Scores from ``low`` up to but without ``high`` are uncertain; below is negative, from ``high`` on positive.

    Attributes:
        low: In [0, 1].
        high: In [0, 1], at least ``low``.
        largest_error: Asked for: at most this fraction of the diseased called negative, and of the healthy positive.
        missed: Of the diseased, called negative; each fold by a band that the other folds chose.
        found: Of the diseased, called positive; likewise.
        false_alarms: Of the healthy, called positive; likewise.
        cleared: Of the healthy, called negative; likewise.
        uncertain: Of all, left to a human; likewise.
    """

    low: float
    high: float
    largest_error: float
    missed: Estimate
    found: Estimate
    false_alarms: Estimate
    cleared: Estimate
    uncertain: Estimate

    def ppv(self, prevalence: float) -> Estimate | None:
        """Share of diseased among those called positive, where ``prevalence`` in (0, 1) of the patients are."""
        return ppv(self.found, self.false_alarms, prevalence)

    def npv(self, prevalence: float) -> Estimate | None:
        """Share of healthy among those called negative."""
        return npv(self.cleared, self.missed, prevalence)


def choose_band(
    scores: Scores, diseased: Diseased, *, largest_error: float, around: float | None = None
) -> tuple[float, float]:
    """Return the narrowest band outside of which both errors are as rare as asked for.

    Each limit is a conformal quantile (Vovk et al. 2005, *Algorithmic Learning in a Random World*): of n diseased, the
    ``floor(largest_error * (n + 1))``-th smallest score is the lower one, so that a further diseased radiograph from
    the same source falls below it with a chance of at most ``largest_error``. Where the two classes lie so far apart
    that the limits cross, all between them is uncertain: no radiograph of either class has shown what it means. A band
    that leaves out the operating point is widened to it; that makes neither error more frequent.

    Args:
        scores: In [0, 1], shape (n,), of radiographs that the model was not fitted on.
        diseased: Reference standard, shape (n,).
        largest_error: In (0, 0.5).
        around: A score that the band must hold, e.g. the operating point.

    Raises:
        CalibrationError: A class has too few radiographs for such rare errors.
    """
    of_diseased, of_healthy = np.sort(scores[diseased]), np.sort(scores[~diseased])[::-1]
    limits = []
    for name, ordered in (("COVID-19", of_diseased), ("normal", of_healthy)):
        place = int(np.floor(largest_error * (len(ordered) + 1)))
        if place < 1:
            needed = int(np.ceil(1 / largest_error)) - 1
            raise CalibrationError(
                f"An error rate of {largest_error} takes at least {needed} radiographs labelled {name}, and there are "
                f"{len(ordered)}. Add some."
            )
        limits.append(float(ordered[place - 1]))
    missed_below, alarms_above = limits
    held = (missed_below, float(np.nextafter(alarms_above, 2.0)), *(() if around is None else (around,)))
    return min(held), max(held)
