from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from cxrscreen.classifier.recipe import recipe_named
from cxrscreen.errors import ModelError
from cxrscreen.types import FeatureMaps
from tests.classifier.random_model import random_head_arrays

if TYPE_CHECKING:
    from cxrscreen.classifier.head import Head

pytestmark = pytest.mark.tensorflow


def changed_outside_the_upper_left(feature_maps: FeatureMaps) -> FeatureMaps:
    changed = feature_maps + 1
    changed[:, :4, :4] = feature_maps[:, :4, :4]
    return changed


def head_of(recipe: str) -> Head:
    from cxrscreen.classifier.head import Head  # noqa: PLC0415  # starts TensorFlow

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


def test_a_confident_score_stays_below_one_and_above_a_less_confident_one(feature_maps: FeatureMaps) -> None:
    from cxrscreen.classifier.head import Head  # noqa: PLC0415  # starts TensorFlow

    arrays = random_head_arrays()
    arrays["outputs/kernel"][:] = 0
    scores = []
    for log_odds in (20, 25, -800):
        arrays["outputs/bias"][:] = (log_odds, 0)
        scores.append(Head.from_arrays(recipe_named("standard"), arrays).scores(feature_maps[:1])[0])
    assert scores[2] == 0
    assert scores[0] < scores[1] < 1


def test_no_radiographs_give_no_scores(standard_head: Head) -> None:
    assert standard_head.scores(np.empty((0, 7, 7, 512), np.float32)).shape == (0,)


def test_arrays_rebuild_the_same_head() -> None:
    from cxrscreen.classifier.head import Head  # noqa: PLC0415  # starts TensorFlow

    arrays = random_head_arrays()
    head = Head.from_arrays(recipe_named("standard"), arrays)
    assert list(head.arrays()) == list(arrays)
    assert all((head.arrays()[name] == array).all() for name, array in arrays.items())


def test_arrays_of_another_shape_are_refused() -> None:
    from cxrscreen.classifier.head import Head  # noqa: PLC0415  # starts TensorFlow

    arrays = random_head_arrays() | {"hidden1/bias": np.zeros(65, np.float32)}
    with pytest.raises(ModelError, match="do not fit"):
        Head.from_arrays(recipe_named("standard"), arrays)


def test_fitting_learns_and_the_seed_decides_the_weights() -> None:
    from cxrscreen.classifier.head import Head  # noqa: PLC0415  # starts TensorFlow

    generator = np.random.default_rng(3)
    diseased = np.arange(42) % 2 == 0
    feature_maps = np.maximum(generator.normal(size=(42, 7, 7, 512)), 0).astype(np.float32)
    feature_maps[diseased, :, :, :40] += 0.3
    recipe = recipe_named("standard")
    first, again, other = (Head.fitted(recipe, feature_maps, diseased, seed=seed) for seed in (1, 1, 2))
    assert (first.scores(feature_maps) > 0.5).tolist() == diseased.tolist()
    assert all((first.arrays()[name] == again.arrays()[name]).all() for name in first.arrays())
    assert (first.arrays()["hidden1/kernel"] != other.arrays()["hidden1/kernel"]).any()


def test_the_learning_rate_falls_as_the_study_let_it() -> None:
    from cxrscreen.classifier.head import learning_rate  # noqa: PLC0415  # starts TensorFlow

    falling = learning_rate(recipe_named("study-2020"))
    for step in (0, 1, 100, 400):
        assert float(falling(step)) == pytest.approx(0.008 / (1 + 0.008 / 12 * step))


def test_an_unknown_recipe_names_the_known_ones() -> None:
    with pytest.raises(ModelError, match="study-2020, standard"):
        recipe_named("best")
