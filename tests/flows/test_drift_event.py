"""That radiographs have changed reaches Prefect as an event, and a failed self-test as a failed run."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import StateType
from prefect.events.worker import EventsWorker

from cxrscreen.errors import SelfTestError
from cxrscreen.screening import batch
from cxrscreen.upkeep import drifting
from flows import digest as flow
from flows.screen_intake import screen_intake
from tests.fakes import draw_png
from tests.flows.test_digest import latest_artifact, workspace
from tests.upkeep.test_drift_said import DRIFTED

__all__ = ["workspace"]  # a fixture

pytestmark = [
    pytest.mark.server,
    pytest.mark.usefixtures("prefect_server"),
    pytest.mark.filterwarnings("default"),  # warnings of Prefect are not ours to mend
]


def events_of(name: str) -> list[dict[str, Any]]:
    """Return the events of a name that the server knows."""
    EventsWorker.instance().wait_until_empty()
    with get_client(sync_client=True) as client:
        chosen = {"filter": {"event": {"name": [name]}}}
        for _ in range(40):  # the server writes them a moment later
            found = client.request("POST", "/events/filter", json=chosen).json()["events"]
            if found:
                return list(found)
            time.sleep(0.25)
    return []


@pytest.mark.usefixtures("workspace")
def test_drift_is_an_event_that_an_automation_can_act_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drifting, "drift_of_days", lambda *_, **__: DRIFTED)
    state = flow.digest(return_state=True)
    assert state.type is StateType.COMPLETED
    assert "The scores of 2026-03-01 to 2026-03-04 are not spread" in (state.message or "")
    (event,) = events_of(flow.DRIFT_EVENT)
    assert event["resource"]["prefect.resource.id"] == "cxrscreen.model.standard-2"
    assert event["payload"]["drifted"] == ["scores", "refused"]
    assert event["payload"]["quantities"][0]["psi"] == 0.61
    assert (event["payload"]["prevalence"], event["payload"]["best_share"]) == (0.02, 0.31)
    assert "| scores | 1234 | 213 | 0.61 | 1e-09 | yes |" in latest_artifact()
    assert "Compared as if 2 % had COVID-19, as the settings say; 31 % fits best." in latest_artifact()


@pytest.mark.usefixtures("workspace")
def test_without_drift_there_is_no_event(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[str] = []
    monkeypatch.setattr(flow, "emit_event", lambda **_: sent.append("event"))
    unchanged = DRIFTED.model_copy(update={"quantities": DRIFTED.quantities[1:2]})
    monkeypatch.setattr(drifting, "drift_of_days", lambda *_, **__: unchanged)
    assert flow.digest(return_state=True).type is StateType.COMPLETED
    assert sent == []


def test_a_server_that_takes_no_event_does_not_fail_the_digest(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_events(**_: object) -> None:
        raise ConnectionError

    monkeypatch.setattr(flow, "emit_event", no_events)
    monkeypatch.setattr(drifting, "drift_of_days", lambda *_, **__: DRIFTED)
    assert flow.digest(return_state=True).type is StateType.COMPLETED
    assert list((workspace / "reports" / "digests").glob("*.pdf"))


def test_a_failed_self_test_fails_the_run_and_leaves_the_intake(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise SelfTestError("The self-test before screening failed: golden phantoms score otherwise.")

    monkeypatch.setenv("CXRSCREEN_SETTLE_SECONDS", "0")
    monkeypatch.setattr(batch, "check_golden", fails)
    draw_png(workspace / "intake" / "new.png", 90)
    state = screen_intake(return_state=True)
    assert state.type is StateType.FAILED
    assert "The self-test before screening failed" in (state.message or "")
    assert (workspace / "intake" / "new.png").exists()
