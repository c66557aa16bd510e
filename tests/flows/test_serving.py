"""``cxrscreen serve`` as an operator starts it: a real server, schedules, the watcher, real processes and signals."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Subprotocol

from tests.flows.served import SERVER, Served, command, free_port, pids, processes, variables, wait_for

pytestmark = [pytest.mark.server, pytest.mark.tensorflow]


@pytest.fixture
def radiograph(drawn: Path) -> Path:
    return min(drawn.rglob("*.png"))


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Yield a served workspace with nothing to do; tests leave it as it is, but for the last."""
    service = Served(tmp_path_factory.mktemp("standing") / "w")
    service.wait_until_up()
    yield service
    service.stop()


def test_a_page_of_another_site_cannot_start_a_run(standing: Served) -> None:
    request = urllib.request.Request(
        f"http://127.0.0.1:{standing.api}/api/flows/",
        b'{"name": "planted"}',
        {"Content-Type": "application/json", "Origin": "http://evil.example"},
    )
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(request, timeout=10)


def test_a_page_that_has_its_own_name_point_here_reads_nothing(standing: Served) -> None:
    for port, path in ((standing.api, "api/csrf-token?client=x"), (standing.api, "flows"), (standing.pages, "")):
        rebound = urllib.request.Request(f"http://127.0.0.1:{port}/{path}", headers={"Host": f"evil.example:{port}"})
        with pytest.raises(urllib.error.HTTPError, match="403"):
            urllib.request.urlopen(rebound, timeout=10)


def test_a_page_of_another_site_cannot_listen_to_events(standing: Served) -> None:
    events = f"ws://127.0.0.1:{standing.api}/api/events/out"
    with connect(events, subprotocols=[Subprotocol("prefect")]) as ours:
        assert ours.subprotocol == "prefect"
    for headers in ({"Origin": "http://evil.example"}, {"Origin": f"http://127.0.0.1:{standing.pages}"}):
        with pytest.raises(InvalidStatus, match="403"):
            connect(events, subprotocols=[Subprotocol("prefect")], additional_headers=headers)


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


def test_a_file_that_arrives_is_screened_within_seconds_its_report_is_served_and_sigterm_ends_all(
    standing: Served, radiograph: Path
) -> None:
    served = standing  # the last test with it, so it may end it
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
        assert len(pids(served.root, SERVER)) == 1
    served.stop()
    if sys.platform == "linux":
        assert processes(served.root) == {}
    with pytest.raises(OSError, match="refused"), socket.create_connection(("127.0.0.1", served.api), timeout=2):
        pass
