from __future__ import annotations

import numpy as np
import pytest

from cxrscreen.classifier.head import Head
from cxrscreen.classifier.pooling import pool
from cxrscreen.classifier.recipe import recipe_named
from cxrscreen.errors import ModelError
from cxrscreen.types import FeatureMaps
from tests.classifier.random_model import random_head_arrays


def changed_outside_the_upper_left(feature_maps: FeatureMaps) -> FeatureMaps:
    changed = feature_maps + 1
    changed[:, :4, :4] = feature_maps[:, :4, :4]
    return changed


def head_of(recipe: str) -> Head:
    return Head.from_arrays(recipe_named(recipe), random_head_arrays())


def test_the_study_sees_the_upper_left_four_by_four_cells_only(feature_maps: FeatureMaps) -> None:
    head = head_of("study-2020")
    assert head.scores(changed_outside_the_upper_left(feature_maps)).tolist() == head.scores(feature_maps).tolist()
    inside = feature_maps.copy()
    inside[:, 3, 3] += 1
    assert (head.scores(inside) != head.scores(feature_maps)).all()


def test_standard_sees_every_cell(feature_maps: FeatureMaps) -> None:
    head = head_of("standard")
    for row, column in ((0, 0), (0, 6), (6, 0), (6, 6), (3, 5)):
        changed = feature_maps.copy()
        changed[:, row, column] += 3
        assert (head.scores(changed) != head.scores(feature_maps)).all()


def test_the_score_is_the_softmax_output_for_covid(feature_maps: FeatureMaps) -> None:
    arrays = random_head_arrays()
    x = feature_maps.mean(axis=(1, 2))
    x = np.maximum(x @ arrays["hidden1/kernel"] + arrays["hidden1/bias"], 0)
    x = np.maximum(x @ arrays["hidden2/kernel"] + arrays["hidden2/bias"], 0)
    covid, normal = np.exp(x @ arrays["outputs/kernel"] + arrays["outputs/bias"]).T
    assert head_of("standard").scores(feature_maps) == pytest.approx(covid / (covid + normal), rel=1e-4)


@pytest.mark.parametrize("recipe", ["study-2020", "standard"])
def test_a_score_depends_neither_on_its_company_nor_on_who_pooled(feature_maps: FeatureMaps, recipe: str) -> None:
    head = head_of(recipe)
    alone = [float(head.scores(feature_maps[row : row + 1])[0]) for row in range(len(feature_maps))]
    assert head.scores(feature_maps) == pytest.approx(alone, rel=1e-12)
    assert (head.scores_pooled(pool(head.recipe, feature_maps)) == head.scores(feature_maps)).all()


@pytest.mark.tensorflow
@pytest.mark.parametrize("recipe", ["study-2020", "standard"])
def test_what_grad_cam_differentiates_is_what_is_scored(feature_maps: FeatureMaps, recipe: str) -> None:
    from cxrscreen.classifier.runtime import tf  # noqa: PLC0415  # starts TensorFlow

    log_odds = head_of(recipe).log_odds_of_tensor(tf.constant(feature_maps)).numpy()
    assert head_of(recipe).scores(feature_maps) == pytest.approx(1 / (1 + np.exp(-log_odds)), rel=1e-4)


def test_a_confident_score_stays_below_one_and_above_a_less_confident_one(feature_maps: FeatureMaps) -> None:
    arrays = random_head_arrays()
    arrays["outputs/kernel"][:] = 0
    scores = []
    for log_odds in (20, 25, -800):
        arrays["outputs/bias"][:] = (log_odds, 0)
        scores.append(Head.from_arrays(recipe_named("standard"), arrays).scores(feature_maps[:1])[0])
    assert scores[2] == 0
    assert scores[0] < scores[1] < 1


def test_no_radiographs_give_no_scores() -> None:
    assert head_of("standard").scores(np.empty((0, 7, 7, 512), np.float32)).shape == (0,)


def test_arrays_rebuild_the_same_head() -> None:
    arrays = random_head_arrays()
    head = Head.from_arrays(recipe_named("standard"), arrays)
    assert list(head.arrays()) == list(arrays)
    assert all((head.arrays()[name] == array).all() for name, array in arrays.items())


def test_nobody_changes_a_head_through_its_arrays(feature_maps: FeatureMaps) -> None:
    arrays = random_head_arrays()
    head = Head.from_arrays(recipe_named("standard"), arrays)
    before = head.scores(feature_maps)
    for array in (*arrays.values(), *head.arrays().values()):
        array[:] = 0
    assert (head.scores(feature_maps) == before).all()


def test_arrays_of_another_shape_are_refused() -> None:
    arrays = random_head_arrays() | {"hidden1/bias": np.zeros(65, np.float32)}
    with pytest.raises(ModelError, match="do not fit"):
        Head.from_arrays(recipe_named("standard"), arrays)
