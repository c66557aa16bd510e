"""How well masks agree with those that people drew."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cxrscreen.classifier.estimate import Estimate
from cxrscreen.evaluation.intervals import DRAWS, Weights, bootstrap
from cxrscreen.lungs.card import Agreement
from cxrscreen.lungs.fields import LungFields, Mask

POOR = 0.9


def dice(found: Mask, drawn: Mask) -> float:
    """Dice coefficient (Dice 1945, Ecology 26:297): 1 for equal masks, also empty ones, 0 for masks that never meet."""
    total = int(found.sum()) + int(drawn.sum())
    return 2 * int((found & drawn).sum()) / total if total else 1.0


def agreement_of(
    name: str, found: Sequence[LungFields], drawn: Sequence[Mask], patients: Sequence[str], *, seed: int
) -> Agreement:
    """Measure masks on radiographs that their network had not seen.

    Args:
        name: Of the radiographs, for the card.
        found: The segmenter's lung fields, as it hands them out, implausible ones too; at least one.
        drawn: Masks by people, in the same order.
        patients: Patient of each radiograph.
        seed: Of the draws for the interval.
    """
    figures = np.array([dice(one.mask, truth) for one, truth in zip(found, drawn, strict=True)])

    def mean(weights: Weights) -> NDArray[np.float64]:
        means: NDArray[np.float64] = weights @ figures / weights.sum(axis=1)
        return means[:, np.newaxis]

    average = float(figures.mean())
    low, high = bootstrap(mean, patients, seed=seed)[0] or (average, average)
    method = f"bootstrap by patient, {DRAWS} draws"
    return Agreement(
        name=name,
        n=len(figures),
        patients=len(set(patients)),
        mean=Estimate(value=average, low=low, high=high, n=len(figures), method=method),
        median=float(np.median(figures)),
        least=float(figures.min()),
        poor=int((figures < POOR).sum()),
        implausible=sum(not one.usable for one in found),
    )
