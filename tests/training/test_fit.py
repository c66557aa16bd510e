from __future__ import annotations

import numpy as np
import pytest

from cxrscreen.classifier.head import Head
from cxrscreen.classifier.recipe import recipe_named
from cxrscreen.errors import ModelError
from cxrscreen.training.development import Development
from cxrscreen.training.fit import fitted_head, out_of_fold_scores

RECIPE = recipe_named("standard")


@pytest.fixture
def development() -> Development:
    generator = np.random.default_rng(4)
    pooled = np.maximum(generator.normal(size=(40, 512)), 0).astype(np.float32)
    diseased = np.arange(40) % 2 == 0
    pooled[diseased, :40] += 0.5
    rows = np.arange(40)
    folds = tuple((rows[rows % 5 != fold], rows[rows % 5 == fold]) for fold in range(5))
    return Development(pooled=pooled, shifted=None, diseased=diseased, folds=folds)


def die(monkeypatch: pytest.MonkeyPatch, *, at: set[int] | None = None) -> list[int]:
    """Let all fits end without a living unit, or those with certain seeds; return the seeds as they come."""
    whole, seeds = Head.fitted_pooled, []

    def fitted(*args: object, seed: int, **more: object) -> Head:
        seeds.append(seed)
        head = whole(*args, seed=seed, **more)  # type: ignore[arg-type]  # passed on as they came
        if at is None or seed in at:
            return Head.from_arrays(RECIPE, {name: 0 * array for name, array in head.arrays().items()})
        return head

    monkeypatch.setattr(Head, "fitted_pooled", fitted)
    return seeds


def test_a_head_that_died_is_drawn_again(
    development: Development, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    alive = fitted_head(RECIPE, development, seed=1001)
    seeds = die(monkeypatch, at={1})
    head = fitted_head(RECIPE, development, seed=1)
    assert seeds == [1, 1001]
    assert (head.scores_pooled(development.pooled) == alive.scores_pooled(development.pooled)).all()
    assert "A head died" in caplog.text


def test_settings_that_kill_every_head_are_refused_in_words(
    development: Development, monkeypatch: pytest.MonkeyPatch
) -> None:
    die(monkeypatch)
    with pytest.raises(ModelError, match="smaller learning rate"):
        fitted_head(RECIPE, development, seed=1)
    with pytest.raises(ModelError, match="smaller learning rate"):
        out_of_fold_scores(RECIPE, development, seed=1)


def test_in_a_search_dead_heads_count_against_the_settings(
    development: Development, monkeypatch: pytest.MonkeyPatch
) -> None:
    seeds = die(monkeypatch, at={2})
    scores = out_of_fold_scores(RECIPE, development, seed=1, dead_may_stay=True)
    assert seeds == [2, 3, 4, 5, 6]
    assert [len(set(scores[validation])) == 1 for _, validation in development.folds] == [True] + 4 * [False]
