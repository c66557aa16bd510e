"""``cxrscreen serve`` as an operator starts it: a real server, schedules, the watcher, real processes and signals."""

from __future__ import annotations

import json
import os
import shutil
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

pytestmark = [pytest.mark.server, pytest.mark.tensorflow]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def command(root: Path) -> list[str]:
    return [sys.executable, "-m", "cxrscreen.cli", "serve", "--workspace", str(root)]


def variables(*, api: int, pages: int) -> dict[str, str]:
    outside = {k: v for k, v in os.environ.items() if not k.startswith(("PREFECT_", "CXRSCREEN_"))}
    return outside | {
        "CXRSCREEN_UI_PORT": str(api),
        "CXRSCREEN_REPORTS_PORT": str(pages),
        "CXRSCREEN_SETTLE_SECONDS": "0.5",
        "CXRSCREEN_WATCH_SECONDS": "1",
    }


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


class Served:
    """A served workspace."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.api, self.pages = free_port(), free_port()
        self.log_file = root.parent / "serve.log"
        self.log = self.log_file.open("wb")
        self.process = subprocess.Popen(
            command(root),
            env=variables(api=self.api, pages=self.pages),
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
        if self.process.poll() is None:
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
def radiograph(drawn: Path) -> Path:
    return min(drawn.rglob("*.png"))


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    service = Served(tmp_path / "w")
    yield service
    service.stop()


@pytest.fixture
def waiting(tmp_path: Path, radiograph: Path) -> None:
    """Put a file into the intake of a workspace that has never been served."""
    (tmp_path / "w" / "intake").mkdir(parents=True)
    shutil.copy(radiograph, tmp_path / "w" / "intake" / "waiting.png")


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Yield a served workspace with nothing to do, for tests that leave it as it is."""
    service = Served(tmp_path_factory.mktemp("standing") / "w")
    wait_for("the first line of serve", lambda: "Prefect UI" in service.log_file.read_text())
    yield service
    service.stop()


def test_a_file_that_arrives_is_screened_within_seconds_and_its_report_is_served(
    served: Served, radiograph: Path
) -> None:
    wait_for("the first line of serve", lambda: "Prefect UI" in served.log_file.read_text())
    arrival = served.root / "intake" / radiograph.name
    shutil.copy(radiograph, arrival)
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

    if sys.platform == "linux":
        assert any("prefect server" in line for line in processes(served.root).values())
    served.stop()
    if sys.platform == "linux":
        assert processes(served.root) == {}
    with pytest.raises(OSError, match="refused"), socket.create_connection(("127.0.0.1", served.api), timeout=2):
        pass


@pytest.mark.usefixtures("waiting")
@pytest.mark.skipif(sys.platform != "linux", reason="finds the server's process in /proc")
def test_a_file_that_waits_at_the_start_is_screened_and_serve_ends_when_its_server_dies(served: Served) -> None:
    wait_for("the batch report", lambda: list(served.root.glob("reports/*/batch.json")))
    (server,) = [pid for pid, line in processes(served.root).items() if "prefect server" in line]
    os.kill(server, signal.SIGKILL)
    assert served.process.wait(40) == 1
    assert "Prefect's server has ended" in served.log_file.read_text()


def test_a_page_of_another_site_cannot_start_a_run(standing: Served) -> None:
    request = urllib.request.Request(
        f"http://127.0.0.1:{standing.api}/api/flows/",
        b'{"name": "planted"}',
        {"Content-Type": "application/json", "Origin": "http://evil.example"},
    )
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(request, timeout=10)


@pytest.mark.parametrize(
    ("same", "words"),
    [
        (("root",), "Another cxrscreen serve serves"),
        (("api",), "another ui_port in cxrscreen.toml"),
        (("pages",), "another reports_port in cxrscreen.toml"),
    ],
)
def test_a_second_serve_is_refused_in_words_and_does_not_harm_the_first(
    standing: Served, tmp_path: Path, same: tuple[str, ...], words: str
) -> None:
    root = standing.root if "root" in same else tmp_path / "other"
    api = standing.api if "api" in same else free_port()
    pages = standing.pages if "pages" in same else free_port()
    second = subprocess.run(
        command(root), env=variables(api=api, pages=pages), capture_output=True, text=True, timeout=60, check=False
    )
    assert second.returncode == 1
    assert words in second.stderr
    assert "Traceback" not in second.stderr
    assert standing.process.poll() is None
    assert standing.ask("deployments/filter", {})
