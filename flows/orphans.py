"""Runs that a dead serving process left behind."""

from __future__ import annotations

import time

import httpx
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterState, FlowRunFilterStateType
from prefect.client.schemas.objects import StateType
from prefect.states import Crashed

UNDER_WAY = (StateType.RUNNING, StateType.PENDING, StateType.CANCELLING)
TRIES = 5
PAUSE_SECONDS = 2.0


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
    under_way = FlowRunFilterState(type=FlowRunFilterStateType(any_=list(UNDER_WAY)))
    with get_client(sync_client=True) as client:
        orphans = client.read_flow_runs(flow_run_filter=FlowRunFilter(state=under_way))
        for run in orphans:
            client.set_flow_run_state(run.id, Crashed(message="The serving process ended before this run."), force=True)
    return len(orphans)
