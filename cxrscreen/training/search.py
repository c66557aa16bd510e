"""One stage of a search: every point of its grid, through the folds of the development part."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from cxrscreen.classifier.making import GridPoint
from cxrscreen.classifier.recipe import DenseRecipe
from cxrscreen.errors import ModelError
from cxrscreen.evaluation.weighted import auc
from cxrscreen.training.development import Development
from cxrscreen.training.fit import out_of_fold_scores
from cxrscreen.training.points import PointStore
from cxrscreen.training.search_space import VARIED, Criterion, Stage
from cxrscreen.types import Progress

_HALF = 0.5


def run_stage(  # noqa: PLR0913  # seed and progress go by name
    stage: Stage,
    start: DenseRecipe,
    development: Development,
    store: PointStore,
    *,
    seed: int,
    progress: Progress | None = None,
) -> tuple[GridPoint, ...]:
    """Compute what is not yet in the store; each point is stored as soon as its folds are done.

    Args:
        stage: What is varied.
        start: What is not.
        development: Radiographs, and the folds that share them out.
        store: Of this retraining.
        seed: Of every fit; the same for each point, so that points differ by their settings alone.
        progress: Told of each point.
    """
    points = []
    recipes = stage.recipes(start)
    for done, recipe in enumerate(recipes, start=1):
        point = store.found(recipe, stage=stage.name)
        if point is None:
            point = _computed(recipe, development, stage=stage.name, seed=seed)
            store.keep(recipe, point)
        points.append(point)
        if progress:
            progress(stage.name, done, len(recipes))
    return tuple(points)


def best_of(points: Sequence[GridPoint], criterion: Criterion) -> GridPoint:
    """The point with the highest mean over its folds; of equals, the one that was tried first."""
    return max(points, key=lambda point: point.mean_auc if criterion == "auc" else point.mean_accuracy)


def recipe_of(point: GridPoint, recipe: DenseRecipe) -> DenseRecipe:
    """The recipe with the settings of a point."""
    return replace(recipe, **{name: getattr(point, name) for name in VARIED})


def _computed(recipe: DenseRecipe, development: Development, *, stage: str, seed: int) -> GridPoint:
    try:
        scores = out_of_fold_scores(recipe, development, seed=seed, dead_may_stay=True)
    except ModelError:  # a space may reach too far: a head that ran away to infinity knows nothing, all look alike
        scores = np.zeros(len(development.diseased))
    parts = [(scores[validation], development.diseased[validation]) for _, validation in development.folds]
    return GridPoint(
        stage=stage,
        learning_rate=recipe.learning_rate,
        batch_size=recipe.batch_size,
        optimizer=recipe.optimizer,
        epochs=recipe.epochs,
        fold_auc=tuple(float(auc(scored, diseased, np.ones((1, len(scored))))[0]) for scored, diseased in parts),
        fold_accuracy=tuple(float(((scored >= _HALF) == diseased).mean()) for scored, diseased in parts),
    )
