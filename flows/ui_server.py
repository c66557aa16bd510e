"""Prefect's server and its pages, as `cxrscreen serve` runs them: behind a gate, and no longer than serve itself.

Run as ``python -m flows.ui_server`` in the environment that ``flows.environment`` gives.
"""

from __future__ import annotations

import os
from pathlib import Path

import uvicorn
from prefect.server.api.server import create_app

from cxrscreen.settings import load_settings
from flows.environment import PASSWORD_VARIABLE
from flows.gate import Gate
from flows.leash import SERVER, note, processes_folder

STOP_SECONDS = 5  # for answers under way; a page that is open in a browser would hold the end up for ever
MOST_CONNECTIONS = 500


def main() -> None:
    """Serve until told to stop, or until serve has ended."""
    settings = load_settings()
    note(processes_folder(Path(os.environ["PREFECT_HOME"])), SERVER)
    uvicorn.run(
        Gate(create_app(final=True), asks_for_password=PASSWORD_VARIABLE in os.environ),
        host=settings.host,
        port=settings.ui_port,
        log_level="warning",
        server_header=False,
        limit_concurrency=MOST_CONNECTIONS,
        timeout_graceful_shutdown=STOP_SECONDS,
    )


if __name__ == "__main__":
    main()
