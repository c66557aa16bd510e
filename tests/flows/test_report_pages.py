"""The pages with the reports: real sockets and real files."""

from __future__ import annotations

import contextlib
import http.client
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from flows import report_pages
from flows.report_pages import ReportPages
from tests.flows.served import wait_for
from tests.flows.test_access import PASSWORD, basic


@pytest.fixture
def reports(tmp_path: Path) -> Path:
    folder = tmp_path / "reports"
    (folder / "B-1" / "S-1").mkdir(parents=True)
    (folder / "B-1" / "index.html").write_text("<p>the batch</p>")
    (folder / "B-1" / "S-1" / "report.pdf").write_bytes(b"%PDF-")
    (folder / "B-1" / "S-1" / "<b>.txt").write_bytes(b"odd")
    (folder / ".drafts").mkdir()
    (folder / ".drafts" / "half.html").write_text("half")
    (tmp_path / "pseudonym.key").write_text("secret")
    (folder / "link.key").symlink_to(tmp_path / "pseudonym.key")
    (folder / "above").symlink_to(tmp_path)
    os.mkfifo(folder / "pipe")
    return folder


@pytest.fixture
def pages(reports: Path, request: pytest.FixtureRequest) -> Iterator[ReportPages]:
    server = ReportPages(("127.0.0.1", 0), reports, getattr(request, "param", None))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def ask(pages: ReportPages, path: str, method: str = "GET", **headers: str) -> tuple[int, dict[str, str], bytes]:
    with closing(http.client.HTTPConnection("127.0.0.1", pages.server_address[1], timeout=10)) as connection:
        connection.putrequest(method, path, skip_host="Host" in headers)
        for name, value in headers.items():
            connection.putheader(name, value)
        connection.endheaders()
        answer = connection.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read()


def test_reports_are_served_with_headers_that_keep_them_private(pages: ReportPages) -> None:
    status, headers, body = ask(pages, "/B-1/")
    assert (status, body) == (200, b"<p>the batch</p>")
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert "Python" not in headers["Server"]
    assert ask(pages, "/B-1/S-1/report.pdf")[1]["Content-Type"] == "application/pdf"
    assert ask(pages, "/B-1")[1]["Location"] == "/B-1/"
    assert ask(pages, "//B-1")[1]["Location"] == "/B-1/"
    status, headers, body = ask(pages, "/B-1/S-1/report.pdf", "HEAD")
    assert (status, headers["Content-Length"], body) == (200, "5", b"")


def test_a_list_of_names_shows_neither_hidden_names_nor_links_nor_markup(pages: ReportPages) -> None:
    body = ask(pages, "/")[2]
    assert b"B-1/" in body
    for name in (b"drafts", b"link", b"above"):
        assert name not in body
    assert b"&lt;b&gt;.txt" in ask(pages, "/B-1/S-1/")[2]


@pytest.mark.parametrize(
    "path",
    [
        "/.drafts/half.html",
        "/.drafts/",
        "/link.key",
        "/above/pseudonym.key",
        "/above/",
        "/../pseudonym.key",
        "/B-1/../../pseudonym.key",
        "/%2e%2e/pseudonym.key",
        "/B-1/%2e%2e%2fpseudonym.key",
        "/B-1/..%5cpseudonym.key",
        "/pipe",
        "/pipe/",
        "/B-1/index.html%00.png",
        "/no-such-batch/",
        "/B-1/index.html/",
        f"/{'n' * 5000}",
    ],
)
def test_nothing_but_visible_files_of_the_folder_is_served(pages: ReportPages, path: str) -> None:
    status, _, body = ask(pages, path)
    assert status == 404
    assert b"secret" not in body


def test_a_request_that_names_another_host_is_refused(pages: ReportPages) -> None:
    assert ask(pages, "/B-1/", Host="evil.example")[0] == 403
    assert ask(pages, "/B-1/", Host="localhost:4210")[0] == 200


@pytest.mark.parametrize("origin", ["http://evil.example", "http://localhost:4200", "null"])
def test_a_request_from_a_page_of_another_site_is_refused(pages: ReportPages, origin: str) -> None:
    assert ask(pages, "/B-1/", Host="localhost:4210", Origin=origin)[0] == 403
    assert ask(pages, "/B-1/", Host="localhost:4210", Origin="http://localhost:4210")[0] == 200


def test_a_request_with_two_hosts_is_refused(pages: ReportPages) -> None:
    with socket.create_connection(("127.0.0.1", pages.server_address[1]), timeout=10) as connection:
        connection.sendall(b"GET /B-1/ HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n")
        assert b" 403 " in connection.makefile("rb").readline()


@pytest.mark.parametrize("pages", [PASSWORD], indirect=True)
def test_where_there_is_a_password_it_is_asked_for(pages: ReportPages, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report_pages, "WRONG_PASSWORD_SECONDS", 0)
    status, headers, body = ask(pages, "/B-1/")
    assert (status, body) == (401, b"")
    assert headers["WWW-Authenticate"].startswith("Basic realm=")
    for wrong in (basic(f"{PASSWORD}x"), basic("night:"), PASSWORD, "Basic", "Bearer x", "Basic \xff"):
        assert ask(pages, "/B-1/", Authorization=wrong)[0] == 401
    assert ask(pages, "/B-1/", Authorization=basic(PASSWORD))[0] == 200
    assert ask(pages, "/B-1/", Authorization=basic(PASSWORD), Host="screening.hospital.example")[0] == 200


def test_slow_and_many_connections_do_not_keep_others_out_for_long(
    pages: ReportPages, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report_pages, "REQUEST_SECONDS", 1.0)
    before = threading.active_count()
    address = ("127.0.0.1", pages.server_address[1])
    with contextlib.ExitStack() as stack:
        slow = [
            stack.enter_context(socket.create_connection(address)) for _ in range(2 * report_pages.MOST_CONNECTIONS)
        ]
        wait_for("the connections to be taken", lambda: threading.active_count() > before)
        assert threading.active_count() <= before + report_pages.MOST_CONNECTIONS
        until = time.monotonic() + 1.5
        while time.monotonic() < until:  # a byte now and then, so that no single wait is long
            for connection in slow:
                with contextlib.suppress(OSError):
                    connection.send(b"G")
            time.sleep(0.2)
        wait_for("a place", lambda: ask(pages, "/B-1/")[0] == 200, seconds=10)
    wait_for("the threads to end", lambda: threading.active_count() <= before, seconds=10)
