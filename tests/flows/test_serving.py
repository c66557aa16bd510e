"""``cxrscreen serve`` as an operator starts it: a real server, schedules, the watcher, real processes and signals."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from cxrscreen.phantom.intake import write_demonstration_intake

pytestmark = [pytest.mark.server, pytest.mark.tensorflow]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Served:
    """A served workspace."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.api, self.pages = free_port(), free_port()
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("PREFECT_", "CXRSCREEN_"))}
        environment |= {
            "CXRSCREEN_UI_PORT": str(self.api),
            "CXRSCREEN_REPORTS_PORT": str(self.pages),
            "CXRSCREEN_SETTLE_SECONDS": "0.5",
            "CXRSCREEN_WATCH_SECONDS": "1",
        }
        self.log = (root.parent / "serve.log").open("wb")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "cxrscreen.cli", "serve", "--workspace", str(root)],
            env=environment,
            stdout=self.log,
            stderr=self.log,
            cwd=root.parent,
        )

    def get(self, path: str) -> bytes:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.pages}/{path}", timeout=10) as answer:
            return bytes(answer.read())

    def ask(self, path: str, body: dict[str, Any]) -> Any:
        api, client = f"http://127.0.0.1:{self.api}/api", str(uuid4())
        with urllib.request.urlopen(f"{api}/csrf-token?client={client}", timeout=10) as answer:
            token = json.loads(answer.read())["token"]
        headers = {"Content-Type": "application/json", "Prefect-Csrf-Client": client, "Prefect-Csrf-Token": token}
        request = urllib.request.Request(f"{api}/{path}", json.dumps(body).encode(), headers)
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.loads(answer.read())

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)
        self.log.close()


def wait_for(what: str, condition: Any, seconds: float = 150) -> Any:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if found := condition():
                return found
        except (OSError, ValueError):
            pass  # not up yet
        time.sleep(0.5)
    pytest.fail(f"waited {seconds} s for {what}")


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    service = Served(tmp_path / "w")
    yield service
    if service.process.poll() is None:
        service.stop()


def test_a_file_that_arrives_is_screened_within_seconds_and_its_report_is_served(
    served: Served, tmp_path: Path
) -> None:
    drawn = write_demonstration_intake(tmp_path / "drawn")
    radiograph = next(path for path in drawn if path.suffix == ".png")
    wait_for("the first line of serve", lambda: "Prefect UI" in (tmp_path / "serve.log").read_text())
    arrival = served.root / "intake" / radiograph.name
    radiograph.rename(arrival)
    (batch,) = wait_for("the batch report", lambda: list(served.root.glob("reports/*/batch.json")))
    assert json.loads(batch.read_text())["reported"] == 1
    assert not arrival.exists()
    page = served.get(f"{batch.parent.name}/index.html")
    assert b"not for medical use" in page

    def finished() -> Any:
        runs = served.ask("flow_runs/filter", {})
        return [run for run in runs if run["state_type"] == "COMPLETED" and "1 reported" in run["state"]["message"]]

    (run,) = wait_for("the run to end", finished)
    assert "watcher" in run["tags"]

    prefect = served.process.pid
    served.stop()
    children = Path(f"/proc/{prefect}").exists()
    assert not children
    with pytest.raises(OSError, match="refused"), socket.create_connection(("127.0.0.1", served.api), timeout=2):
        pass


def test_a_page_of_another_site_cannot_start_a_run(served: Served) -> None:
    wait_for("the server", lambda: served.get(""))
    request = urllib.request.Request(
        f"http://127.0.0.1:{served.api}/api/flows/",
        b'{"name": "planted"}',
        {"Content-Type": "application/json", "Origin": "http://evil.example"},
    )
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(request, timeout=10)
