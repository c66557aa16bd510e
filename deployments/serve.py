"""Everything of one installation: Prefect's server, the deployments, the watcher, and the pages with the reports.

Run it with `cxrscreen serve`. Ctrl-C or SIGTERM stops all of it. Other machines are let in only where the settings say
so and a password is asked for (``cxrscreen.access``).
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType

from cxrscreen.access import require_password
from cxrscreen.errors import CxrscreenError, LedgerError
from cxrscreen.locks import hold
from cxrscreen.owner import this_process
from cxrscreen.settings import Settings, load_settings
from cxrscreen.workspace import Workspace, open_workspace, private_process
from flows.environment import api_url, password_environment, prefect_environment, reports_url, ui_url
from flows.guard import Guard
from flows.leash import SERVED_BY, clear_left_behind
from flows.report_pages import ReportPages

log = logging.getLogger("cxrscreen.serve")


def main() -> None:
    """Start all parts in their order, and stop them together.

    Raises:
        SystemExit: The workspace is served already, a port is taken, others may not be let in, or Prefect's server has
            ended.
    """
    logging.basicConfig(format="%(asctime)s %(name)s %(message)s")
    logging.getLogger("cxrscreen").setLevel(logging.INFO)
    private_process()
    try:
        settings = load_settings()
        workspace = open_workspace(settings.workspace)
        password = require_password(settings.host, workspace.root)
    except CxrscreenError as exc:
        raise SystemExit(str(exc)) from exc
    os.environ.update(prefect_environment(settings, server=True) | password_environment(password))
    os.environ[SERVED_BY] = this_process()
    signal.signal(signal.SIGTERM, _stop)
    with only_one(workspace):
        clear_left_behind(workspace.prefect)
        with report_pages(settings, workspace.reports, password) as pages:
            refuse_taken_port(settings)
            _run(settings, workspace, pages, os.environ | password_environment(password, server=True))


def _run(settings: Settings, workspace: Workspace, pages: ReportPages, environment: dict[str, str]) -> None:
    server = subprocess.Popen(
        [sys.executable, "-m", "flows.ui_server"], env=environment, stdout=subprocess.DEVNULL, start_new_session=True
    )
    guard = Guard(server, f"{api_url(settings)}/api/health")
    try:
        guard.wait_for_start()
        guard.start()
        threading.Thread(target=pages.serve_forever, daemon=True, name="reports").start()
        _serve(settings, workspace)
    except KeyboardInterrupt:
        log.info("stopping")
    finally:
        server.terminate()
        guard.leave()


def _serve(settings: Settings, workspace: Workspace) -> None:
    # Prefect reads its environment when it is imported, so these imports come after it is set.
    from flows.deployments import RUNS_AT_ONCE, deployments  # noqa: PLC0415
    from flows.orphans import crash_orphans  # noqa: PLC0415
    from flows.runner import serve_orderly  # noqa: PLC0415
    from flows.watcher import watch, watch_runs  # noqa: PLC0415

    # Prefect's own handler of SIGTERM leaves a coroutine and a connection behind; the process ends all the same.
    warnings.filterwarnings("ignore", message="coroutine 'Runner.astop' was never awaited")
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    crash_orphans()
    for watching in (watch, watch_runs):
        threading.Thread(target=watching, args=(settings,), daemon=True, name=watching.__name__).start()
    print(
        f"\nPrefect UI:  {ui_url(settings)}\nReports:     {reports_url(settings)}\nIntake:      {workspace.intake}\n"
        f"Screened every {settings.screen_every_minutes:g} minutes, and when a file arrives. Stop with Ctrl-C.\n",
        flush=True,
    )
    serve_orderly(deployments(settings), workspace.prefect, limit=RUNS_AT_ONCE)


@contextmanager
def only_one(workspace: Workspace) -> Iterator[None]:
    """Hold the workspace's lock; the system drops it with the process, however that ends.

    Raises:
        SystemExit: Another process holds it.
    """
    words = f"Another cxrscreen serve serves {workspace.root} already. Use that one, or stop it first."
    with ExitStack() as held:
        try:
            held.enter_context(hold(workspace.serve_lock, words))
        except LedgerError as exc:
            raise SystemExit(str(exc)) from None
        yield


def refuse_taken_port(settings: Settings) -> None:
    """Make sure that nobody listens on Prefect's port: whatever answered there would be taken for our own server.

    Raises:
        SystemExit: Somebody does.
    """
    family, kind, *_, address = socket.getaddrinfo(settings.host, settings.ui_port, type=socket.SOCK_STREAM)[0]
    with socket.socket(family, kind) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # connections that have ended are no obstacle
        try:
            probe.bind(address)
        except OSError as exc:
            raise SystemExit(_taken(settings.host, settings.ui_port, "ui_port")) from exc


def report_pages(settings: Settings, folder: Path, password: str | None) -> ReportPages:
    """Return a server of the reports folder, and nothing above it.

    Raises:
        SystemExit: Its port is taken.
    """
    try:
        return ReportPages((settings.host, settings.reports_port), folder, password)
    except OSError as exc:
        raise SystemExit(_taken(settings.host, settings.reports_port, "reports_port")) from exc


def _taken(host: str, port: int, setting: str) -> str:
    return (
        f"Port {port} of {host} is taken, or the address is not of this machine. Stop the program that listens there, "
        f"or set another {setting} in cxrscreen.toml."
    )


def _stop(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    main()
