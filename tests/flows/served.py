"""A real `cxrscreen serve`: its processes, its server, and what it is asked."""

from __future__ import annotations

import base64
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

STUB_SITE = Path(__file__).parent / "stub_site"
SERVER = "flows.ui_server"
RUN = "prefect.engine"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def command(root: Path) -> list[str]:
    return [sys.executable, "-m", "cxrscreen.cli", "serve", "--workspace", str(root)]


def variables(*, api: int, pages: int, stub: bool = False, **more: str) -> dict[str, str]:
    """Return the environment of a serve; ``stub`` spares it TensorFlow."""
    outside = {k: v for k, v in os.environ.items() if not k.startswith(("PREFECT_", "CXRSCREEN_"))}
    if stub:
        more |= {"PYTHONPATH": str(STUB_SITE)}
    return (
        outside
        | {
            "CXRSCREEN_UI_PORT": str(api),
            "CXRSCREEN_REPORTS_PORT": str(pages),
            "CXRSCREEN_SETTLE_SECONDS": "0.5",
            "CXRSCREEN_WATCH_SECONDS": "1",
        }
        | more
    )


def processes(root: Path) -> dict[int, str]:
    """Return the command lines of all processes that work for this workspace."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            environment = (folder / "environ").read_bytes().split(b"\0")
            line = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue  # ended meanwhile, or not ours
        if f"CXRSCREEN_WORKSPACE={root}".encode() in environment:
            found[int(folder.name)] = line
    return found


def pids(root: Path, part: str) -> list[int]:
    """Return the processes of a workspace whose command line has ``part``."""
    return [pid for pid, line in processes(root).items() if part in line]


class Served:
    """A served workspace.

    Args:
        root: The workspace.
        stub: Screen with a classifier that needs no TensorFlow.
        more: Further environment variables.
    """

    def __init__(self, root: Path, *, stub: bool = False, password: str | None = None, **more: str) -> None:
        self.root = root
        self.api, self.pages = free_port(), free_port()
        self.log_file = root.parent / "serve.log"
        self.log = self.log_file.open("ab")
        self._password = password
        self._stub, self._more = stub, more
        self.start()

    def start(self) -> None:
        """Start, again at the same ports."""
        self._said_before = self.log_file.stat().st_size
        self.process = subprocess.Popen(
            command(self.root),
            env=variables(api=self.api, pages=self.pages, stub=self._stub, **self._more),
            stdout=self.log,
            stderr=self.log,
            cwd=self.root.parent,
        )

    def said(self) -> str:
        """Return what this start has printed so far."""
        return self.log_file.read_bytes()[self._said_before :].decode()

    def wait_until_up(self) -> None:
        def is_up() -> bool:
            assert self.process.poll() is None, self.said()
            return "Prefect UI" in self.said()

        wait_for("the first line of serve", is_up)

    def get(self, path: str) -> bytes:
        request = urllib.request.Request(f"http://127.0.0.1:{self.pages}/{path}", headers=self._credentials())
        with urllib.request.urlopen(request, timeout=10) as answer:
            return bytes(answer.read())

    def ask(self, path: str, body: dict[str, Any]) -> Any:
        api, client = f"http://127.0.0.1:{self.api}/api", str(uuid4())
        ask_token = urllib.request.Request(f"{api}/csrf-token?client={client}", headers=self._credentials())
        with urllib.request.urlopen(ask_token, timeout=10) as answer:
            token = json.loads(answer.read())["token"]
        headers = {"Content-Type": "application/json", "Prefect-Csrf-Client": client, "Prefect-Csrf-Token": token}
        request = urllib.request.Request(f"{api}/{path}", json.dumps(body).encode(), headers | self._credentials())
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.loads(answer.read())

    def runs(self, *states: str) -> list[dict[str, Any]]:
        """Return the runs in the given state types."""
        return [run for run in self.ask("flow_runs/filter", {}) if run["state_type"] in states]

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(60)
        self.log.close()

    def _credentials(self) -> dict[str, str]:
        if self._password is None:
            return {}
        return {"Authorization": f"Basic {base64.b64encode(self._password.encode()).decode()}"}


def wait_for(what: str, condition: Any, seconds: float = 150) -> Any:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if found := condition():
                return found
        except (OSError, ValueError):
            pass  # not up yet
        time.sleep(0.3)
    pytest.fail(f"waited {seconds} s for {what}")
