from __future__ import annotations

from typing import Any

import pytest

from cxrscreen.classifier.recipe import recipe_named
from cxrscreen.errors import SettingsError
from cxrscreen.training.request import request_of
from cxrscreen.training.search_space import STUDY_SPACE, FixedSettings, SearchSpace, Stage, read_space

STANDARD = recipe_named("standard")

IN_TOML = """
start = "best"
criterion = "accuracy"

[[stages]]
name = "coarse"
learning_rate = [0.001, 0.02]
batch_size = [5, 10]
fixed = { epochs = 10 }
"""
IN_JSON = """{"start": "best", "criterion": "accuracy", "stages": [
  {"name": "coarse", "learning_rate": [0.001, 0.02], "batch_size": [5, 10], "fixed": {"epochs": 10}}]}"""


def test_the_study_searched_23_points_in_five_stages() -> None:
    sizes = {stage.name: stage.size for stage in STUDY_SPACE.stages}
    assert sizes == {"coarse": 9, "optimizer": 3, "fine learning rate": 3, "fine batch": 4, "fine epochs": 4}


def test_the_study_s_own_starts_end_at_what_it_chose() -> None:
    last = STUDY_SPACE.stages[-1]
    end = last.recipes(last.starting_from(STANDARD))[-1]
    assert (end.learning_rate, end.batch_size, end.epochs, end.optimizer) == (0.008, 7, 12, "Adam")


def test_a_stage_varies_what_it_names_and_leaves_the_rest_as_it_starts() -> None:
    stage = Stage(name="a", learning_rate=(0.1, 0.2), optimizer=("SGD", "Adam"), fixed=FixedSettings(epochs=3))
    recipes = stage.recipes(stage.starting_from(STANDARD))
    assert len(recipes) == stage.size == 4
    assert [(r.learning_rate, r.optimizer) for r in recipes] == [
        (0.1, "SGD"),
        (0.1, "Adam"),
        (0.2, "SGD"),
        (0.2, "Adam"),
    ]
    assert {(r.epochs, r.batch_size, r.dropout, r.name) for r in recipes} == {
        (3, STANDARD.batch_size, STANDARD.dropout, STANDARD.name)
    }


def test_a_space_may_be_written_as_toml_or_json() -> None:
    assert read_space(IN_TOML) == read_space(IN_JSON)
    assert read_space("\ufeff" + IN_TOML) == read_space("\ufeff" + IN_JSON) == read_space(IN_TOML)
    assert read_space(IN_TOML).stages[0].size == 4
    assert read_space(STUDY_SPACE.model_dump_json()) == STUDY_SPACE


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("start = ", "is not valid TOML"),
        ("stages = []", "there are no stages; name at least one"),
        ('[[stages]]\nname = "a"', "stages.1: the stage 'a' varies nothing"),
        ('[[stages]]\nname = "a"\nepochs = [5]\nfixed = { epochs = 5 }', "both varies and fixes epochs"),
        ('[[stages]]\nname = "a"\nepochs = [5, 5]', "stages.1.epochs: a value stands twice"),
        ('[[stages]]\nname = "a"\nepochs = [0]', "stages.1.epochs.1: Input should be greater than or equal to 1"),
        ('[[stages]]\nname = "a"\nlearning_rate = [nan]', "stages.1.learning_rate.1: "),
        ('[[stages]]\nname = "a"\nlearning_rate = [1.5]', "should be less than or equal to 1"),
        ('[[stages]]\nname = "a"\noptimizer = ["Adagrad"]', "should be 'Adam', 'SGD' or 'RMSprop'"),
        ('[[stages]]\nname = "a"\nmomentum = [0.9]', "stages.1.momentum: Extra inputs are not permitted"),
        ('[[stages]]\nname = "a"\nepochs = [1]\n[[stages]]\nname = "a"\nepochs = [2]', "two stages have one name"),
        ('start = "worst"\n[[stages]]\nname = "a"\nepochs = [1]', "start: Input should be 'study' or 'best'"),
        ('{"stages": [', "Invalid JSON"),
        ('[{"name": "a", "epochs": [5]}]', 'is a list. Write {"stages": before it and } after it.'),
        ('[[stages]]\nname = "a"\nepochs = 2', "stages.1.epochs: epochs must be a list, e.g. epochs = [2]"),
        ('{"stages": [{"name": "a", "epochs": 2}]}', "stages.1.epochs: epochs must be a list, e.g. epochs = [2]"),
        ('[[stages]]\nname = "a"\noptimizer = "SGD"', "optimizer must be a list, e.g. optimizer = ['SGD']"),
        ('[stages]\nname = "a"', "stages: stages must be a list, e.g. [[stages]]"),
    ],
)
def test_a_space_that_cannot_be_searched_is_refused_in_words(text: str, words: str) -> None:
    with pytest.raises(SettingsError) as refused:
        read_space(text)
    assert words in str(refused.value)
    assert "search space" in str(refused.value)
    assert "Value error" not in str(refused.value)


def test_a_space_of_too_many_points_is_refused_without_drawing_it() -> None:
    many = {"name": "a", "epochs": list(range(1, 201)), "batch_size": list(range(1, 257))}
    many["learning_rate"] = [i / 100_000 for i in range(1, 90_000)]
    with pytest.raises(SettingsError, match=r"at most 200 can be searched"):
        request_of(data_folder="x", space={"stages": [many]})
    assert SearchSpace(stages=(Stage(name="a", epochs=tuple(range(1, 201))),)).stages[0].size == 200


@pytest.mark.parametrize(
    ("chosen", "words"),
    [
        ({"recipe": "newest"}, "recipe: Input should be 'study-2020', 'standard' or 'lung-focused'"),
        ({"augmentation": {"copies": 21}}, "augmentation: there may be 0 to 20 shifted copies"),
        ({"augmentation": {"copies": 2, "max_shift": 0.6}}, "augmentation: the largest shift is a part of the side"),
        ({"seed": -1}, "seed: Input should be greater than or equal to 0"),
        ({"seeed": 1}, "seeed: Extra inputs are not permitted"),
    ],
)
def test_a_request_that_cannot_be_met_is_refused_in_words(chosen: dict[str, object], words: str) -> None:
    with pytest.raises(SettingsError) as refused:
        request_of(data_folder="somewhere", **chosen)
    assert words in str(refused.value)


@pytest.mark.parametrize(
    ("chosen", "recipe"),
    [
        ({}, "lung-focused"),
        ({"search": True}, "standard"),
        ({"augmentation": {"copies": 2}}, "standard"),
        ({"recipe": "study-2020"}, "study-2020"),
        ({"recipe": "lung-focused", "search": True}, "lung-focused"),
    ],
)
def test_a_request_without_a_recipe_gets_the_best_one_for_what_it_asks(chosen: dict[str, Any], recipe: str) -> None:
    assert request_of(data_folder="somewhere", **chosen).recipe == recipe
