"""Starts a screening run within seconds of a new file in the intake."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from typing import cast
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.objects import FlowRun
from prefect.deployments import run_deployment

from cxrscreen.errors import CxrscreenError
from cxrscreen.screening.intake import Sighting, look
from cxrscreen.settings import Settings
from flows.deployments import INTAKE_DEPLOYMENT
from flows.screen_intake import screen_intake

DEPLOYMENT = f"{screen_intake.name}/{INTAKE_DEPLOYMENT}"

log = logging.getLogger("cxrscreen.watcher")


def watch(settings: Settings) -> None:
    """Look at the intake again and again; where it has changed and no run of ours is under way, start one.

    Runs until the process ends. A server that does not answer, or a share that is gone, is tried again.
    """
    seen: Sequence[Sighting] = ()
    run: UUID | None = None
    with get_client(sync_client=True) as client:
        while True:
            try:
                now = look(settings.workspace / "intake")
                if run is not None and (ended := _ended(client, run)):
                    run = None
                    if ended == "CANCELLED":  # another run had the place; what it did not see is still new to us
                        seen = ()
                if now and run is None and now != seen:
                    run = start_run()
                    log.info("intake changed: started run %s", run)
                    seen = now
            except (CxrscreenError, OSError, RuntimeError) as exc:
                log.warning("watching failed with %s; trying again", type(exc).__name__)
            time.sleep(settings.watch_seconds)


def start_run() -> UUID:
    """Start a run of the intake deployment and return its id without waiting for it."""
    run = run_deployment(DEPLOYMENT, timeout=0, as_subflow=False, tags=["watcher"])
    return cast("FlowRun", run).id  # typed for async code, too, which this is not


def _ended(client: SyncPrefectClient, run: UUID) -> str | None:
    """Return the type of the run's final state, or ``None`` while it has none."""
    state = client.read_flow_run(run).state
    return str(state.type.value) if state is not None and state.is_final() else None
