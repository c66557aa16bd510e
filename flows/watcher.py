"""Starts a screening run within seconds of a new file in the intake, and sees that no dead run blocks the next."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import NoReturn
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.exceptions import ObjectNotFound

from cxrscreen.screening.intake import Sighting, look
from cxrscreen.settings import Settings
from cxrscreen.workspace import Workspace, batches_in
from flows.deployments import INTAKE_DEPLOYMENT
from flows.orphans import LostRuns, runs_under_way
from flows.screen_intake import screen_intake

DEPLOYMENT = f"{screen_intake.name}/{INTAKE_DEPLOYMENT}"
PAUSE_SECONDS = 30.0  # after a run that found no place: whoever holds it may do so for long
CRASH_PAUSE_SECONDS = 5.0  # after a run that died; screening itself sets aside a file that kills every run
RUNS_SECONDS = 60.0

log = logging.getLogger("cxrscreen.watcher")


def watch(settings: Settings) -> NoReturn:
    """Look at the intake again and again, until the process ends.

    Whatever fails (a server that does not answer, a share that is gone) is tried again.
    """
    workspace = Workspace(settings.workspace)
    watcher = Watcher(workspace.intake, _connect, run_owed=batches_in(workspace.ledger, unfinished=True))
    _repeat(watcher.look, "watching", settings.watch_seconds)


def watch_runs(settings: Settings) -> NoReturn:
    """Look again and again for runs whose process is gone, until this process ends."""
    lost = LostRuns(Workspace(settings.workspace).prefect, _connect)
    _repeat(lost.look, "looking after runs", RUNS_SECONDS)


def _connect() -> AbstractContextManager[SyncPrefectClient]:
    return get_client(sync_client=True)


def _repeat(look: Callable[[], None], what: str, seconds: float) -> NoReturn:
    failing = ""
    while True:
        try:
            look()
            failing = ""
        except Exception as exc:  # noqa: BLE001  # a watcher that has died in silence is worse than any error
            if failing != (failing := type(exc).__name__):
                log.warning("%s failed with %s; trying again", what, failing)
        time.sleep(seconds)


class Watcher:
    """Remembers which files a run has been started for, so that each state of a file starts one run at most.

    Failed and unreadable files stay in the intake: they wait for the schedule, or for a change. After a run that died,
    the next comes soon, with or without files: it takes over what that one had in hand.

    Args:
        intake: Where files arrive.
        connect: Makes a client of the server.
        run_owed: There is a batch to be taken over, so the first look starts a run.
    """

    def __init__(
        self,
        intake: Path,
        connect: Callable[[], AbstractContextManager[SyncPrefectClient]],
        *,
        run_owed: bool = False,
    ) -> None:
        self._intake = intake
        self._connect = connect
        self._run_owed = run_owed
        self._seen: frozenset[Sighting] = frozenset()
        self._seen_before: frozenset[Sighting] = frozenset()  # as it was when our last run was started
        self._run: UUID | None = None
        self._deployment: UUID | None = None
        self._quiet_until = 0.0

    def look(self) -> None:
        """Look once; where there is a file that no run has been started for, and none is under way, start one."""
        now = frozenset(look(self._intake))
        self._seen &= now  # a file that comes back is new
        if self._run is None and not self._is_due(now):
            return
        with self._connect() as client:
            if self._run is not None:
                run = _read(client, self._run)
                if run is not None and not (run.state and run.state.is_final()):
                    return
                self._run = None
                if run is not None and _found_no_place(run):
                    self._seen = self._seen_before & now
                    self._quiet_until = time.monotonic() + PAUSE_SECONDS
                if run is not None and run.state_type is StateType.CRASHED:
                    self._run_owed = True
                    self._quiet_until = time.monotonic() + CRASH_PAUSE_SECONDS
            if not self._is_due(now):
                return
            deployment = self._read_deployment(client)
            if deployment is None or runs_under_way(client, deployment, limit=1):
                return  # a run may take the new files, too; what it leaves is still new afterwards
            self._run = client.create_flow_run_from_deployment(deployment, tags=["watcher"]).id
            self._seen_before, self._seen, self._run_owed = self._seen, now, False
            log.info("intake changed: started run %s", self._run)

    def _read_deployment(self, client: SyncPrefectClient) -> UUID | None:
        """Return our deployment, or ``None`` as long as serve, which has just begun, has not told the server of it."""
        try:
            self._deployment = client.read_deployment_by_name(DEPLOYMENT).id
        except ObjectNotFound:
            if self._deployment is not None:
                raise
        return self._deployment

    def _is_due(self, now: frozenset[Sighting]) -> bool:
        return (self._run_owed or not now <= self._seen) and time.monotonic() >= self._quiet_until


def _read(client: SyncPrefectClient, run: UUID) -> FlowRun | None:
    """Return a run, or ``None`` where somebody has deleted it."""
    try:
        return client.read_flow_run(run)
    except ObjectNotFound:
        return None


def _found_no_place(run: FlowRun) -> bool:
    """Tell a run that was cancelled before it began, for want of a place, from one that a person has stopped."""
    return run.state_type is StateType.CANCELLED and run.run_count == 0
