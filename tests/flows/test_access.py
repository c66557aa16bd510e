"""Who gets in, and what they may see: real sockets, real files, and a real serve that listens to the whole network."""

from __future__ import annotations

import asyncio
import base64
import os
import sqlite3
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import MutableMapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from cxrscreen.access import AUTH_FILE, is_loopback, names_this_machine, require_password
from cxrscreen.errors import SettingsError
from cxrscreen.settings import load_settings
from flows.environment import api_url, prefect_environment, reports_url, ui_url
from flows.gate import Gate
from tests.fakes import draw_png
from tests.flows.served import Served, command, free_port, processes, variables, wait_for

PASSWORD = "night:4f2a-77c1-not-a-real-one"  # noqa: S105  # as it says
EVERYWHERE = "0.0.0.0"  # noqa: S104  # what the tests are about

pytestmark = pytest.mark.filterwarnings("default")  # warnings of Prefect are not ours to mend


def basic(text: str) -> str:
    return f"Basic {base64.b64encode(text.encode()).decode()}"


def write_password(root: Path, content: str = f"{PASSWORD}\n", mode: int = 0o600) -> Path:
    root.mkdir(parents=True, exist_ok=True)
    path = root / AUTH_FILE
    path.write_text(content, encoding="utf-8")
    path.chmod(mode)
    return path


# The password file


def test_a_password_is_needed_for_other_machines_alone(tmp_path: Path) -> None:
    assert require_password("127.0.0.1", tmp_path) is None
    assert require_password("localhost", tmp_path) is None
    for host in (EVERYWHERE, "::", "192.0.2.7"):
        with pytest.raises(SettingsError, match=r"a password is needed.*openssl rand"):
            require_password(host, tmp_path)
    write_password(tmp_path)
    assert require_password(EVERYWHERE, tmp_path) == PASSWORD
    assert require_password("127.0.0.1", tmp_path) == PASSWORD


@pytest.mark.parametrize(
    ("content", "mode", "words"),
    [
        (f"{PASSWORD}\n", 0o640, "by nobody else"),
        (f"{PASSWORD}\n", 0o604, "by nobody else"),
        ("night:short\n", 0o600, "at least 12 characters"),
        ("night:aaaaaaaaaaaaaaaa\n", 0o600, "not all alike"),
        ("no-colon-at-all-in-it\n", 0o600, "one line user:password"),
        (":4f2a-77c1-not-a-real-one\n", 0o600, "one line user:password"),
        (f"{PASSWORD}\n{PASSWORD}\n", 0o600, "one line user:password"),
        ("night:pässwörter-sind-länger\n", 0o600, "one line user:password"),
        (f"night:{'0123456789' * 100}\n", 0o600, "one line user:password"),
        ("", 0o600, "one line user:password"),
    ],
)
def test_a_password_file_that_will_not_do_is_refused_in_words_without_the_password(
    tmp_path: Path, content: str, mode: int, words: str
) -> None:
    write_password(tmp_path, content, mode)
    with pytest.raises(SettingsError, match=words) as caught:
        require_password(EVERYWHERE, tmp_path)
    assert "4f2a" not in str(caught.value)


def test_a_password_file_is_no_link_and_no_pipe(tmp_path: Path) -> None:
    write_password(tmp_path / "elsewhere")
    (tmp_path / AUTH_FILE).symlink_to(tmp_path / "elsewhere" / AUTH_FILE)
    with pytest.raises(SettingsError, match="cannot be read"):
        require_password("127.0.0.1", tmp_path)
    (tmp_path / AUTH_FILE).unlink()
    os.mkfifo(tmp_path / AUTH_FILE, 0o600)
    with pytest.raises(SettingsError, match="by nobody else"):
        require_password("127.0.0.1", tmp_path)


# Names and addresses


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1:4200", "127.8.8.8", "[::1]:4200", "LOCALHOST:4200"])
def test_this_machine_is_known_by_its_own_names(name: str) -> None:
    assert names_this_machine(name)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "evil.example",
        "evil.example:4200",
        "127.0.0.1.evil.example",
        "10.0.0.1",
        "[::1",
        "localhost.evil.example",
        "a@b",
        "evil@localhost",
        "localhost/evil",
        "127.0.0.1#evil",
        "localhost?evil",
        "localhost:4200:evil",
        "127.0.0.1\n",
    ],
)
def test_any_other_name_is_not_this_machine(name: str) -> None:
    assert not names_this_machine(name)


def test_what_listens_to_more_than_loopback_is_known() -> None:
    assert [is_loopback(host) for host in ("127.0.0.1", "127.0.0.2", "::1", "localhost")] == [True] * 4
    assert [is_loopback(host) for host in (EVERYWHERE, "::", "192.0.2.1")] == [False] * 3
    with pytest.raises(SettingsError, match="no address of this machine"):
        is_loopback("no such name")


@pytest.mark.parametrize(
    ("host", "within", "shown"),
    [
        ("127.0.0.1", "http://127.0.0.1:4200", "http://127.0.0.1:4200"),
        ("::1", "http://[::1]:4200", "http://[::1]:4200"),
        (EVERYWHERE, "http://127.0.0.1:4200", "http://radiology-7:4200"),
        ("::", "http://[::1]:4200", "http://radiology-7:4200"),
        ("radiology-7", "http://radiology-7:4200", "http://radiology-7:4200"),
    ],
)
def test_addresses_are_written_for_those_who_use_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, host: str, within: str, shown: str
) -> None:
    monkeypatch.setattr("platform.node", lambda: "radiology-7")
    settings = load_settings(tmp_path, host=host)
    assert api_url(settings) == within
    assert ui_url(settings) == shown
    assert reports_url(settings) == shown.replace("4200", "4210")
    assert prefect_environment(settings, server=True)["PREFECT_API_URL"] == f"{within}/api"


# The gate before Prefect's server


def through_the_gate(
    *headers: tuple[str, str], path: str = "/api/flows", kind: str = "http", password: bool = False
) -> Any:
    """Return the first message that a client gets: from the application behind, or from the gate."""
    said: list[MutableMapping[str, Any]] = []

    async def behind(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": f"{kind}.response.start", "status": 200, "headers": []})

    async def receive() -> MutableMapping[str, Any]:
        return {"type": f"{kind}.connect"}

    async def send(message: MutableMapping[str, Any]) -> None:
        said.append(message)

    scope = {"type": kind, "path": path, "headers": [(n.encode(), v.encode()) for n, v in headers]}
    asyncio.run(Gate(behind, asks_for_password=password)(scope, receive, send))
    return said[0]


HERE = ("host", "127.0.0.1:4200")


def test_a_page_that_points_its_own_name_here_is_refused() -> None:
    assert through_the_gate(("host", "evil.example:4200"))["status"] == 403
    assert through_the_gate(HERE, ("host", "evil.example"))["status"] == 403
    assert through_the_gate()["status"] == 403
    assert through_the_gate(("host", "evil.example"), kind="websocket")["type"] == "websocket.close"
    assert through_the_gate(HERE)["status"] == 200


@pytest.mark.parametrize("origin", ["http://evil.example", "http://127.0.0.1:3000", "https://127.0.0.1:4200", "null"])
def test_a_page_of_another_site_is_refused(origin: str) -> None:
    assert through_the_gate(HERE, ("origin", origin))["status"] == 403
    assert through_the_gate(HERE, ("origin", origin), kind="websocket")["type"] == "websocket.close"
    assert through_the_gate(HERE, ("origin", "http://127.0.0.1:4200"))["status"] == 200


def test_where_a_password_is_asked_for_a_proxy_may_have_its_own_name() -> None:
    proxied = ("host", "screening.hospital.example"), ("origin", "https://screening.hospital.example")
    assert through_the_gate(*proxied, password=True)["status"] == 200


def test_our_pages_may_not_be_framed_and_pages_with_scripts_from_elsewhere_are_not_served() -> None:
    headers = dict(through_the_gate(HERE)["headers"])
    assert headers[b"x-frame-options"] == b"DENY"
    assert b"frame-ancestors 'none'" in headers[b"content-security-policy"]
    assert through_the_gate(HERE, path="/docs")["status"] == 403


# A real serve that listens to the whole network


@pytest.mark.server
@pytest.mark.skipif(sys.platform != "linux", reason="finds processes in /proc")
def test_serve_refuses_other_machines_without_a_password_and_asks_each_for_it_with_one(tmp_path: Path) -> None:
    root = tmp_path / "w"
    refused = subprocess.run(
        command(root),
        env=variables(api=free_port(), pages=free_port(), CXRSCREEN_HOST=EVERYWHERE),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert refused.returncode == 1
    assert "a password is needed" in refused.stderr
    assert "Traceback" not in refused.stderr

    write_password(root)
    served = Served(
        root,
        stub=True,
        password=PASSWORD,
        CXRSCREEN_HOST=EVERYWHERE,
        PREFECT_SERVER_SERVICES_DB_VACUUM_LOOP_SECONDS="1",
        PREFECT_LOGGING_LEVEL="DEBUG",
    )
    try:
        served.wait_until_up()
        check_that_strangers_get_nothing(served)
        check_that_runs_work_and_nothing_tells_the_password(served)
        check_that_old_runs_are_forgotten(served)
    finally:
        served.stop()


def check_that_strangers_get_nothing(served: Served) -> None:
    for port, path in ((served.api, "api/flows/count"), (served.api, "api/csrf-token?client=x"), (served.pages, "")):
        for headers in ({}, {"Authorization": basic("night:guessed-it-wrong")}):
            with pytest.raises(urllib.error.HTTPError, match="401"):
                urllib.request.urlopen(urllib.request.Request(f"http://127.0.0.1:{port}/{path}", headers=headers))


def check_that_runs_work_and_nothing_tells_the_password(served: Served) -> None:
    draw_png(served.root / "intake" / "one.png", 90)
    wait_for("the run to end", lambda: served.runs("COMPLETED"))
    assert served.get("")
    assert served.ask("deployments/filter", {})
    secret = PASSWORD.partition(":")[2].encode()
    encoded = base64.b64encode(PASSWORD.encode())
    kept = [path for path in served.root.rglob("*") if path.is_file() and path.name != AUTH_FILE]
    for path in [*kept, served.log_file]:
        content = path.read_bytes()
        assert secret not in content, path
        assert encoded not in content, path
    for line in processes(served.root).values():
        assert secret.decode() not in line


def check_that_old_runs_are_forgotten(served: Served) -> None:
    (old,) = (run["id"] for run in served.runs("COMPLETED"))
    draw_png(served.root / "intake" / "two.png", 120)
    wait_for("the second run to end", lambda: len(served.runs("COMPLETED")) == 2)

    def rows() -> dict[str, int]:
        with closing(sqlite3.connect(served.root / "prefect" / "prefect.db", timeout=30)) as database:
            return {
                table: database.execute(f"SELECT count(*) FROM {table} WHERE {column} = ?", (old,)).fetchone()[0]  # noqa: S608
                for table, column in (
                    ("flow_run", "id"),
                    ("task_run", "flow_run_id"),
                    ("log", "flow_run_id"),
                    ("artifact", "flow_run_id"),
                    ("flow_run_state", "flow_run_id"),
                )
            }

    assert all(rows().values()), rows()
    with closing(sqlite3.connect(served.root / "prefect" / "prefect.db", timeout=30)) as database, database:
        database.execute(
            "UPDATE flow_run SET end_time = strftime('%Y-%m-%d %H:%M:%f', 'now', '-31 days') WHERE id = ?", (old,)
        )
    wait_for("the old run to be forgotten", lambda: not any(rows().values()), seconds=30)
    (kept,) = served.runs("COMPLETED")
    assert kept["id"] != old
