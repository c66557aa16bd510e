"""The model that a retraining ends with: fitted on the development part alone, then described on its card."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np

from cxrscreen.classifier.calibration import Calibration
from cxrscreen.classifier.heads import AnyHead
from cxrscreen.classifier.operating_point import OperatingPoint, choose_operating_point
from cxrscreen.classifier.recipe import Recipe
from cxrscreen.classifier.uncertain_band import UncertainBand
from cxrscreen.errors import CalibrationError, ModelError
from cxrscreen.evaluation.gallery import errors
from cxrscreen.evaluation.result import LeftOutFile, ScoredFile
from cxrscreen.evaluation.scored import Scored
from cxrscreen.labelled.calibrating import MIN_SENSITIVITY, band_of, calibrate
from cxrscreen.radiograph.refusal import Reason
from cxrscreen.training.development import Development
from cxrscreen.training.examined import Examined
from cxrscreen.training.fit import fitted_head, fold_heads, held_out_scores
from cxrscreen.training.pooled_maps import PooledMaps
from cxrscreen.types import Pooled, Scores

MAX_CHANGE_BY_ROUNDING = 0.001
MOST_DOUBTS = 12

_Measured = TypeVar("_Measured")

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Challenger:
    """A fitted head before it has met the test part. All scores are calibrated where there is a calibration.

    Attributes:
        recipe: With the settings that the search chose, if there was one.
        head: Fitted on the whole development part.
        fold_heads: Fitted on all that each fold does not hold out.
        calibration: Of raw out-of-fold scores; ``None`` where higher ones do not mean more disease.
        out_of_fold: Scores of the development part, shape (m,), each by a head that had not seen the patient.
        point: Chosen on ``out_of_fold``.
        band: Likewise; ``None`` where there are too few radiographs for such rare errors.
        sensitivity_where_learnt: At the operating point, on the diseased radiographs that ``head`` was fitted on. Below
            what was asked for, the operating point has not carried over from the heads of the folds to this one.
        change_by_rounding: Of any score of the development part, rounded base against the given one.
    """

    recipe: Recipe
    head: AnyHead = field(repr=False)
    fold_heads: tuple[AnyHead, ...] = field(repr=False)
    calibration: Calibration | None
    out_of_fold: Scores = field(repr=False)
    point: OperatingPoint
    band: UncertainBand | None
    sensitivity_where_learnt: float
    change_by_rounding: float

    def scores(self, pooled: Pooled) -> Scores:
        """Score radiographs as the shipped model will, shape (n,)."""
        return _calibrated(self.calibration, self.head.scores_pooled(pooled))


def fit_challenger(
    recipe: Recipe, development: Development, maps: PooledMaps, known: Examined, *, seed: int
) -> Challenger:
    """Fit on the development part, and choose calibration, operating point and band there.

    Raises:
        CalibrationError: No operating point can be chosen.
        ModelError: Rounding the base moves a score too far, or the learning rate is far too large.
    """
    heads = fold_heads(recipe, development, seed=seed)
    raw = held_out_scores(heads, development.pooled, [validation for _, validation in development.folds])
    patients = [known.patients[position] for position in known.split.development]
    calibration = _if_possible(
        lambda: calibrate(Scored(raw, development.diseased, patients), development.folds, seed=seed)
    )
    out_of_fold = _calibrated(calibration, raw)
    point = choose_operating_point(out_of_fold, development.diseased, min_sensitivity=MIN_SENSITIVITY)
    band = _if_possible(lambda: band_of(Scored(out_of_fold, development.diseased, patients), development.folds))
    head = fitted_head(recipe, development, seed=seed)
    scores, given = (_calibrated(calibration, head.scores_pooled(part)) for part in (maps.development, maps.given))
    change = float(np.abs(scores - given).max())
    if change >= MAX_CHANGE_BY_ROUNDING:
        raise ModelError(
            f"Rounding the base to 16 bits moves a score by {change:.4f}, the limit is "
            f"{MAX_CHANGE_BY_ROUNDING}. Choose another seed, or check the base weights."
        )
    return Challenger(
        recipe=recipe,
        head=head,
        fold_heads=heads,
        calibration=calibration,
        out_of_fold=out_of_fold,
        point=point,
        band=band,
        sensitivity_where_learnt=float((scores[development.diseased] >= point.threshold).mean()),
        change_by_rounding=change,
    )


def _calibrated(calibration: Calibration | None, raw: Scores) -> Scores:
    return raw if calibration is None else calibration.probabilities(raw)


def _if_possible(measure: Callable[[], _Measured]) -> _Measured | None:
    """Go without what the development part is too small or too confused for; the card then says that it is missing."""
    try:
        return measure()
    except CalibrationError as exc:
        _log.warning("The model goes without: %s", exc)
        return None


def not_shown(known: Examined) -> tuple[LeftOutFile, ...]:
    """Radiographs of the test part that the recipe cannot be shown, for want of plausible lung fields."""
    return tuple(
        LeftOutFile(file=known.labelled.radiographs[position].file_name, reason=Reason.NO_LUNG_FIELDS.value)
        for position in np.setdiff1d(known.whole.test, known.split.test)
    )


def doubts_of(challenger: Challenger, known: Examined) -> tuple[ScoredFile, ...]:
    """Radiographs of the development part whose labels the folds contradict most: hard ones, or mislabelled ones."""
    scored = [
        ScoredFile(file=one.file_name, label="covid" if one.diseased else "normal", score=float(score))
        for one, score in zip(
            (known.labelled.radiographs[position] for position in known.split.development),
            challenger.out_of_fold,
            strict=True,
        )
    ]
    return errors(scored, challenger.point.threshold, MOST_DOUBTS)
