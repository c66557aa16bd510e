"""From a labelled folder to a model with its card, in one call.

The test part is scored once, by the head that ships; the operating point comes from out-of-fold
scores of the development part, which that head's test never touches. The cross-validation's figures
rest on these same scores, so their sensitivity and specificity are optimistic; their name says so.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from cxrscreen.classifier.base_weights import BaseWeights, download_base_weights, load_base_weights
from cxrscreen.classifier.bundle import base_of_bundle, digest, free_folder, pack_weights, save_bundle
from cxrscreen.classifier.card import DataSetCard, ModelCard, Performance
from cxrscreen.classifier.operating_point import choose_operating_point
from cxrscreen.classifier.recipe import RecipeName, recipe_named
from cxrscreen.classifier.registry import SHIPPED_MODELS, SHIPPED_VERSION
from cxrscreen.errors import ModelError
from cxrscreen.evaluation.metrics import performance
from cxrscreen.evaluation.scored import Scored
from cxrscreen.labelled.labelled_set import LabelledSet, read_labelled
from cxrscreen.labelled.shortcuts import shape_auc
from cxrscreen.labelled.splits import FOLDS, Indices, split_by_patient
from cxrscreen.labelled.statements import credits_of, limits_of, name_of
from cxrscreen.radiograph.acceptance import AcceptanceLimits
from cxrscreen.types import Progress, Scores

SHIPPED_BASE = "shipped"
DOWNLOADED_BASE = "download"
MIN_SENSITIVITY = 0.95
MAX_CHANGE_BY_ROUNDING = 0.001

_log = logging.getLogger(__name__)


def train(  # noqa: PLR0913  # one call is the whole interface; all but the folder go by name
    data_folder: Path,
    *,
    recipe: RecipeName,
    seed: int,
    version: str,
    base: BaseWeights,
    limits: AcceptanceLimits,
    into: Path,
    progress: Progress | None = None,
) -> ModelCard:
    """Train a model and write its bundle.

    The same folder, recipe, seed and base give the same weights on the same machine.

    Args:
        data_folder: With ``covid/`` and ``normal/``; see ``labelled``.
        recipe: Name of the recipe.
        seed: Of splits, initial weights, dropout, order and bootstrap.
        version: Of the new model; never one that exists.
        base: Frozen base; its 16-bit rounding is what trains and ships.
        limits: Of the gate, the same that hold where the model will screen; what they refuse is left out.
        into: Folder of models; the bundle becomes ``into / version``.
        progress: Told of each step.

    Returns:
        The card that was written.

    Raises:
        DataSetError: The folder cannot be trained on.
        CalibrationError: No operating point can be chosen.
        ModelError: The version exists, the recipe does not, or rounding the base moves a score too far.
    """
    chosen = recipe_named(recipe)
    free_folder(into, version)
    labelled = read_labelled(data_folder, limits=limits, progress=progress)
    _tell_of_left_out(labelled)
    split = split_by_patient(labelled.patients, labelled.diseased, seed=seed)

    from cxrscreen.classifier.head import Head  # noqa: PLC0415  # starts TensorFlow, after all that may be wrong
    from cxrscreen.training import fit  # noqa: PLC0415  # likewise

    rounded = base.rounded()
    feature_maps = fit.feature_maps_of(labelled.prepared, rounded, step="feature maps", progress=progress)
    out_of_fold = fit.out_of_fold_scores(chosen, feature_maps, labelled.diseased, split, seed=seed, progress=progress)
    development, diseased, patients = split.development, labelled.diseased, np.asarray(labelled.patients)
    point = choose_operating_point(out_of_fold[development], diseased[development], min_sensitivity=MIN_SENSITIVITY)
    head = Head.fitted(chosen, feature_maps[development], diseased[development], seed=seed)
    scores = head.scores(feature_maps)
    given_scores = fit.scores_of(head, labelled.prepared, base, step="rounding check", progress=progress)
    weights = pack_weights(base, head.arrays())

    def figures(name: str, part: Indices, measured: Scores) -> Performance:
        scored = Scored(measured[part], diseased[part], patients[part].tolist())
        return performance(name, scored, threshold=point.threshold, seed=seed)

    card = ModelCard(
        version=version,
        recipe=chosen.name,
        created_at=datetime.now(UTC).isoformat(timespec="seconds"),
        weights_sha256=digest(weights),
        base_weights_sha256=base.sha256,
        base_weights_origin=base.origin,
        base_precision="int16",
        largest_change_by_rounding=_checked_change(scores, given_scores),
        data_set=_data_set_card(labelled),
        seed=seed,
        hyperparameters=chosen.hyperparameters() | {"min_sensitivity_at_operating_point": MIN_SENSITIVITY},
        libraries=fit.library_versions(),
        operating_point=point,
        folds=figures(f"{FOLDS}-fold cross-validation by patient (threshold chosen here)", development, out_of_fold),
        test=figures("held-out test, by patient", split.test, scores),
        golden=fit.golden_scores(head, rounded),
        limits=limits_of(labelled, shape_auc=shape_auc(labelled, split), shape_n=len(development)),
        credits=credits_of(labelled),
    )
    save_bundle(into, card, weights)
    return card


def base_weights(named: str) -> BaseWeights:
    """Return the base that a person named.

    Args:
        named: "shipped" takes the shipped model's, which needs no network; "download" asks Keras; anything
            else is the path of an ``.npz`` of ImageNet weights.

    Raises:
        ModelError: The weights are missing, damaged or not those of ImageNet.
    """
    if named == SHIPPED_BASE:
        return base_of_bundle(SHIPPED_MODELS / SHIPPED_VERSION)
    if named == DOWNLOADED_BASE:
        return download_base_weights()
    return load_base_weights(Path(named))


def _tell_of_left_out(labelled: LabelledSet) -> None:
    if labelled.left_out:
        by_reason = ", ".join(f"{count} {reason}" for reason, count in sorted(labelled.left_out.items()))
        _log.warning("Files of %s left out: %s. Screen the folder to see which.", labelled.name, by_reason)


def _checked_change(scores: Scores, given_scores: Scores) -> float:
    change = float(np.abs(scores - given_scores).max())
    if change >= MAX_CHANGE_BY_ROUNDING:
        raise ModelError(
            f"Rounding the base to 16 bits moves a score by {change:.4f}, the limit is "
            f"{MAX_CHANGE_BY_ROUNDING}. Choose another seed, or check the base weights."
        )
    return change


def _data_set_card(labelled: LabelledSet) -> DataSetCard:
    return DataSetCard(
        name=name_of(labelled),
        fingerprint=labelled.fingerprint,
        n=len(labelled.radiographs),
        positives=int(labelled.diseased.sum()),
        patients=len(set(labelled.patients)),
    )
