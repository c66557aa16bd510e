"""Heads fitted on the development part, and on its folds."""

from __future__ import annotations

import logging

import numpy as np

from cxrscreen.classifier.head import Head
from cxrscreen.classifier.recipe import Recipe
from cxrscreen.errors import ModelError
from cxrscreen.training.development import Development
from cxrscreen.types import Diseased, Pooled, Scores

DRAWS = 3
_NEXT_DRAW = 1000  # beyond the seeds of the folds

_log = logging.getLogger(__name__)


def out_of_fold_scores(recipe: Recipe, development: Development, *, seed: int, dead_may_stay: bool = False) -> Scores:
    """Score each development radiograph by a head that saw neither it nor its patient.

    Args:
        recipe: With its settings.
        development: The development part.
        seed: Of initial weights, order and dropout.
        dead_may_stay: Keep a head that died while it was fitted, as a search does: it counts against the settings.

    Returns:
        Shape (m,).

    Raises:
        ModelError: The learning rate is so large that a fit ran away to infinity, or that every head dies.
    """
    scores: Scores = np.full(len(development.diseased), np.nan)
    for number, (train, validation) in enumerate(development.folds, start=1):
        fitted = Head.fitted_pooled if dead_may_stay else _living_head
        head = fitted(
            recipe,
            development.pooled[train],
            development.diseased[train],
            seed=seed + number,
            shifted=development.shifted_of(train),
        )
        scores[validation] = head.scores_pooled(development.pooled[validation])
    return scores


def fitted_head(recipe: Recipe, development: Development, *, seed: int) -> Head:
    """Fit the head that ships, on the whole development part.

    Raises:
        ModelError: As ``out_of_fold_scores``.
    """
    return _living_head(recipe, development.pooled, development.diseased, seed=seed, shifted=development.shifted)


def _living_head(recipe: Recipe, pooled: Pooled, diseased: Diseased, *, seed: int, shifted: Pooled | None) -> Head:
    """Fit a head; where all its units die, which the study's learning rate brings about now and then, draw again.

    A dead head gives every radiograph one score.
    """
    for draw in range(DRAWS):
        head = Head.fitted_pooled(recipe, pooled, diseased, seed=seed + draw * _NEXT_DRAW, shifted=shifted)
        scores = head.scores_pooled(pooled)
        if scores.min() < scores.max():
            return head
        _log.warning("A head died while it was fitted: it gives one score to all. Drawing its initial weights again.")
    raise ModelError(f"{DRAWS} heads in a row died while they were fitted. Choose a smaller learning rate.")
