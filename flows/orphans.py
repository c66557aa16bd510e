"""Runs whose process is gone: left behind by a dead serving process, or died without anybody telling the server.

A run that says "Running" for ever would hold the only place of its deployment, and no later one would start.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import httpx
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterDeploymentId,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.states import Crashed

from cxrscreen.owner import is_dead
from flows.leash import forget, noted, processes_folder

UNDER_WAY = (StateType.RUNNING, StateType.PENDING, StateType.CANCELLING)
TRIES = 5
PAUSE_SECONDS = 2.0
LONGEST_START = timedelta(minutes=15)  # from "pending" to the first line of ours in the run's process


def runs_under_way(
    client: SyncPrefectClient, deployment: UUID | None = None, *, limit: int | None = None
) -> list[FlowRun]:
    """Return the runs that the server believes to be under way, of one deployment or of all."""
    chosen = FlowRunFilter(
        deployment_id=None if deployment is None else FlowRunFilterDeploymentId(any_=[deployment]),
        state=FlowRunFilterState(type=FlowRunFilterStateType(any_=list(UNDER_WAY))),
    )
    return client.read_flow_runs(flow_run_filter=chosen, limit=limit)


def crash_orphans() -> int:
    """Mark runs that say they are under way as crashed, and return how many there were.

    Safe only where one process serves all runs of this server, and before it starts: then nothing can be under way.
    A server that has just come up may refuse a connection, so this is tried a few times.

    Raises:
        httpx.TransportError: The server cannot be reached.
    """
    for _ in range(TRIES - 1):
        try:
            return _crash_orphans()
        except httpx.TransportError:
            time.sleep(PAUSE_SECONDS)
    return _crash_orphans()


def _crash_orphans() -> int:
    with get_client(sync_client=True) as client:
        orphans = runs_under_way(client)
        for run in orphans:
            _crash(client, run, "The serving process ended before this run.")
    return len(orphans)


class LostRuns:
    """Finds runs whose process has ended while the server believes that they go on, and marks them as crashed.

    Prefect's runner says so itself, but once only: where the server does not hear it, nobody says it again. A run is
    taken for lost when its process was gone at two looks in a row, so the runner has its chance.

    Args:
        prefect_home: Where the processes of runs note themselves (``flows.leash``).
        connect: Makes a client of the server.
    """

    def __init__(self, prefect_home: Path, connect: Callable[[], AbstractContextManager[SyncPrefectClient]]) -> None:
        self._home = prefect_home
        self._connect = connect
        self._gone_before: frozenset[UUID] = frozenset()

    def look(self) -> None:
        """Look once."""
        owners = noted(processes_folder(self._home))
        with self._connect() as client:
            under_way = runs_under_way(client)
            gone = frozenset(run.id for run in under_way if _is_gone(run, owners.get(str(run.id))))
            for run in under_way:
                if run.id in gone & self._gone_before:
                    _crash(client, run, "The process of this run has ended without a word.")
        self._gone_before = gone
        for name in owners.keys() - {str(run.id) for run in under_way}:
            if is_dead(owners[name]):
                forget(self._home, name)


def _is_gone(run: FlowRun, owner: str | None) -> bool:
    if owner is not None:
        return is_dead(owner)
    if run.state is None or run.state_type is not StateType.PENDING:
        return False
    return datetime.now(tz=UTC) - run.state.timestamp > LONGEST_START


def _crash(client: SyncPrefectClient, run: FlowRun, why: str) -> None:
    client.set_flow_run_state(run.id, Crashed(message=why), force=True)
