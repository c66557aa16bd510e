from __future__ import annotations

from dataclasses import replace

import pytest

from cxrscreen.classifier.recipe import dense_recipe, recipe_named
from cxrscreen.errors import ModelError
from tests.classifier.random_model import HEAD_SHAPES


def test_an_unknown_recipe_names_the_known_ones() -> None:
    with pytest.raises(ModelError, match="study-2020, standard, lung-focused"):
        recipe_named("best")


@pytest.mark.parametrize("name", ["study-2020", "standard"])
def test_the_head_has_the_shapes_of_the_shipped_one(name: str) -> None:
    assert recipe_named(name).head_shapes() == HEAD_SHAPES


def test_settings_change_the_training_and_the_card_but_not_the_head() -> None:
    recipe = recipe_named("study-2020")
    searched = replace(recipe, learning_rate=0.02, batch_size=15, optimizer="RMSprop", epochs=5)
    assert searched.name == "study-2020"
    assert searched.head_shapes() == recipe.head_shapes()
    changed = searched.hyperparameters().items() - recipe.hyperparameters().items()
    assert dict(changed) == {
        "learning_rate": 0.02,
        "learning_rate_decay_per_step": 0.004,
        "batch_size": 15,
        "epochs": 5,
        "optimizer": "RMSprop",
    }


def test_the_card_of_the_shipped_model_says_what_the_recipe_says() -> None:
    assert recipe_named("standard").hyperparameters()["optimizer"] == "Adam"
    assert recipe_named("standard").hyperparameters()["pooled_cells"] == "7x7"


def test_the_learning_rate_falls_as_the_study_let_it() -> None:
    recipe = recipe_named("study-2020")
    for step in (0, 1, 100, 400):
        assert recipe.learning_rate_at(step) == pytest.approx(0.008 / (1 + 0.008 / 12 * step))


def test_the_recipe_that_looks_at_lungs_ends_at_the_fourth_block_and_has_nothing_to_search() -> None:
    recipe = recipe_named("lung-focused")
    assert (recipe.framing, recipe.block) == ("lungs", 4)
    assert recipe.head_shapes()["weights"] == (512,)
    assert recipe.hyperparameters()["features"] == "mean of block4_pool"
    with pytest.raises(ModelError, match="takes no search"):
        dense_recipe("lung-focused")
    assert dense_recipe("standard") == recipe_named("standard")
