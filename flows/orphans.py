"""Runs that a dead serving process left behind."""

from __future__ import annotations

from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterState, FlowRunFilterStateType
from prefect.client.schemas.objects import StateType
from prefect.states import Crashed


def crash_orphans() -> int:
    """Mark runs that say they are under way as crashed, and return how many there were.

    Safe only where one process serves all runs of this server, and before it starts: then nothing can be under way.
    """
    under_way = FlowRunFilterStateType(any_=[StateType.RUNNING, StateType.PENDING, StateType.CANCELLING])
    with get_client(sync_client=True) as client:
        orphans = client.read_flow_runs(flow_run_filter=FlowRunFilter(state=FlowRunFilterState(type=under_way)))
        for run in orphans:
            client.set_flow_run_state(run.id, Crashed(message="The serving process ended before this run."), force=True)
    return len(orphans)
