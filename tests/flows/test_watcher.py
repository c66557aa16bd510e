"""The watcher's decisions, with a client that only pretends to have a server."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import cast
from uuid import UUID, uuid4

import httpx
import pytest
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import FlowRunFilter
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.exceptions import ObjectNotFound

from cxrscreen.settings import load_settings
from flows import watcher as watching
from flows.watcher import DEPLOYMENT, Watcher, watch

pytestmark = pytest.mark.filterwarnings("default")  # warnings of Prefect are not ours to mend


class FakeServer:
    """What the watcher asks of a server: its runs of the intake, and one deployment."""

    def __init__(self) -> None:
        self.deployment = uuid4()
        self.deployed = True
        self.runs: dict[UUID, FlowRun] = {}
        self.started: list[UUID] = []

    @contextmanager
    def connect(self) -> Iterator[SyncPrefectClient]:
        yield cast("SyncPrefectClient", self)

    def add(self, state: StateType) -> UUID:
        run = FlowRun(flow_id=uuid4(), deployment_id=self.deployment)
        self.runs[run.id] = run
        self.put(run.id, state, started=state is StateType.RUNNING)
        return run.id

    def put(self, run: UUID, state: StateType, *, started: bool = True) -> None:
        now = self.runs[run]
        # As the server does it: a run that never began gets a start time, too, but no count.
        update = {"state": State(type=state), "state_type": state, "start_time": datetime.now(tz=UTC)}
        if started:
            update["run_count"] = 1
        self.runs[run] = now.model_copy(update=update)

    def read_deployment_by_name(self, name: str) -> SimpleNamespace:
        assert name == DEPLOYMENT
        if not self.deployed:
            raise ObjectNotFound(Exception("no deployment"))
        return SimpleNamespace(id=self.deployment)

    def read_flow_run(self, run: UUID) -> FlowRun:
        if run not in self.runs:
            raise ObjectNotFound(Exception("deleted"))
        return self.runs[run]

    def read_flow_runs(self, *, flow_run_filter: FlowRunFilter, limit: int) -> list[FlowRun]:
        assert flow_run_filter.deployment_id is not None
        assert flow_run_filter.deployment_id.any_ == [self.deployment]
        assert flow_run_filter.state is not None
        assert flow_run_filter.state.type is not None
        wanted = flow_run_filter.state.type.any_ or []
        return [run for run in self.runs.values() if run.state_type in wanted][:limit]

    def create_flow_run_from_deployment(self, deployment: UUID, *, tags: list[str]) -> FlowRun:
        assert deployment == self.deployment
        assert tags == ["watcher"]
        self.started.append(self.add(StateType.SCHEDULED))
        return self.runs[self.started[-1]]


@pytest.fixture
def intake(tmp_path: Path) -> Path:
    (tmp_path / "intake").mkdir()
    return tmp_path / "intake"


@pytest.fixture
def server() -> FakeServer:
    return FakeServer()


@pytest.fixture
def watcher(intake: Path, server: FakeServer) -> Watcher:
    return Watcher(intake, server.connect)


def test_an_empty_intake_asks_the_server_nothing(intake: Path) -> None:
    def refuse() -> None:
        pytest.fail("the server was asked")

    Watcher(intake, refuse).look()  # type: ignore[arg-type]  # it never returns


def test_a_new_file_starts_one_run_and_files_that_stay_start_no_other(
    intake: Path, server: FakeServer, watcher: Watcher
) -> None:
    (intake / "a.dcm").write_bytes(b"a")
    (intake / "b.dcm").write_bytes(b"b")
    watcher.look()
    watcher.look()
    assert len(server.started) == 1
    (intake / "a.dcm").unlink()  # screened; b has failed and stays
    server.put(server.started[0], StateType.COMPLETED)
    for _ in range(5):
        watcher.look()
    assert len(server.started) == 1


def test_a_file_that_changes_is_new_again(intake: Path, server: FakeServer, watcher: Watcher) -> None:
    (intake / "a.dcm").write_bytes(b"a")
    watcher.look()
    server.put(server.started[0], StateType.COMPLETED)
    (intake / "a.dcm").write_bytes(b"longer")
    watcher.look()
    assert len(server.started) == 2


def test_a_file_that_comes_back_unchanged_is_new_again(intake: Path, server: FakeServer, watcher: Watcher) -> None:
    (intake / "a.dcm").write_bytes(b"a")
    watcher.look()
    server.put(server.started[0], StateType.COMPLETED)
    (intake / "a.dcm").rename(intake.parent / "a.dcm")
    watcher.look()
    (intake.parent / "a.dcm").rename(intake / "a.dcm")
    watcher.look()
    assert len(server.started) == 2


def test_files_that_arrive_during_a_run_are_taken_up_after_it(
    intake: Path, server: FakeServer, watcher: Watcher
) -> None:
    (intake / "a.dcm").write_bytes(b"a")
    watcher.look()
    server.put(server.started[0], StateType.RUNNING)
    (intake / "b.dcm").write_bytes(b"b")
    watcher.look()
    assert len(server.started) == 1
    (intake / "a.dcm").unlink()
    server.put(server.started[0], StateType.COMPLETED)
    watcher.look()
    assert len(server.started) == 2


@pytest.mark.parametrize("state", [StateType.PENDING, StateType.RUNNING, StateType.CANCELLING])
def test_while_another_run_is_under_way_none_is_started(
    intake: Path, server: FakeServer, watcher: Watcher, state: StateType
) -> None:
    other = server.add(state)
    (intake / "a.dcm").write_bytes(b"a")
    for _ in range(5):
        watcher.look()
    assert not server.started
    server.put(other, StateType.COMPLETED)
    watcher.look()
    assert len(server.started) == 1


def test_after_a_run_that_found_no_place_the_next_waits_a_while(
    intake: Path, server: FakeServer, watcher: Watcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    (intake / "a.dcm").write_bytes(b"a")
    watcher.look()
    server.put(server.started[0], StateType.CANCELLED, started=False)
    for _ in range(5):
        watcher.look()
    assert len(server.started) == 1
    later = time.monotonic() + watching.PAUSE_SECONDS + 1
    monkeypatch.setattr(time, "monotonic", lambda: later)
    watcher.look()
    assert len(server.started) == 2


def test_after_a_run_that_died_another_comes_soon_with_or_without_files(
    intake: Path, server: FakeServer, watcher: Watcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    (intake / "a.dcm").write_bytes(b"a")
    watcher.look()
    (intake / "a.dcm").unlink()  # screened; another study of its batch was in hand
    server.put(server.started[0], StateType.CRASHED)
    watcher.look()
    assert len(server.started) == 1
    later = time.monotonic() + watching.CRASH_PAUSE_SECONDS + 1
    monkeypatch.setattr(time, "monotonic", lambda: later)
    watcher.look()
    assert len(server.started) == 2
    server.put(server.started[1], StateType.COMPLETED)
    for _ in range(5):
        watcher.look()
    assert len(server.started) == 2


def test_a_batch_that_was_left_behind_is_taken_over_at_the_start(intake: Path, server: FakeServer) -> None:
    watcher = Watcher(intake, server.connect, run_owed=True)
    for _ in range(5):
        watcher.look()
    assert len(server.started) == 1


def test_a_run_that_a_person_has_stopped_is_not_started_again(
    intake: Path, server: FakeServer, watcher: Watcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "PAUSE_SECONDS", 0)
    (intake / "a.dcm").write_bytes(b"a")
    watcher.look()
    server.put(server.started[0], StateType.CANCELLED)
    watcher.look()
    assert len(server.started) == 1


def test_a_run_that_somebody_has_deleted_counts_as_over(intake: Path, server: FakeServer, watcher: Watcher) -> None:
    (intake / "a.dcm").write_bytes(b"a")
    watcher.look()
    server.runs.clear()
    (intake / "b.dcm").write_bytes(b"b")
    watcher.look()
    assert len(server.started) == 2


def test_a_deployment_is_waited_for_in_silence_and_missed_once_it_was_there(
    intake: Path, server: FakeServer, watcher: Watcher
) -> None:
    server.deployed = False
    (intake / "a.dcm").write_bytes(b"a")
    for _ in range(3):
        watcher.look()
    server.deployed = True
    watcher.look()
    assert len(server.started) == 1
    server.put(server.started[0], StateType.COMPLETED)
    server.deployed = False  # somebody has deleted it
    (intake / "b.dcm").write_bytes(b"b")
    with pytest.raises(ObjectNotFound):
        watcher.look()


def test_a_server_that_fails_is_asked_again_and_then_a_run_starts(
    tmp_path: Path, intake: Path, server: FakeServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    failures: list[Exception] = [
        httpx.ConnectError("refused"),
        httpx.ReadTimeout("slow"),
        httpx.ReadTimeout("slow"),
        ValueError("of a kind that nobody thought of"),
    ]

    @contextmanager
    def connect(*, sync_client: bool) -> Iterator[SyncPrefectClient]:
        assert sync_client
        if failures:
            raise failures.pop(0)
        with server.connect() as client:
            yield client

    def sleep(_seconds: float) -> None:
        if server.started:
            raise KeyboardInterrupt  # the only end of a loop without one

    (intake / "a.dcm").write_bytes(b"a")
    monkeypatch.setattr(watching, "get_client", connect)
    monkeypatch.setattr(time, "sleep", sleep)
    with caplog.at_level(logging.INFO, logger="cxrscreen"), pytest.raises(KeyboardInterrupt):
        watch(load_settings(tmp_path))
    assert len(server.started) == 1
    warned = [record.getMessage().split()[3].rstrip(";") for record in caplog.records if record.levelname == "WARNING"]
    assert warned == ["ConnectError", "ReadTimeout", "ValueError"]


def test_an_intake_that_is_gone_for_a_moment_is_looked_at_again(
    tmp_path: Path, server: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    @contextmanager
    def connect(*, sync_client: bool) -> Iterator[SyncPrefectClient]:
        assert sync_client
        with server.connect() as client:
            yield client

    def sleep(_seconds: float) -> None:
        if server.started:
            raise KeyboardInterrupt
        (tmp_path / "intake").mkdir()
        (tmp_path / "intake" / "a.dcm").write_bytes(b"a")

    monkeypatch.setattr(watching, "get_client", connect)
    monkeypatch.setattr(time, "sleep", sleep)
    with pytest.raises(KeyboardInterrupt):
        watch(load_settings(tmp_path))
    assert len(server.started) == 1
