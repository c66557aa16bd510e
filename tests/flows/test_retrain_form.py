"""The forms of retraining, evaluation, promotion and rollback, and who may run beside whom."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from prefect.client.schemas.objects import StateType
from pydantic import ValidationError

from cxrscreen.classifier.bundle import save_bundle
from cxrscreen.classifier.registry import SHIPPED_VERSION
from cxrscreen.errors import DataSetError, SettingsError
from cxrscreen.screening.stopped import note_stop, stop_of
from cxrscreen.settings import load_settings
from cxrscreen.training.search_space import STUDY_SPACE, Start
from flows.deployments import RUNS_AT_ONCE, deployments
from flows.evaluate import evaluate
from flows.nameless import nameless
from flows.promote import promote
from flows.retrain import retrain
from flows.rollback import rollback
from flows.search_form import SpaceForm, StageForm, space_of
from tests.classifier.random_model import random_base, random_bundle

pytestmark = pytest.mark.filterwarnings("default")  # warnings of Prefect are not ours to mend


@pytest.mark.parametrize("start", ["study", "best"])
def test_a_form_without_stages_means_those_of_the_study(start: Start) -> None:
    space = space_of(SpaceForm(start=start, criterion="accuracy"))
    assert space.stages == STUDY_SPACE.stages
    assert (space.start, space.criterion) == (start, "accuracy")


def test_the_stages_of_the_study_can_be_typed_into_the_form() -> None:
    stages = [
        stage.model_dump(mode="json", exclude={"fixed"})
        | {f"fixed_{name}": value for name, value in stage.fixed.model_dump(exclude_none=True).items()}
        for stage in STUDY_SPACE.stages
    ]
    assert space_of(SpaceForm.model_validate({"stages": stages})) == STUDY_SPACE


def test_what_is_left_empty_is_neither_tried_nor_fixed() -> None:
    form = SpaceForm(start="best", stages=[StageForm(name="one", epochs=[5, 7], fixed_optimizer="SGD")])
    (stage,) = space_of(form).stages
    assert stage.epochs == (5, 7)
    assert stage.fixed.model_dump(exclude_none=True) == {"optimizer": "SGD"}


@pytest.mark.parametrize(
    ("stages", "words"),
    [
        ([StageForm(name="idle")], "'idle' varies nothing"),
        ([StageForm(name="", epochs=[5])], "name"),
        ([StageForm(name="a", epochs=[5]), StageForm(name="a", epochs=[7])], "two stages have one name"),
        ([StageForm(name="a", learning_rate=[0.1, 0])], "learning_rate"),
        ([StageForm(name="a", batch_size=[300])], "batch_size"),
        ([StageForm(name="a", epochs=[5, 5])], "twice"),
        ([StageForm(name="a", epochs=[5], fixed_epochs=7)], "both varies and fixes epochs"),
        ([StageForm(name="a", epochs=list(range(1, 21)), batch_size=list(range(1, 21)))], "at most 200"),
    ],
)
def test_a_bad_space_is_refused_in_words(stages: list[StageForm], words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        space_of(SpaceForm(stages=stages))


def test_the_form_itself_refuses_what_can_be_no_setting() -> None:
    with pytest.raises(ValidationError, match="fixed_epochs"):
        StageForm.model_validate({"name": "a", "fixed_epochs": -1})
    with pytest.raises(ValidationError, match="optimizer"):
        StageForm.model_validate({"name": "a", "optimizer": ["Adamant"]})


def forms(root: Path) -> dict[str, dict[str, Any]]:
    served = deployments(load_settings(root))
    return {one.flow_name or "": one._parameter_openapi_schema.model_dump() for one in served}


def test_each_field_of_each_form_is_explained(tmp_path: Path) -> None:
    for name, form in forms(tmp_path).items():
        models = [form, *form["definitions"].values()]
        fields = [(field, spec) for model in models for field, spec in model["properties"].items()]
        assert all(spec.get("description") for _, spec in fields), (name, fields)


def test_the_forms_ask_for_what_only_a_person_can_say(tmp_path: Path) -> None:
    required = {name: form.get("required", []) for name, form in forms(tmp_path).items()}
    assert required == {
        "screen-intake": [],
        "digest": [],
        "screen-studies": [],
        "retrain": ["folder"],
        "evaluate": ["folder"],
        "site-acceptance": ["folder"],
        "train-lungs": ["folder"],
        "promote": ["version", "who", "why"],
        "rollback": ["who", "why"],
    }


def test_the_longest_field_stands_last(tmp_path: Path) -> None:
    form = forms(tmp_path)["retrain"]["properties"]
    assert min(form, key=lambda field: form[field]["position"]) == "folder"
    assert max(form, key=lambda field: form[field]["position"]) == "space"
    assert form["copies"]["minimum"] == 0
    assert form["recipe"]["anyOf"][0]["enum"] == ["study-2020", "standard", "lung-focused"]
    assert form["recipe"].get("default") is None


def test_no_flow_can_take_the_place_of_the_nightly_screening(tmp_path: Path) -> None:
    served = {one.flow_name: one for one in deployments(load_settings(tmp_path))}
    assert all(one.concurrency_limit == 1 for one in served.values())
    with_a_model = ["screen-intake", "screen-studies", "retrain", "evaluate", "site-acceptance"]
    assert len(with_a_model) < RUNS_AT_ONCE
    strategies = {name: one.concurrency_options for name, one in served.items()}
    assert strategies["screen-intake"].collision_strategy == "CANCEL_NEW"  # type: ignore[union-attr]  # it is set
    assert strategies["retrain"].collision_strategy == "ENQUEUE"  # type: ignore[union-attr]  # likewise


def test_an_error_about_a_data_set_keeps_its_words_and_loses_its_files() -> None:
    with pytest.raises(DataSetError) as caught, nameless():
        raise DataSetError("One content carries both labels.", files=["covid/DOE^JANE.png"])
    assert str(caught.value) == "One content carries both labels."


@pytest.mark.parametrize(
    ("flow", "form", "words"),
    [
        (retrain, {"folder": " "}, "An empty field names no absolute path"),
        (retrain, {"folder": "some/place"}, "some/place is no absolute path"),
        (
            retrain,
            {"folder": "/", "search": True, "space": SpaceForm(stages=[StageForm(name="idle")])},
            "varies nothing",
        ),
        (retrain, {"folder": "/", "version": "standard-2/.."}, "version"),
        (retrain, {"folder": "/", "note": "x" * 501}, "note"),
        (evaluate, {"folder": "/no/such/place"}, "no absolute path of a folder"),
        (evaluate, {"folder": "/", "model": "unheard-of"}, "Known versions: standard"),
        (promote, {"version": "unheard-of", "who": "me", "why": "so"}, "Known versions: standard"),
        (promote, {"version": "standard-2", "who": " ", "why": "so"}, "Name who moves the champion"),
        (rollback, {"who": "me", "why": ""}, "Name who moves the champion"),
    ],
)
def test_a_wrong_form_is_answered_in_words(
    flow: Any, form: dict[str, object], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CXRSCREEN_WORKSPACE", str(tmp_path))
    state = flow.fn(**form)  # without a server: each is refused before the first step
    assert state.type is StateType.FAILED
    assert words in state.message


def test_what_once_stopped_a_model_is_past_when_it_is_made_the_champion_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CXRSCREEN_WORKSPACE", str(tmp_path))
    for name in ("promote", "rollback"):
        monkeypatch.setattr(f"flows.{name}.publish_champions", lambda _registry: None)  # it needs a server
    card, weights = random_bundle("random-1", random_base(0).rounded())
    save_bundle(tmp_path / "models", card, weights, {})
    said = {"who": "A. Person", "why": "the libraries are mended"}
    for flow, version in ((promote, {"version": "random-1", "overrule": True}), (rollback, {})):
        note_stop(tmp_path, str(version.get("version", SHIPPED_VERSION)), "another library")
        assert flow.fn(**version, **said).type is StateType.COMPLETED  # type: ignore[operator]  # of either flow
        assert stop_of(tmp_path) is None
