"""Whatever a file, its tags or a table say is text; and printing a page asks nobody for anything."""

from __future__ import annotations

import io
import json
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from xml.etree import ElementTree as ET

import pypdf
import pytest

from cxrscreen.evaluation.drawing import drawn
from cxrscreen.reporting.model import DuplicateRow, FailedRow, PatientIdentity, PendingRow
from cxrscreen.reporting.page_parts import printable
from cxrscreen.reporting.paper import Press
from cxrscreen.reporting.words import load_words
from cxrscreen.reporting.writer import ReportWriter
from tests.reporting.report_samples import CARD, batch, radiograph, refused, study, study_row
from tests.reporting.test_batch_report import write_batch

HOSTILE = (
    "<script>alert(1)</script>",
    "\"><img src=x onerror='alert(1)'>",
    "</style><style>*{background:url(file:///etc/hostname)}</style>",
    "{{ 7 * 7 }}{% include '/etc/hostname' %}",
    "{score} {0.__class__} %s %(file)s",
    "]]>--><svg onload=alert(1)>",
    "javascript:alert(1)",
    "\u202egnp.exe\u2066\x1b[2J\x00\r\n\u2028",
)
ALL = " ".join(HOSTILE)


class Tags(HTMLParser):
    """Collects what a browser would see of a page: its elements, and the attributes that run or fetch."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [f"{tag} {name}={value}" for name, value in attrs if name.startswith("on") or name in LOADING]
        self.found.append(tag)


LOADING = ("src", "href", "data", "action", "srcset", "background", "poster")


def tags_of(page: Path) -> list[str]:
    parser = Tags()
    parser.feed(page.read_text(encoding="utf-8"))
    return parser.found


class Server:
    """A web server on this machine that nobody ought to visit."""

    def __init__(self) -> None:
        self.visits: list[str] = []
        visits = self.visits

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                visits.append(self.path)
                self.send_error(404)

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def server() -> Iterator[Server]:
    running = Server()
    yield running
    running.close()


@pytest.fixture
def connections(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Refuse each connection that Python code asks for, and remember where to."""
    asked: list[object] = []

    def refuse(_self: socket.socket, address: object) -> None:
        asked.append(address)
        raise OSError("no network in this test")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket.socket, "connect_ex", refuse)
    return asked


def test_a_study_s_page_has_the_same_elements_whatever_its_texts_say(english: ReportWriter, tmp_path: Path) -> None:
    def written(name: str, text: str) -> Path:
        shown = radiograph(file_name=text, notices=(text,))
        report = study(
            radiographs=(replace(shown, acquisition=replace(shown.acquisition, window=text, modality=text)),),
            refused=(replace(refused(), file_name=text, detail=text),),
            patient=PatientIdentity(name=text, patient_id=text, birth_date=text),
        )
        report = replace(report, site_name=text, card=CARD.model_copy(update={"version": text, "limits": (text,)}))
        return english.write_study(report, tmp_path / name).html

    assert tags_of(written("hostile", ALL)) == tags_of(written("harmless", "x"))
    assert "{{ 7 * 7 }}" in (tmp_path / "hostile/report.html").read_text(encoding="utf-8")


def test_an_index_has_the_same_elements_whatever_its_texts_say(english: ReportWriter, tmp_path: Path) -> None:
    def written(name: str, text: str) -> Path:
        report = batch(
            1,
            refused=(replace(refused(), file_name=text, detail=text),),
            duplicates=(DuplicateRow(file_name=text, first_report=None),),
            failed=(FailedRow(file_name=text, detail=text),),
            pending=(PendingRow(file_name=text, cause=text),),
        )
        (tmp_path / name).mkdir()
        rows = (replace(study_row(1, 0.5), files=(text,), review=(text,)),)
        return write_batch(english, replace(report, site_name=text, studies=rows), tmp_path / name).html

    hostile = written("hostile", ALL)
    assert tags_of(hostile) == tags_of(written("harmless", "x"))
    shown = hostile.read_text(encoding="utf-8")
    assert "{{ 7 * 7 }}" in shown
    assert "{score} {0.__class__} %s" in shown
    assert not any(mark in shown for mark in "\u202e\u2066\x1b\x00\u2028")
    assert all(
        "/JavaScript" not in str(page.get_object()) for page in pypdf.PdfReader(hostile.with_suffix(".pdf")).pages
    )
    assert json.loads(hostile.with_name("batch.json").read_bytes())["failed_files"][0]["file"] == ALL


@pytest.mark.filterwarnings("ignore:Glyph")  # the chart's font has Latin letters only
def test_a_chart_has_the_same_elements_whatever_its_names_say() -> None:
    def elements(name: str) -> set[str]:
        svg = drawn(lambda figure: figure.subplots().set_title(printable(name)), width=200, height=80)
        return {element.tag for element in ET.fromstring(svg).iter()}  # noqa: S314  # our own file

    assert all(elements(name) == elements("harmless") for name in HOSTILE)


def test_printing_visits_nobody_and_opens_no_file(
    server: Server, connections: list[object], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    planted = tmp_path / "planted.txt"
    planted.write_text("PLANTED-IN-A-FILE")
    picture = (
        f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="9" height="9">'
        f'<image href="{server.address}/svg.png" width="9" height="9"/><image xlink:href="{planted.as_uri()}"/>'
        f'<style>@import url({server.address}/svg.css);</style><use href="{server.address}/x.svg#a"/></svg>'
    ).encode()
    page = f"""<!doctype html><html lang="en"><head><title>t</title><base href="{server.address}/">
        <link rel="stylesheet" href="{server.address}/a.css"><link rel="stylesheet" href="{planted.as_uri()}">
        <link rel="attachment" href="{planted.as_uri()}"><link rel="icon" href="{server.address}/icon">
        <style>@import url({server.address}/b.css); p {{ background: url({server.address}/c.png) }}
        @font-face {{ font-family: x; src: url({server.address}/d.woff2) }} p {{ font-family: x }}</style></head><body>
        <p>text</p><img alt="a" src="{server.address}/e.png"><img alt="b" src="//127.0.0.1/f.png">
        <object data="{server.address}/g.svg"></object><embed src="{planted.as_uri()}"><iframe src="{server.address}/h">
        </iframe><img alt="c" src="https://report.invalid/chart.svg"><svg><image href="{server.address}/i.png"/></svg>
        <a rel="attachment" href="{planted.as_uri()}">all</a></body></html>"""
    pdf = Press((), {}).print_page(page, {"chart.svg": picture})
    assert connections == []
    assert server.visits == []
    assert b"PLANTED" not in pdf
    attached = pypdf.PdfReader(io.BytesIO(pdf)).attachments
    assert not [name for name, contents in attached.items() if b"PLANTED" in b"".join(contents)]
    assert caplog.records, "what was refused is said"


def test_a_report_is_printed_without_a_network(
    english: ReportWriter, connections: list[object], tmp_path: Path
) -> None:
    english.write_study(study(), tmp_path / "S-1")
    assert connections == []


@pytest.mark.parametrize("text", ["(" * 5_000, "a b " * 20_000, "cannot be opened: " * 3_000, "\n" * 10_000])
def test_a_long_text_is_looked_up_in_no_time(text: str) -> None:
    words = load_words("id")
    started = time.perf_counter()
    words.sentence(text)
    assert time.perf_counter() - started < 2
