"""The part of training that computes; importing it starts TensorFlow."""

from __future__ import annotations

import platform

import cv2
import numpy as np
import sklearn

from cxrscreen.classifier.backbone import Backbone
from cxrscreen.classifier.base_weights import BaseWeights
from cxrscreen.classifier.card import GoldenScore
from cxrscreen.classifier.head import Head
from cxrscreen.classifier.recipe import Recipe
from cxrscreen.classifier.runtime import keras, tf
from cxrscreen.labelled.splits import Split
from cxrscreen.phantom.golden import golden_phantom
from cxrscreen.radiograph.prepare import prepare
from cxrscreen.types import Diseased, FeatureMaps, PreparedBatch, Progress, Scores

_GOLDEN_PHANTOMS = ((1, False), (1, True), (2, False), (2, True))
_STEP = 32  # radiographs between two reports of progress


def feature_maps_of(prepared: PreparedBatch, base: BaseWeights, *, step: str, progress: Progress | None) -> FeatureMaps:
    """Run the frozen base once over everything, 0.1 MB a radiograph."""
    backbone = Backbone(base)
    parts = []
    for start in range(0, len(prepared), _STEP):
        parts.append(backbone.feature_maps(prepared[start : start + _STEP]))
        if progress:
            progress(step, min(start + _STEP, len(prepared)), len(prepared))
    return np.concatenate(parts)


def out_of_fold_scores(  # noqa: PLR0913  # seed and progress go by name
    recipe: Recipe,
    feature_maps: FeatureMaps,
    diseased: Diseased,
    split: Split,
    *,
    seed: int,
    progress: Progress | None,
) -> Scores:
    """Score each development radiograph by a head that saw neither it nor its patient.

    Returns:
        Shape (n,), not a number at the test part.
    """
    scores: Scores = np.full(len(diseased), np.nan)
    for number, (train, validation) in enumerate(split.folds, start=1):
        head = Head.fitted(recipe, feature_maps[train], diseased[train], seed=seed + number)
        scores[validation] = head.scores(feature_maps[validation])
        if progress:
            progress("folds", number, len(split.folds))
    return scores


def scores_of(
    head: Head, prepared: PreparedBatch, base: BaseWeights, *, step: str, progress: Progress | None
) -> Scores:
    """Score radiographs through another base than the one whose feature maps are at hand."""
    return head.scores(feature_maps_of(prepared, base, step=step, progress=progress))


def golden_scores(head: Head, base: BaseWeights) -> tuple[GoldenScore, ...]:
    """Score the phantoms that every installation can draw again."""
    pictures = np.stack([prepare(golden_phantom(seed, opacities=opacities)) for seed, opacities in _GOLDEN_PHANTOMS])
    scores = head.scores(Backbone(base).feature_maps(pictures))
    return tuple(
        GoldenScore(phantom_seed=seed, opacities=opacities, score=float(score))
        for (seed, opacities), score in zip(_GOLDEN_PHANTOMS, scores, strict=True)
    )


def library_versions() -> dict[str, str]:
    """Versions of everything that can move a score."""
    return {
        "python": platform.python_version(),
        "tensorflow": tf.__version__,
        "keras": keras.__version__,
        "numpy": np.__version__,
        "opencv": cv2.__version__,
        "scikit-learn": sklearn.__version__,
    }
