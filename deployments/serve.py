"""Everything on one machine: Prefect's server, the two deployments, the watcher, and the pages with the reports.

Run it with `cxrscreen serve`. Ctrl-C or SIGTERM stops all of it. Only loopback addresses are bound.
"""

from __future__ import annotations

import functools
import http.server
import logging
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
import warnings
from pathlib import Path
from types import FrameType

from cxrscreen.screening.workspace import Workspace, open_workspace
from cxrscreen.settings import Settings, load_settings
from flows.environment import HOST, prefect_environment, reports_url, ui_url

SERVER_START_SECONDS = 180
RUNS_AT_ONCE = 2  # an on-demand run does not wait for the intake's

log = logging.getLogger("cxrscreen.serve")


def main() -> None:
    """Start all parts in their order, and stop them together."""
    logging.basicConfig(format="%(asctime)s %(name)s %(message)s")
    logging.getLogger("cxrscreen").setLevel(logging.INFO)
    settings = load_settings()
    workspace = open_workspace(settings.workspace)
    os.environ.update(prefect_environment(settings, server=True))
    signal.signal(signal.SIGTERM, _stop)
    with subprocess.Popen(  # noqa: S603  # our own interpreter
        [sys.executable, "-m", "prefect", "server", "start", "--host", HOST, "--port", str(settings.ui_port)],
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    ) as server:
        try:
            _wait_for(f"{ui_url(settings)}/api/health", server)
            _serve(settings, workspace)
        except KeyboardInterrupt:
            log.info("stopping")
        finally:
            server.terminate()


def _serve(settings: Settings, workspace: Workspace) -> None:
    # Prefect reads its environment when it is imported, so these imports come after it is set.
    from prefect import serve  # noqa: PLC0415

    from flows.deployments import deployments  # noqa: PLC0415
    from flows.orphans import crash_orphans  # noqa: PLC0415
    from flows.watcher import watch  # noqa: PLC0415

    # Prefect's own handler of SIGTERM leaves a coroutine behind; the process ends all the same.
    warnings.filterwarnings("ignore", message="coroutine 'Runner.astop' was never awaited")
    crash_orphans()
    _serve_reports(settings, workspace.reports)
    threading.Thread(target=watch, args=(settings,), daemon=True, name="watcher").start()
    print(
        f"\nPrefect UI:  {ui_url(settings)}\nReports:     {reports_url(settings)}\nIntake:      {workspace.intake}\n"
        f"Screened every {settings.screen_every_minutes:g} minutes, and when a file arrives. Stop with Ctrl-C.\n",
        flush=True,
    )
    serve(
        *deployments(settings),
        limit=RUNS_AT_ONCE,
        query_seconds=2,
        pause_on_shutdown=False,
        print_starting_message=False,
    )


def _serve_reports(settings: Settings, folder: Path) -> None:
    """Serve the reports folder, and nothing above it, to browsers on this machine."""
    handler = functools.partial(_QuietHandler, directory=str(folder))
    server = http.server.ThreadingHTTPServer((HOST, settings.reports_port), handler)
    threading.Thread(target=server.serve_forever, daemon=True, name="reports").start()


class _QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class named it
        """Log nothing: paths are nobody's business."""


def _wait_for(url: str, server: subprocess.Popen[bytes]) -> None:
    """Wait until the server answers.

    Raises:
        SystemExit: It ended, or did not answer in time.
    """
    deadline = time.monotonic() + SERVER_START_SECONDS
    while time.monotonic() < deadline:
        if server.poll() is not None:
            raise SystemExit("Prefect's server ended at its start. Is the port taken? Set ui_port in cxrscreen.toml.")
        try:
            with urllib.request.urlopen(url, timeout=2):  # noqa: S310  # our own loopback address
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.3)
    raise SystemExit(f"Prefect's server did not answer within {SERVER_START_SECONDS} s. Start it again.")


def _stop(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    main()
