"""A fitted challenger, described on its card and serialised."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

from cxrscreen.classifier.bundle import digest, pack_weights
from cxrscreen.classifier.card import DataSetCard, ModelCard, Performance
from cxrscreen.classifier.making import Augmentation
from cxrscreen.classifier.recipe import Recipe
from cxrscreen.classifier.recipe_choice import RecipeChoice, choice_of
from cxrscreen.classifier.segmenter_overlap import SegmenterOverlap
from cxrscreen.classifier.shortcut_audit import NOT_SHOWN
from cxrscreen.evaluation.metrics import performance
from cxrscreen.evaluation.scored import Scored
from cxrscreen.evaluation.trust_figures import band_on
from cxrscreen.labelled.calibrating import MIN_SENSITIVITY
from cxrscreen.labelled.labelled_set import LabelledSet
from cxrscreen.labelled.splits import FOLDS, Indices
from cxrscreen.labelled.statements import credits_of, limits_of, name_of
from cxrscreen.training.challenger import Challenger
from cxrscreen.training.examined import Examined
from cxrscreen.training.libraries import library_versions
from cxrscreen.training.model_gate import gate_in_test
from cxrscreen.training.overlap import overlap_of
from cxrscreen.training.request import RetrainRequest
from cxrscreen.training.trust import Trust
from cxrscreen.types import Pooled, Scores


@dataclass(frozen=True, slots=True, eq=False)
class FinalLook:
    """The one look at the test part.

    Attributes:
        pooled: Shape (t, features).
        scores: Of the challenger, shape (t,).
        looks: Other models that had been scored on some of these radiographs before.
    """

    pooled: Pooled = field(repr=False)
    scores: Scores = field(repr=False)
    looks: int


def card_and_weights(
    challenger: Challenger, trust: Trust, final: FinalLook, known: Examined, request: RetrainRequest
) -> tuple[ModelCard, bytes]:
    """Describe a challenger, and serialise it.

    Args:
        challenger: Fitted.
        trust: What was measured on the development part besides right and wrong.
        final: At the test part.
        known: The labelled set and its split.
        request: What a person asked for.
    """
    from cxrscreen.training.golden import golden_scores  # noqa: PLC0415  # starts TensorFlow

    def scored(part: Indices, scores: Scores) -> Scored:
        return Scored(scores, known.labelled.diseased[part], [known.patients[position] for position in part])

    def figures(name: str, of: Scored) -> Performance:
        return performance(name, of, threshold=challenger.point.threshold, seed=request.seed)

    weights = pack_weights(known.bases.given, challenger.head.arrays(), trust.gate_arrays)
    choice = choice_of(challenger.recipe.name, known.labelled.fingerprint)
    overlap = overlap_of(known, challenger.out_of_fold, final.scores, seed=request.seed)
    in_test = scored(known.split.test, final.scores)
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
            f"{FOLDS}-fold cross-validation by patient ({_chosen_here(choice, request)} chosen here)",
            scored(known.split.development, challenger.out_of_fold),
        ),
        test=figures("held-out test, by patient", in_test),
        golden=golden_scores(challenger.recipe, challenger.scores, known.bases.rounded, lungs=known.lungs),
        calibration=challenger.calibration,
        band=challenger.band,
        band_in_test=None if challenger.band is None else band_on(challenger.band, in_test),
        shortcuts=trust.shortcuts,
        gate=gate_in_test(trust.gate, trust.gate_arrays, final.pooled, known),
        maps=trust.maps,
        references=trust.references,
        segmenter_sha256=known.segmenter_sha256,
        segmenter_overlap=overlap,
        recipe_choice=choice,
        looks=final.looks,
        bias=known.report.bias,
        limits=(
            *_lung_use(trust),
            *_carried_over(challenger),
            *_without_fields(known),
            *_segmenter_knew(overlap),
            *limits_of(known.labelled, known.report.bias, calibrated=challenger.calibration is not None),
        ),
        credits=credits_of(known.labelled),
    )
    return card, weights


def _chosen_here(choice: RecipeChoice | None, request: RetrainRequest) -> str:
    if choice is not None:
        return "recipe and threshold"
    return "threshold and settings" if request.search else "threshold"


def _segmenter_knew(overlap: SegmenterOverlap | None) -> tuple[str, ...]:
    limit = None if overlap is None else overlap.limit
    return () if limit is None else (limit,)


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
