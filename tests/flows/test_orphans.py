"""Runs whose process is gone, and a server that has just come up and does not take connections yet."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import cast
from uuid import UUID, uuid4

import httpx
import pytest
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.objects import FlowRun, State, StateType

from cxrscreen.owner import this_process
from flows import orphans
from flows.leash import processes_folder, temporary_folder
from flows.orphans import LONGEST_START, LostRuns

pytestmark = pytest.mark.filterwarnings("default")  # warnings of Prefect are not ours to mend


@pytest.mark.parametrize(("refusals", "reached"), [(0, True), (orphans.TRIES - 1, True), (orphans.TRIES, False)])
def test_a_refused_connection_is_tried_again_a_few_times(
    refusals: int, *, reached: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = [httpx.ConnectError("refused")] * refusals

    @contextmanager
    def connect(*, sync_client: bool) -> Iterator[SimpleNamespace]:
        assert sync_client
        if left:
            raise left.pop()
        yield SimpleNamespace(read_flow_runs=lambda **_filters: [])

    monkeypatch.setattr(orphans, "get_client", connect)
    monkeypatch.setattr(time, "sleep", lambda _seconds: None)
    if reached:
        assert orphans.crash_orphans() == 0
    else:
        with pytest.raises(httpx.ConnectError):
            orphans.crash_orphans()


class FakeServer:
    """Holds runs that are under way, and notes which were marked as crashed."""

    def __init__(self) -> None:
        self.runs: list[FlowRun] = []
        self.crashed: list[UUID] = []

    @contextmanager
    def connect(self) -> Iterator[SyncPrefectClient]:
        yield cast("SyncPrefectClient", self)

    def add(self, state: StateType, since: timedelta = timedelta(0)) -> str:
        now = State(type=state, timestamp=datetime.now(tz=UTC) - since)
        self.runs.append(FlowRun(flow_id=uuid4(), state=now, state_type=state))
        return str(self.runs[-1].id)

    def read_flow_runs(self, **_filters: object) -> list[FlowRun]:
        return [run for run in self.runs if run.id not in self.crashed]

    def set_flow_run_state(self, run: UUID, state: State, *, force: bool) -> None:
        assert force
        assert state.type is StateType.CRASHED
        self.crashed.append(run)


@pytest.fixture
def server() -> FakeServer:
    return FakeServer()


@pytest.fixture
def lost(tmp_path: Path, server: FakeServer) -> LostRuns:
    return LostRuns(tmp_path, server.connect)


def test_a_run_whose_process_is_gone_at_two_looks_in_a_row_has_crashed(
    tmp_path: Path, server: FakeServer, lost: LostRuns
) -> None:
    dead, alive, unknown = (server.add(StateType.RUNNING) for _ in range(3))
    notes, temporary = processes_folder(tmp_path), temporary_folder(tmp_path)
    notes.mkdir()
    (notes / dead).write_text(this_process() + "0")  # the same number, another start
    (notes / alive).write_text(this_process())
    for run in (dead, alive):
        (temporary / run / "fonts").mkdir(parents=True)
    lost.look()
    assert server.crashed == []
    lost.look()
    lost.look()
    assert [str(run) for run in server.crashed] == [dead]
    assert unknown not in {str(run) for run in server.crashed}
    assert [path.name for path in notes.iterdir()] == [alive]
    assert [path.name for path in temporary.iterdir()] == [alive]


def test_a_run_that_never_began_has_crashed_after_a_while(server: FakeServer, lost: LostRuns) -> None:
    server.add(StateType.PENDING)
    stuck = server.add(StateType.PENDING, since=2 * LONGEST_START)
    for _ in range(3):
        lost.look()
    assert [str(run) for run in server.crashed] == [stuck]
