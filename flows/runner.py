"""Prefect's runner, which starts a process for each run, with time for its runs to end in good order."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from prefect.deployments.runner import RunnerDeployment
from prefect.runner import Runner

from flows.leash import end_runs

QUERY_SECONDS = 2


class OrderlyRunner(Runner):
    """Tells its runs to end before it ends itself.

    Prefect's own kills them: what they had in hand would look like the work of a file that kills whoever reads it.
    """

    def __init__(self, prefect_home: Path, *, limit: int) -> None:
        super().__init__(limit=limit, query_seconds=QUERY_SECONDS, pause_on_shutdown=False)
        self._home = prefect_home

    def handle_sigterm(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401  # as the base class types it
        """End the runs, then this process."""
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # once is enough
        end_runs(self._home)
        super().handle_sigterm(*args, **kwargs)


def serve_orderly(deployments: Iterable[RunnerDeployment], prefect_home: Path, *, limit: int) -> None:
    """Start runs of the deployments, at most ``limit`` at once, until SIGTERM or SIGINT; as ``prefect.serve`` does."""
    runner = OrderlyRunner(prefect_home, limit=limit)
    for deployment in deployments:
        runner.add_deployment(deployment)
    signal.signal(signal.SIGINT, runner.handle_sigterm)
    asyncio.run(runner.start())
