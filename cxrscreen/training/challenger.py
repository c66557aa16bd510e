"""The model that a retraining ends with: fitted on the development part alone, then described on its card."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TypeVar

import numpy as np

from cxrscreen.classifier.bundle import digest, pack_weights
from cxrscreen.classifier.calibration import Calibration
from cxrscreen.classifier.card import DataSetCard, ModelCard, Performance
from cxrscreen.classifier.heads import AnyHead
from cxrscreen.classifier.making import Augmentation
from cxrscreen.classifier.operating_point import OperatingPoint, choose_operating_point
from cxrscreen.classifier.recipe import Recipe
from cxrscreen.classifier.shortcut_audit import NOT_SHOWN
from cxrscreen.classifier.uncertain_band import UncertainBand
from cxrscreen.errors import CalibrationError, ModelError
from cxrscreen.evaluation.gallery import errors
from cxrscreen.evaluation.metrics import performance
from cxrscreen.evaluation.result import LeftOutFile, ScoredFile
from cxrscreen.evaluation.scored import Scored
from cxrscreen.labelled.calibrating import band_of, calibrate
from cxrscreen.labelled.labelled_set import LabelledSet
from cxrscreen.labelled.splits import FOLDS, Indices
from cxrscreen.labelled.statements import credits_of, limits_of, name_of
from cxrscreen.radiograph.refusal import Reason
from cxrscreen.training.development import Development
from cxrscreen.training.examined import Examined
from cxrscreen.training.fit import fitted_head, fold_heads, held_out_scores
from cxrscreen.training.libraries import library_versions
from cxrscreen.training.pooled_maps import PooledMaps
from cxrscreen.training.request import RetrainRequest
from cxrscreen.training.trust import Trust
from cxrscreen.types import Pooled, Scores

MIN_SENSITIVITY = 0.95
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


def card_and_weights(
    challenger: Challenger, trust: Trust, test_scores: Scores, known: Examined, request: RetrainRequest
) -> tuple[ModelCard, bytes]:
    """Describe a challenger, and serialise it.

    Args:
        challenger: Fitted.
        trust: What was measured on the development part besides right and wrong.
        test_scores: Of the test part, shape (t,).
        known: The labelled set and its split.
        request: What a person asked for.
    """
    from cxrscreen.training.golden import golden_scores  # noqa: PLC0415  # starts TensorFlow

    def figures(name: str, part: Indices, scores: Scores) -> Performance:
        patients = [known.patients[position] for position in part]
        scored = Scored(scores, known.labelled.diseased[part], patients)
        return performance(name, scored, threshold=challenger.point.threshold, seed=request.seed)

    weights = pack_weights(known.bases.given, challenger.head.arrays(), trust.gate_arrays)
    chosen_here = "threshold and settings chosen here" if request.search else "threshold chosen here"
    card = ModelCard(
        version=known.run.version,
        recipe=challenger.recipe.name,
        created_at=datetime.now(UTC).isoformat(timespec="seconds"),
        weights_sha256=digest(weights),
        base_weights_sha256=known.bases.given.sha256,
        base_weights_origin=known.bases.given.origin,
        base_precision="int16",
        largest_change_by_rounding=challenger.change_by_rounding,
        data_set=_data_set(known.labelled),
        seed=request.seed,
        hyperparameters=_hyperparameters(challenger.recipe, request.augmentation),
        libraries=library_versions(),
        operating_point=challenger.point,
        folds=figures(
            f"{FOLDS}-fold cross-validation by patient ({chosen_here})", known.split.development, challenger.out_of_fold
        ),
        test=figures("held-out test, by patient", known.split.test, test_scores),
        golden=golden_scores(challenger.recipe, challenger.scores, known.bases.rounded),
        calibration=challenger.calibration,
        band=challenger.band,
        shortcuts=trust.shortcuts,
        gate=trust.gate,
        maps=trust.maps,
        references=trust.references,
        segmenter_sha256=known.segmenter_sha256,
        bias=known.report.bias,
        limits=(
            *_lung_use(trust),
            *_carried_over(challenger),
            *_without_fields(known),
            *limits_of(known.labelled, known.report.bias, calibrated=challenger.calibration is not None),
        ),
        credits=credits_of(known.labelled),
    )
    return card, weights


def _carried_over(challenger: Challenger) -> tuple[str, ...]:
    if challenger.sensitivity_where_learnt >= MIN_SENSITIVITY:
        return ()
    return (
        (
            "The operating point did not carry over from the folds: even on the radiographs that the model learnt "
            f"from, its sensitivity there is {challenger.sensitivity_where_learnt:.2f}, not the {MIN_SENSITIVITY} that "
            "was asked for. Expect missed disease."
        ),
    )


def _lung_use(trust: Trust) -> tuple[str, ...]:
    if trust.shortcuts is None:
        return (f"{NOT_SHOWN} Its lungs and backgrounds could not be exchanged between the classes.",)
    return () if trust.shortcuts.shown_to_use_lungs else (NOT_SHOWN,)


def _without_fields(known: Examined) -> tuple[str, ...]:
    missing = (
        len(known.whole.development) + len(known.whole.test) - len(known.split.development) - len(known.split.test)
    )
    if not missing:
        return ()
    sentence = (
        f"No plausible lung fields are found in {missing} of {len(known.labelled.radiographs)} radiographs of the set: "
        "the model gives such a radiograph no score."
    )
    return (sentence,)


def _hyperparameters(recipe: Recipe, augmentation: Augmentation) -> dict[str, float | int | str]:
    shifts = {"shifted_copies": augmentation.copies, "max_shift": augmentation.max_shift}
    return (
        recipe.hyperparameters()
        | (shifts if augmentation.copies else {})
        | {"min_sensitivity_at_operating_point": MIN_SENSITIVITY}
    )


def _data_set(labelled: LabelledSet) -> DataSetCard:
    return DataSetCard(
        name=name_of(labelled),
        fingerprint=labelled.fingerprint,
        n=len(labelled.radiographs),
        positives=int(labelled.diseased.sum()),
        patients=len(set(labelled.patients)),
    )
