"""The operating point and the uncertain band that a site's own radiographs would choose."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cxrscreen.classifier.operating_point import choose_operating_point
from cxrscreen.classifier.uncertain_band import UncertainBand
from cxrscreen.errors import CalibrationError, DataSetError
from cxrscreen.evaluation.intervals import fraction
from cxrscreen.evaluation.scored import Scored
from cxrscreen.evaluation.site_acceptance import LocalPoint
from cxrscreen.labelled.calibrating import Folds, band_of
from cxrscreen.labelled.splits import folds_by_patient

MIN_SENSITIVITY = 0.95  # as operating points are chosen when a model is made


@dataclass(frozen=True, slots=True)
class LocalChoice:
    """What can be chosen, and in words why something cannot."""

    point: LocalPoint | None
    band: UncertainBand | None
    notes: tuple[str, ...]


def choose_locally(scored: Scored, *, seed: int) -> LocalChoice:
    """Choose on all radiographs; measure each fold with what the other folds choose.

    Args:
        scored: Local radiographs that the model has not learnt from.
        seed: Of the folds.
    """
    try:
        folds = folds_by_patient(scored.patients, scored.diseased, seed=seed)
    except DataSetError as exc:
        return LocalChoice(None, None, (f"No local operating point: {exc.words}",))
    try:
        band, notes = band_of(scored, folds), ()
    except CalibrationError as exc:
        return LocalChoice(local_point(scored, folds), None, (f"No local uncertain band: {exc}",))
    return LocalChoice(local_point(scored, folds), band, notes)


def local_point(scored: Scored, folds: Folds, *, min_sensitivity: float = MIN_SENSITIVITY) -> LocalPoint:
    """Choose the operating point; its figures come from folds that had no part in the choice.

    Args:
        scored: See ``choose_locally``.
        folds: Pairs (choosing, measuring) of positions; each radiograph is measured once.
        min_sensitivity: In (0, 1].
    """
    positive = np.zeros(len(scored.scores), dtype=np.bool_)
    for choosing, measuring in folds:
        chosen = choose_operating_point(
            scored.scores[choosing], scored.diseased[choosing], min_sensitivity=min_sensitivity
        )
        positive[measuring] = scored.scores[measuring] >= chosen.threshold
    diseased, healthy = scored.diseased, ~scored.diseased
    point = choose_operating_point(scored.scores, diseased, min_sensitivity=min_sensitivity)
    return LocalPoint(
        threshold=point.threshold,
        asked=min_sensitivity,
        sensitivity=fraction(int(positive[diseased].sum()), int(diseased.sum())),
        specificity=fraction(int((~positive[healthy]).sum()), int(healthy.sum())),
    )
