"""Heads fitted on the development part, and on its folds."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from cxrscreen.classifier.head import Head
from cxrscreen.classifier.heads import AnyHead
from cxrscreen.classifier.linear_head import LinearHead
from cxrscreen.classifier.recipe import DenseRecipe, LinearRecipe, Recipe
from cxrscreen.errors import ModelError
from cxrscreen.labelled.splits import Indices
from cxrscreen.training.development import Development
from cxrscreen.types import Diseased, Pooled, Scores

DRAWS = 3
_NEXT_DRAW = 1000  # beyond the seeds of the folds

_log = logging.getLogger(__name__)


def out_of_fold_scores(
    recipe: DenseRecipe, development: Development, *, seed: int, dead_may_stay: bool = False
) -> Scores:
    """Score each development radiograph by a head that saw neither it nor its patient; see ``fold_heads``.

    Args:
        recipe: With its settings.
        development: The development part.
        seed: Of initial weights, order and dropout.
        dead_may_stay: Keep a head that died while it was fitted, as a search does: it counts against the settings.

    Returns:
        Shape (m,).
    """
    heads = fold_heads(recipe, development, seed=seed, dead_may_stay=dead_may_stay)
    return held_out_scores(heads, development.pooled, _validations(development))


def fold_heads(
    recipe: Recipe, development: Development, *, seed: int, dead_may_stay: bool = False
) -> tuple[AnyHead, ...]:
    """Fit a head for each fold, on all that the fold does not hold out.

    Raises:
        ModelError: The learning rate is so large that a fit ran away to infinity, or that every head dies.
    """
    return tuple(
        _fitted(recipe, development, train, seed=seed + number, dead_may_stay=dead_may_stay)
        for number, (train, _) in enumerate(development.folds, start=1)
    )


def held_out_scores(heads: Sequence[AnyHead], pooled: Pooled, held_out: Sequence[Indices]) -> Scores:
    """Score every row by the head of the fold that holds it out.

    Args:
        heads: From ``fold_heads``.
        pooled: Shape (n, features).
        held_out: Rows of each fold; every row is in one.
    """
    scores: Scores = np.full(len(pooled), np.nan)
    for head, rows in zip(heads, held_out, strict=True):
        scores[rows] = head.scores_pooled(pooled[rows])
    return scores


def fitted_head(recipe: Recipe, development: Development, *, seed: int) -> AnyHead:
    """Fit the head that ships, on the whole development part.

    Raises:
        ModelError: As ``fold_heads``.
    """
    return _fitted(recipe, development, np.arange(len(development.diseased)), seed=seed, dead_may_stay=False)


def _validations(development: Development) -> list[Indices]:
    return [validation for _, validation in development.folds]


def _fitted(recipe: Recipe, development: Development, rows: Indices, *, seed: int, dead_may_stay: bool) -> AnyHead:
    if isinstance(recipe, LinearRecipe):
        return _linear_head(recipe, development, rows)
    fitted = Head.fitted_pooled if dead_may_stay else _living_head
    return fitted(
        recipe,
        development.pooled[rows],
        development.diseased[rows],
        seed=seed,
        shifted=development.shifted_of(rows),
    )


def _linear_head(recipe: LinearRecipe, development: Development, rows: Indices) -> LinearHead:
    """Fit on radiographs and each kind of their copies, all kinds of one weight; in each the classes count alike."""
    pooled, diseased = [development.pooled[rows]], [development.diseased[rows]]
    changed = development.changed
    for copies in () if changed is None else (changed.exchanged, changed.stored_otherwise):
        if changed is not None and copies is not None:
            inside = np.isin(changed.places, rows)
            pooled.append(copies[inside].reshape(-1, copies.shape[-1]))
            diseased.append(np.repeat(development.diseased[changed.places[inside]], copies.shape[1]))
    head = LinearHead.fitted(
        np.concatenate(pooled),
        np.concatenate(diseased),
        np.concatenate([_balanced(labels) for labels in diseased]),
        standardised_by=pooled[0],
        penalty=recipe.penalty,
    )
    return replace(head, blank=development.blank)


def _balanced(diseased: Diseased) -> NDArray[np.float64]:
    """Weights that give each class a total of 1."""
    weights: NDArray[np.float64] = np.where(diseased, 1 / max(1, diseased.sum()), 1 / max(1, (~diseased).sum()))
    return weights


def _living_head(recipe: DenseRecipe, pooled: Pooled, diseased: Diseased, *, seed: int, shifted: Pooled | None) -> Head:
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
