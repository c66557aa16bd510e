"""Everything on one machine: Prefect's server, the deployments, the watcher, and the pages with the reports.

Run it with `cxrscreen serve`. Ctrl-C or SIGTERM stops all of it. Only loopback addresses are bound.
"""

from __future__ import annotations

import fcntl
import functools
import http.server
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from cxrscreen.settings import Settings, load_settings
from cxrscreen.workspace import Workspace, open_workspace
from flows.environment import HOST, prefect_environment, reports_url, ui_url

SERVER_START_SECONDS = 180
GRACE_SECONDS = 2
STOP_SECONDS = 20
LOCK_FILE = "serve.lock"
SERVER_LOST = "Prefect's server has ended, so nothing can be screened. Start cxrscreen serve again."

log = logging.getLogger("cxrscreen.serve")


def main() -> None:
    """Start all parts in their order, and stop them together.

    Raises:
        SystemExit: The workspace is served already, a port is taken, or Prefect's server has ended.
    """
    logging.basicConfig(format="%(asctime)s %(name)s %(message)s")
    logging.getLogger("cxrscreen").setLevel(logging.INFO)
    settings = load_settings()
    workspace = open_workspace(settings.workspace)
    os.environ.update(prefect_environment(settings, server=True))
    signal.signal(signal.SIGTERM, _stop)
    with only_one(workspace.root), reports_server(settings, workspace.reports) as pages:
        refuse_taken_port(settings.ui_port, "ui_port")
        with subprocess.Popen(  # noqa: S603  # our own interpreter
            [sys.executable, "-m", "prefect", "server", "start", "--host", HOST, "--port", str(settings.ui_port)],
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        ) as server:
            guard = Guard(server)
            try:
                _wait_for(f"{ui_url(settings)}/api/health", server)
                guard.start()
                threading.Thread(target=pages.serve_forever, daemon=True, name="reports").start()
                _serve(settings, workspace)
            except KeyboardInterrupt:
                log.info("stopping")
            finally:
                guard.leave()
                server.terminate()


def _serve(settings: Settings, workspace: Workspace) -> None:
    # Prefect reads its environment when it is imported, so these imports come after it is set.
    from prefect import serve  # noqa: PLC0415

    from flows.deployments import RUNS_AT_ONCE, deployments  # noqa: PLC0415
    from flows.orphans import crash_orphans  # noqa: PLC0415
    from flows.watcher import watch  # noqa: PLC0415

    # Prefect's own handler of SIGTERM leaves a coroutine behind; the process ends all the same.
    warnings.filterwarnings("ignore", message="coroutine 'Runner.astop' was never awaited")
    crash_orphans()
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


class Guard(threading.Thread):
    """Ends this process when Prefect's server ends on its own: only then can whoever watches over it start it anew."""

    def __init__(self, server: subprocess.Popen[bytes]) -> None:
        super().__init__(daemon=True, name="guard")
        self._server = server
        self._leaving = threading.Event()
        self._lost = False

    def run(self) -> None:
        """Wait for the server's end."""
        self._server.wait()
        if self._leaving.wait(GRACE_SECONDS):
            return  # a signal has reached us both
        self._lost = True
        os.kill(os.getpid(), signal.SIGTERM)  # Prefect ends its runs, and serve returns
        if not self._leaving.wait(STOP_SECONDS):
            log.error(SERVER_LOST)
            os._exit(1)

    def leave(self) -> None:
        """Say that this process is about to end.

        Raises:
            SystemExit: The server was lost, so it must not look like a wanted end.
        """
        self._leaving.set()
        if self._lost:
            raise SystemExit(SERVER_LOST)


@contextmanager
def only_one(root: Path) -> Iterator[None]:
    """Hold the workspace's lock; the system drops it with the process, however that ends.

    Raises:
        SystemExit: Another process holds it.
    """
    handle = os.open(root / LOCK_FILE, os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise SystemExit(f"Another cxrscreen serve serves {root} already. Use that one, or stop it first.") from None
    else:
        yield
    finally:
        os.close(handle)


def refuse_taken_port(port: int, setting: str) -> None:
    """Make sure that nobody listens on a port: whatever answered there would be taken for our own server.

    Raises:
        SystemExit: Somebody does.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # connections that have ended are no obstacle
        try:
            probe.bind((HOST, port))
        except OSError as exc:
            raise SystemExit(_taken(port, setting)) from exc


def reports_server(settings: Settings, folder: Path) -> http.server.ThreadingHTTPServer:
    """Return a server of the reports folder, and nothing above it, for browsers on this machine.

    Raises:
        SystemExit: Its port is taken.
    """
    handler = functools.partial(_QuietHandler, directory=str(folder))
    try:
        return http.server.ThreadingHTTPServer((HOST, settings.reports_port), handler)
    except OSError as exc:
        raise SystemExit(_taken(settings.reports_port, "reports_port")) from exc


def _taken(port: int, setting: str) -> str:
    return (
        f"Port {port} is taken, perhaps by what another cxrscreen serve that was killed has left behind. "
        f"Stop the program that listens there, or set another {setting} in cxrscreen.toml."
    )


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
