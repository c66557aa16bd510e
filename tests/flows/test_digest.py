"""The digest's flow against a real Prefect server."""

from __future__ import annotations

import json
from datetime import datetime
from functools import partial
from pathlib import Path

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import StateType

from cxrscreen.screening.screen import screen
from cxrscreen.settings import Settings
from cxrscreen.upkeep.digest import write_digest
from cxrscreen.upkeep.self_test import SelfTest
from flows import digest as flow
from tests.fakes import StubClassifier, draw_png, stub_session

PATIENT = "DOE^JANE"

pytestmark = [
    pytest.mark.server,
    pytest.mark.usefixtures("prefect_server"),
    pytest.mark.filterwarnings("default"),  # warnings of Prefect are not ours to mend
]


def passed(_settings: Settings) -> SelfTest:
    now = datetime.now().astimezone().isoformat(timespec="seconds")
    return SelfTest(at=now, seconds=0.1, model="standard-2", healthy=True, findings=())


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CXRSCREEN_WORKSPACE", str(tmp_path / "w"))
    monkeypatch.setenv("CXRSCREEN_MIN_FREE_MEGABYTES", "0")
    monkeypatch.setattr(flow, "write_digest", partial(write_digest, self_test=passed))
    with stub_session(tmp_path / "w", StubClassifier(breaks_on_grey=130), max_attempts=1) as session:
        for name, grey in ((f"{PATIENT}.png", 30), (f"{PATIENT}-2.png", 130)):
            draw_png(tmp_path / "w" / "intake" / name, grey)
        (tmp_path / "w" / "intake" / f"{PATIENT}.txt").write_text("no picture")
        screen(session)
    return tmp_path / "w"


def latest_artifact(ending: str = "") -> str:
    key = f"digest-{datetime.now().astimezone().date().isoformat()}{ending}"
    with get_client(sync_client=True) as client:
        artifacts = client.request("POST", "/artifacts/filter", json={}).json()
    return str(max((one for one in artifacts if one["key"] == key), key=lambda one: str(one["created"]))["data"])


def everything_prefect_knows() -> str:
    """Return all runs, parameters, logs and artifacts as one text."""
    with get_client(sync_client=True) as client:
        runs = [run.model_dump(mode="json") for run in client.read_flow_runs()]
        tasks = [run.model_dump(mode="json") for run in client.read_task_runs()]
        artifacts = client.request("POST", "/artifacts/filter", json={}).json()
        logs = client.request("POST", "/logs/filter", json={}).json()
    return json.dumps([runs, tasks, artifacts, logs])


def test_a_digest_completes_says_what_must_be_done_and_names_nobody(workspace: Path) -> None:
    state = flow.digest(return_state=True)
    assert state.type is StateType.COMPLETED
    message = state.message or ""
    assert "3 files = 1 reported + 1 refused + 0 duplicate + 1 failed + 0 pending" in message
    assert "Someone must act: Files in the quarantine because the software failed on them: 1." in message
    today = datetime.now().astimezone().date().isoformat()
    artifact, known = latest_artifact(), everything_prefect_knows()
    assert f"/digests/{today}.html" in artifact
    assert "| 3 | 1 | 1 | 0 | 1 | 0 |" in artifact
    assert "The whole ledger agrees" in artifact
    assert PATIENT not in known
    page = (workspace / "reports" / "digests" / f"{today}.html").read_text(encoding="utf-8")
    assert f"{PATIENT}-2.png" in page  # for the person who can act


def test_where_ledger_and_folders_do_not_agree_prefect_hears_how_many_but_not_which(workspace: Path) -> None:
    for path in workspace.glob(f"archive/*/*/{PATIENT}.png"):
        path.unlink()
    state = flow.digest(return_state=True)
    assert "Places where ledger and folders do not agree: 1." in (state.message or "")
    artifact, known = latest_artifact(), everything_prefect_knows()
    assert "In the ledger, but neither in the archive nor in the quarantine. (1)" in artifact
    assert PATIENT not in known


def test_with_an_unread_ledger_prefect_hears_of_no_sums_and_no_agreement(workspace: Path) -> None:
    (workspace / "ledger.sqlite").write_bytes(b"garbage" * 1000)
    state = flow.digest(return_state=True)
    said = state.message or ""
    assert said.startswith("Ledger or folders could not be read: nothing was counted or compared. Someone")
    artifact = latest_artifact("-incomplete")
    assert "nothing was counted or compared" in artifact
    assert "-incomplete.html" in artifact
    assert "agree" not in artifact
    assert "reported" not in artifact


@pytest.mark.usefixtures("workspace")
def test_a_digest_that_cannot_be_written_fails_without_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    def unwritable(_settings: Settings) -> None:
        raise PermissionError(13, "Permission denied", f"/w/{PATIENT}")

    monkeypatch.setattr(flow, "write_digest", unwritable)
    monkeypatch.setattr(flow.write, "retries", 0)
    state = flow.digest(return_state=True)
    assert state.type is StateType.FAILED
    known = everything_prefect_knows()
    assert "Permission denied" in known
    assert PATIENT not in known
