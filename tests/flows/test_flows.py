"""The flows against a real Prefect server, the shipped model and drawn phantoms."""

from __future__ import annotations

import json
import logging
import shutil
from pathlib import Path

import pytest
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import StateType

from cxrscreen.settings import load_settings
from flows import tasks
from flows.deployments import deployments
from flows.orphans import crash_orphans
from flows.screen_intake import screen_intake
from flows.screen_studies import screen_studies

SENDER_NAMED_IT = "DOE^JANE"

pytestmark = [
    pytest.mark.server,
    pytest.mark.tensorflow,
    pytest.mark.usefixtures("prefect_server"),
    pytest.mark.filterwarnings("default"),  # warnings of Prefect and TensorFlow are not ours to mend
]


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CXRSCREEN_WORKSPACE", str(tmp_path / "w"))
    monkeypatch.setenv("CXRSCREEN_SETTLE_SECONDS", "0.1")
    return tmp_path / "w"


def everything_prefect_knows() -> str:
    """Return all runs, parameters, logs and artifacts as one text."""
    with get_client(sync_client=True) as client:
        runs = [run.model_dump(mode="json") for run in client.read_flow_runs()]
        tasks = [run.model_dump(mode="json") for run in client.read_task_runs()]
        artifacts = client.request("POST", "/artifacts/filter", json={}).json()
        logs = client.request("POST", "/logs/filter", json={}).json()
    return json.dumps([runs, tasks, artifacts, logs])


def test_the_intake_is_screened_and_nobody_is_named(
    workspace: Path, drawn: Path, caplog: pytest.LogCaptureFixture
) -> None:
    shutil.copytree(drawn, workspace / "intake" / "night")
    arrived = sum(1 for path in drawn.rglob("*") if path.is_file())
    with caplog.at_level(logging.DEBUG):
        state = screen_intake(return_state=True)
    assert state.type is StateType.COMPLETED
    assert f"{arrived} files = " in (state.message or "")
    assert "0 failed + 0 pending" in (state.message or "")
    assert not [p for p in (workspace / "intake").rglob("*") if p.is_file() and p.name[0] != "."]
    (batch,) = [json.loads(p.read_text()) for p in workspace.glob("reports/*/batch.json")]
    assert batch["duplicate"] >= 1
    assert {"view", "damaged"} <= {r["reason"] for r in batch["refused_files"]}
    known = everything_prefect_knows() + caplog.text
    assert batch["batch"].lower() in known.lower()
    for secret in ("PHANTOM", "phantom-", "night/"):
        assert secret not in known, f"{secret} reached Prefect or the log"


def test_an_empty_intake_completes_and_says_so(workspace: Path) -> None:
    state = screen_intake(return_state=True)
    assert state.type is StateType.COMPLETED
    assert "Nothing to screen" in (state.message or "")
    assert not list((workspace / "reports").glob("[!.]*"))


def test_single_files_are_screened_as_set_on_demand_and_stay_where_they_are(
    workspace: Path, drawn: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CXRSCREEN_LANGUAGE", "id")
    chosen = sorted(path for path in drawn.rglob("*.png"))[:1]
    state = screen_studies(files=tuple(str(p) for p in chosen), return_state=True)
    assert state.type is StateType.COMPLETED
    assert "1 reported" in (state.message or "")
    assert chosen[0].exists()
    (page,) = workspace.glob("reports/*/S-*/report.html")
    assert 'lang="id"' in page.read_text()


@pytest.mark.usefixtures("workspace")
def test_a_step_that_fails_names_no_file(caplog: pytest.LogCaptureFixture) -> None:
    def cannot_be_listed(folder: Path, _prefix: str) -> object:
        raise PermissionError(13, "Permission denied", f"{folder}/{SENDER_NAMED_IT}")

    with pytest.MonkeyPatch.context() as patch, caplog.at_level(logging.DEBUG):
        patch.setattr("cxrscreen.screening.intake._walk", cannot_be_listed)
        patch.setattr(tasks.claim, "retries", 0)
        state = screen_intake(return_state=True)
    assert state.type is StateType.FAILED
    assert "Permission denied" in (state.message or "")
    assert "Permission denied" in caplog.text
    assert SENDER_NAMED_IT not in everything_prefect_knows() + caplog.text


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"folder": "no/such/place"}, "no absolute path"),
        ({"folder": "/", "files": ("/etc/hostname",)}, "not both"),
        ({"files": ("/no/such/file.dcm",)}, "number 1 is no absolute path"),
        ({"model": "unheard-of"}, "Known versions: standard-2"),
    ],
)
def test_a_wrong_form_is_answered_in_words(workspace: Path, parameters: dict[str, object], words: str) -> None:
    state = screen_studies(**parameters, return_state=True)  # type: ignore[call-overload]  # wrong on purpose
    assert state.type is StateType.FAILED
    assert words in (state.message or "")
    assert not list(workspace.glob("reports/[!.]*"))


@pytest.mark.usefixtures("workspace")
def test_the_form_offers_choices_and_explains_each_field(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXRSCREEN_LANGUAGE", "id")
    intake, on_demand, *_ = deployments(load_settings())
    schema = on_demand._parameter_openapi_schema.model_dump()["properties"]
    assert schema["language"]["enum"] == ["as set", "en", "id"]
    assert schema["explanation"]["enum"] == ["as set", "guided", "standard"]
    assert on_demand.parameters == {"model": "champion", "language": "id", "explanation": "guided"}
    assert all(field["description"] for field in schema.values())
    assert intake.concurrency_limit == 1
    assert len(intake.schedules or []) == 1


@pytest.mark.usefixtures("workspace")
def test_runs_left_by_a_dead_process_are_marked_as_crashed() -> None:
    seen: list[StateType | None] = []

    @flow(name="left-behind")
    def left_behind() -> None:
        assert crash_orphans() >= 1
        with get_client(sync_client=True) as client:
            seen.extend(run.state_type for run in client.read_flow_runs() if run.name == "left-behind-run")

    left_behind.with_options(flow_run_name="left-behind-run")(return_state=True)
    assert seen == [StateType.CRASHED]
