from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from cxrscreen.classifier.head import Head
from cxrscreen.classifier.making import GridPoint
from cxrscreen.classifier.recipe import recipe_named
from cxrscreen.errors import ModelError
from cxrscreen.training import search
from cxrscreen.training.development import Development
from cxrscreen.training.fit import out_of_fold_scores
from cxrscreen.training.points import PointStore
from cxrscreen.training.search import best_of, recipe_of, run_stage
from cxrscreen.training.search_space import FixedSettings, Stage

RECIPE = replace(recipe_named("standard"), epochs=2)
STAGE = Stage(name="coarse", learning_rate=(0.002, 0.02), batch_size=(5, 8), fixed=FixedSettings(epochs=3))


def drawn_development(*, copies: int = 0) -> Development:
    """Forty radiographs of forty patients; the diseased ones are a little brighter."""
    generator = np.random.default_rng(0)
    diseased = np.arange(40) % 2 == 0
    pooled = generator.random((40, 512), dtype=np.float32) + 0.06 * diseased[:, None].astype(np.float32)
    shifted = None if not copies else np.repeat(pooled[:, None], copies, axis=1) + np.float32(0.01)
    everybody = np.arange(40)
    folds = tuple((everybody[everybody % 5 != fold], everybody[everybody % 5 == fold]) for fold in range(5))
    return Development(pooled=pooled, shifted=shifted, diseased=diseased, folds=folds)


@pytest.fixture
def store(tmp_path: Path) -> PointStore:
    return PointStore(tmp_path / "run", "circumstances")


def test_a_point_gives_each_fold_what_a_head_of_that_fold_alone_scores(store: PointStore) -> None:
    development = drawn_development()
    points = run_stage(STAGE, STAGE.starting_from(RECIPE), development, store, seed=7)
    assert [(p.learning_rate, p.batch_size, p.epochs) for p in points] == [
        (0.002, 5, 3),
        (0.002, 8, 3),
        (0.02, 5, 3),
        (0.02, 8, 3),
    ]
    train, validation = development.folds[2]
    recipe = replace(RECIPE, learning_rate=0.02, batch_size=5, epochs=3)
    head = Head.fitted_pooled(recipe, development.pooled[train], development.diseased[train], seed=7 + 3)
    scores, diseased = head.scores_pooled(development.pooled[validation]), development.diseased[validation]
    assert points[2].fold_auc[2] == pytest.approx(roc_auc_score(diseased, scores))
    assert points[2].fold_accuracy[2] == pytest.approx(((scores >= 0.5) == diseased).mean())
    assert len({point.fold_auc for point in points}) == 4


def test_shifted_copies_of_the_training_radiographs_alone_reach_a_fit(
    store: PointStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    development = drawn_development(copies=3)
    fitted = Head.fitted_pooled
    seen: list[tuple[int, ...]] = []

    def watch(*arguments: object, shifted: np.ndarray, **named: object) -> Head:
        seen.append(shifted.shape)
        return fitted(*arguments, shifted=shifted, **named)

    monkeypatch.setattr(Head, "fitted_pooled", watch)
    moved = run_stage(STAGE, RECIPE, development, store, seed=7)
    assert set(seen) == {(32, 3, 512)}
    monkeypatch.undo()
    still = run_stage(STAGE, RECIPE, drawn_development(), PointStore(store.folder, "without copies"), seed=7)
    assert moved != still


def test_finished_points_are_not_computed_again_and_the_result_is_the_same(
    store: PointStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    development = drawn_development()
    whole = run_stage(STAGE, RECIPE, development, PointStore(store.folder / "whole", "c"), seed=7)

    computed: list[float] = []

    def watch(recipe: object, development: Development, *, seed: int, **more: bool) -> object:
        if len(computed) == 2:
            raise KeyboardInterrupt
        computed.append(recipe.learning_rate)  # type: ignore[attr-defined]  # a recipe
        return out_of_fold_scores(recipe, development, seed=seed, **more)  # type: ignore[arg-type]  # likewise

    monkeypatch.setattr(search, "out_of_fold_scores", watch)
    with pytest.raises(KeyboardInterrupt):
        run_stage(STAGE, RECIPE, development, store, seed=7)
    computed.clear()
    steps: list[tuple[str, int, int]] = []
    again = run_stage(STAGE, RECIPE, development, store, seed=7, progress=lambda *step: steps.append(step))
    assert computed == [0.02, 0.02]
    assert again == whole
    assert steps == [("coarse", done, 4) for done in (1, 2, 3, 4)]


def test_a_learning_rate_that_runs_away_is_a_bad_point_and_no_crash(
    store: PointStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run_away(*_: object, **__: object) -> Head:
        raise ModelError

    monkeypatch.setattr(Head, "fitted_pooled", run_away)
    (point,) = run_stage(Stage(name="far", epochs=(3,)), RECIPE, drawn_development(), store, seed=1)
    assert point.fold_auc == (0.5,) * 5
    assert point.fold_accuracy == (0.5,) * 5


def point_of(auc: float, accuracy: float, epochs: int) -> GridPoint:
    return GridPoint(
        stage="a",
        learning_rate=0.01,
        batch_size=5,
        optimizer="SGD",
        epochs=epochs,
        fold_auc=(auc, auc),
        fold_accuracy=(accuracy, accuracy),
    )


def test_the_best_point_is_the_first_of_those_with_the_highest_mean() -> None:
    points = [point_of(0.8, 0.9, 1), point_of(0.9, 0.7, 2), point_of(0.9, 0.8, 3), point_of(0.7, 0.9, 4)]
    assert best_of(points, "auc").epochs == 2
    assert best_of(points, "accuracy").epochs == 1
    chosen = recipe_of(points[1], RECIPE)
    assert (chosen.epochs, chosen.optimizer, chosen.learning_rate, chosen.batch_size) == (2, "SGD", 0.01, 5)
    assert chosen.hidden_units == RECIPE.hidden_units
