"""Retraining, evaluation, promotion and rollback against a real Prefect server and the shipped base."""

from __future__ import annotations

import json
import logging
import shutil
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State, StateType

from cxrscreen.errors import ReportError
from cxrscreen.labelled.site import site_of
from cxrscreen.settings import load_settings
from cxrscreen.training.retraining import Retraining
from cxrscreen.types import Progress
from flows.evaluate import evaluate
from flows.promote import promote
from flows.retrain import retrain
from flows.rollback import rollback
from flows.screen_intake import screen_intake
from flows.search_form import SpaceForm, StageForm
from tests.fakes import draw_png
from tests.flows.test_flows import SENDER_NAMED_IT, everything_prefect_knows
from tests.flows.test_privacy import TAGS, found, with_comment

PATIENTS = 10  # of each class, the fewest that can be split
CELLS = ("BEEBLEBROX", "TRILLIANA")  # in columns of metadata.csv: to be found nowhere but there
SPACE = SpaceForm(
    start="best", stages=[StageForm(name="short", epochs=[1, 2]), StageForm(name="rate", learning_rate=[0.001])]
)

pytestmark = [
    pytest.mark.server,
    pytest.mark.tensorflow,
    pytest.mark.usefixtures("prefect_server"),
    pytest.mark.filterwarnings("default"),  # warnings of Prefect and TensorFlow are not ours to mend
]


@pytest.fixture(scope="module")
def labelled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten patients of each class, one radiograph each; COVID-19 is brighter below. Names stand wherever they can."""
    root = tmp_path_factory.mktemp("labelled") / "drawn-set"
    rows = ["filename,patient_id,source,license,view,age,sex,label,doctor"]
    for label in ("covid", "normal"):
        (root / label).mkdir(parents=True)
        for number in range(PATIENTS):
            name = f"{label}/{SENDER_NAMED_IT}-{number}.png"
            coarse = np.random.default_rng(number + 100 * (label == "covid")).integers(40, 160, size=(80, 80))
            coarse[40:] += 60 * (label == "covid")
            png = cv2.imencode(".png", cv2.resize(coarse.astype(np.uint8), (320, 320)))[1].tobytes()
            (root / name).write_bytes(with_comment(png))
            source = f"{label} hospital" if number else "from BEEBLEBROX"
            cells = f"of BEEBLEBROX {number},as TRILLIANA {number} lay,BEEBLEBROX,TRILLIANA,BEEBLEBROX,Dr TRILLIANA"
            rows.append(f"{name},{SENDER_NAMED_IT}-{label}-{number},{source},{cells}")
    (root / "metadata.csv").write_text("\n".join(rows))
    return root


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("site") / "w"


@pytest.fixture
def workspace(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CXRSCREEN_WORKSPACE", str(home))
    monkeypatch.setenv("CXRSCREEN_SETTLE_SECONDS", "0")
    return home


def artifacts(key: str) -> list[dict[str, Any]]:
    """Return the artifacts of a key, the latest last."""
    with get_client(sync_client=True) as client:
        found = client.request("POST", "/artifacts/filter", json={"artifacts": {"key": {"any_": [key]}}}).json()
    return sorted(found, key=lambda artifact: str(artifact["created"]))


def message(state: State[Any]) -> str:
    return state.message or ""


def test_a_retraining_that_died_goes_on_and_ends_with_a_judged_challenger(
    workspace: Path, labelled: Path, caplog: pytest.LogCaptureFixture
) -> None:
    form: dict[str, Any] = {"folder": str(labelled), "search": True, "space": SPACE, "note": "first"}
    computed: list[int] = []

    def counted(retraining: Retraining, progress: Progress | None = None) -> int:
        computed.append(as_it_is(retraining, progress))
        return computed[-1]

    def die(*_: object, **__: object) -> None:
        raise ReportError("The disk is full.")

    def computed_anew(*_: object, **__: object) -> None:
        pytest.fail("a point of the search that is there was computed again")

    as_it_is = Retraining.compute_feature_maps
    with pytest.MonkeyPatch.context() as patch, caplog.at_level(logging.DEBUG):
        patch.setattr(Retraining, "compute_feature_maps", counted)
        patch.setattr("cxrscreen.training.retraining.fit_challenger", die)
        state = retrain(**form, return_state=True)
        assert state.type is StateType.FAILED
        assert "The disk is full" in message(state)
        assert site_of(load_settings()).registry.champion() == "standard-2"
        rows = json.loads(artifacts("retrain-search")[-1]["data"])
        assert [row["stage"] for row in rows] == ["short", "short", "rate"]

        patch.undo()
        patch.setattr(Retraining, "compute_feature_maps", counted)
        patch.setattr("cxrscreen.training.search.out_of_fold_scores", computed_anew)
        state = retrain(**form, return_state=True)
    assert state.type is StateType.COMPLETED, message(state)
    assert computed[0] >= 2 * PATIENTS
    assert computed[1] == 0
    assert "waits for a person" in message(state)
    version = message(state).split(";")[0]
    assert version in [card.version for card in site_of(load_settings()).registry.cards()]

    (report,) = artifacts("retrain-report")
    (html,) = [line for line in report["data"].splitlines() if "Evaluation report" in line]
    place = html.split("](")[1].split(")")[0].split("/", 3)[3]
    assert (workspace / "reports" / place).is_file()
    assert "## Promotion" in report["data"]
    assert "promote/on-demand" in report["data"]
    assert {row["figure"] for row in json.loads(artifacts("retrain-figures")[-1]["data"])} >= {"AUC", "sensitivity"}
    assert "covid hospital" in artifacts("retrain-data")[-1]["data"]
    known = everything_prefect_knows() + caplog.text
    for secret in (SENDER_NAMED_IT, *CELLS, *TAGS):
        assert secret not in known, known[known.index(secret) - 200 :][:400]


def test_the_data_set_is_searched_for_faults_and_prefect_hears_no_file_name(
    workspace: Path, labelled: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    faulty = tmp_path / "faulty-set"
    shutil.copytree(labelled, faulty)
    shutil.copy(next((faulty / "covid").iterdir()), faulty / "normal" / f"{SENDER_NAMED_IT}-again.png")
    with caplog.at_level(logging.DEBUG):
        state = retrain(folder=str(faulty), return_state=True)
    assert state.type is StateType.FAILED
    assert "carries both labels" in message(state)
    (page,) = (workspace / "reports").glob("faults-*.txt")
    assert f"normal/{SENDER_NAMED_IT}-again.png" in page.read_text()
    assert page.name in artifacts("labelled-faults")[-1]["data"]
    assert SENDER_NAMED_IT not in everything_prefect_knows() + caplog.text


def test_a_model_is_evaluated_on_its_own(workspace: Path, labelled: Path, caplog: pytest.LogCaptureFixture) -> None:
    (challenger,) = [card.version for card in site_of(load_settings()).registry.cards() if card.version != "standard-2"]
    with caplog.at_level(logging.DEBUG):
        state = evaluate(folder=str(labelled), model=challenger, return_state=True)
    assert state.type is StateType.COMPLETED, message(state)
    assert message(state).startswith(f"{challenger} on {2 * PATIENTS} radiographs")
    rows = json.loads(artifacts("evaluate-figures")[-1]["data"])
    assert all(row["n"] > 0 and " to " in row["95 % interval"] and row["method"] for row in rows)
    assert "Evaluation report" in artifacts("evaluate-report")[-1]["data"]
    known = everything_prefect_knows() + caplog.text
    assert [secret for secret in (SENDER_NAMED_IT, *CELLS, *TAGS) if secret in known] == []
    assert list(workspace.glob("reports/evaluation-*/index.html"))


def test_nobody_is_named_by_what_retraining_and_evaluation_leave_behind(workspace: Path, labelled: Path) -> None:
    (model,) = (workspace / "models").glob("*/CARD.md")
    assert "covid hospital" in model.read_text()
    assert found([labelled / "metadata.csv"], CELLS), "the search finds what is there"
    assert found([labelled / "covid"], TAGS)
    assert found([workspace], CELLS + TAGS) == []
    named = (model.with_name("evaluation.json"), workspace / "reports")
    assert found([*named], (SENDER_NAMED_IT,))
    assert found([workspace], (SENDER_NAMED_IT,), but=named) == []


def test_a_person_promotes_what_the_gate_did_not_and_rolls_back_and_screening_follows(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry = site_of(load_settings()).registry
    (challenger,) = [card.version for card in registry.cards() if card.version != "standard-2"]
    if registry.verdict_of(challenger) != "promote":
        refused = promote(version=challenger, who="A. Person", why="curious", return_state=True)
        assert refused.type is StateType.FAILED
        assert "not recommended" in message(refused)
        assert registry.champion() == "standard-2"
    monkeypatch.setenv("CXRSCREEN_MODEL", "standard-2")
    state = promote(version=f" {challenger} ", who="A. Person", why="trial", overrule=True, return_state=True)
    assert state.type is StateType.COMPLETED, message(state)
    assert message(state) == (
        f"{challenger} is the champion now, in place of standard-2. But the settings name standard-2: that one screens "
        "until they say 'champion' again."
    )
    monkeypatch.delenv("CXRSCREEN_MODEL")
    assert registry.champion() == challenger
    assert screened_by(workspace, grey=60) == challenger
    state = rollback(who="A. Person", why="trial is over", return_state=True)
    assert message(state) == f"standard-2 is the champion again, in place of {challenger}."
    assert screened_by(workspace, grey=90) == "standard-2"
    latest, first = json.loads(artifacts("champion-log")[-1]["data"])
    assert (latest["move"], first["move"], first["who"]) == ("rollback", "promote", "A. Person")
    again = rollback(who="A. Person", why="further", return_state=True)
    assert again.type is StateType.FAILED
    assert "no model to go back to" in message(again)


@pytest.mark.usefixtures("workspace")
def test_a_folder_that_is_no_labelled_one_is_answered_in_words() -> None:
    state = retrain(folder="/", return_state=True)
    assert state.type is StateType.FAILED
    assert "no subfolder covid" in message(state)


def screened_by(workspace: Path, *, grey: int) -> str:
    """Screen one drawn picture and return the model that the report names."""
    before = set(workspace.glob("reports/*/batch.json"))
    draw_png(workspace / "intake" / f"{grey}.png", grey)
    assert screen_intake(return_state=True).type is StateType.COMPLETED
    (batch,) = set(workspace.glob("reports/*/batch.json")) - before
    return str(json.loads(batch.read_text())["model"]["version"])
