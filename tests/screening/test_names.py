"""Names that are meant to break something, and what is no file at all: real ones, through the whole batch."""

from __future__ import annotations

import csv
import io
import json
import os
import socket
import stat
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner

from cxrscreen.cli.commands import app
from cxrscreen.cli.console import say
from cxrscreen.errors import DataSetError, WorkspaceError
from cxrscreen.screening.intake import look
from cxrscreen.screening.marking import MARK_FILE
from cxrscreen.screening.screen import screen
from cxrscreen.workspace import FOLDER_MARK
from tests.fakes import draw_png, stub_session

NAMES = [
    b"new\nline.png",
    b"carriage\rreturn.png",
    b"tab\t.png",
    b"escape\x1b[2J\x1b]0;title\x07.png",
    b"delete\x7f.png",
    b"-rf.png",
    b"--workspace=x.png",
    b"-",
    b"quote'\".png",
    b"$(touch pwned)`touch pwned`.png",
    b"%s%n{0}{name}.png",
    b"back\\..\\..\\slash.png",
    "lookalike\u2215..\u2044slash.png".encode(),
    "\u202egnp.exe\u2066.png".encode(),
    "\ufeffmark\u200b.png".encode(),
    b"\xff\xfe no text.png",
    b"a..png",
    b"~root.png",
    b" blank before.png",
    b"blank after.png ",
    b"*?[a].png",
    b"reason.json",
    b"reason.json.png",
    b"COM1:stream.png",
    b"=HYPERLINK(1).png",
    "\uff1d1+1.png".encode(),
    b"<img src=x onerror=alert(1)>.png",
    b"{{ 7 * 7 }}.png",
    "名前 مريض Ångström.png".encode(),
    b"n" * 251 + b".png",
    "ü".encode() * 127,
    b"new\nfolder/\xff/<b>/=1+1.png",
    b"/".join([b"deep"] * 60) + b"/x.png",
    b"f" * 255 + b"/" + b"f" * 255 + b"/x.png",
]
TURNING = "\n\r\t\x1b\x7f\u202e\u2066\ufeff\u200b\u2028"


@contextmanager
def inside(folder: Path) -> Iterator[None]:
    before = Path.cwd()
    os.chdir(folder)
    yield
    os.chdir(before)


def put(folder: Path, name: bytes, content: bytes) -> None:
    path = Path(os.fsdecode(os.path.join(os.fsencode(folder), name)))  # noqa: PTH118  # Path would drop "./"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def drawn(folder: Path, number: int) -> bytes:
    return draw_png(folder / "scratch.png", number % 200, side=300 + number)


def files_below(folder: Path) -> list[bytes]:
    return [
        os.path.join(place, name)  # noqa: PTH118  # bytes
        for place, _, names in os.walk(os.fsencode(folder))
        for name in names
    ]


def test_every_hostile_name_is_screened_and_shown_harmlessly(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    root, elsewhere = tmp_path / "w", tmp_path / "elsewhere"
    elsewhere.mkdir()
    contents = [drawn(tmp_path, number % 8) for number in range(len(NAMES))]
    with stub_session(root) as session, inside(elsewhere):
        for name, content in zip(NAMES, contents, strict=True):
            put(session.workspace.intake, name, content)
        opened, summary = screen(session)
        assert summary is not None
        assert dict(opened.pending) == {}
        assert (summary.tally.arrived, summary.tally.reported) == (len(NAMES), 8)
        assert summary.tally.duplicate == len(NAMES) - 8
        folder = summary.report_html.parent
        assert {os.fsencode(file.name) for file in summary.files} == set(NAMES)
        assert screen(session)[1] is None, "nothing is left in the intake"
    kept = [path for path in files_below(root / "archive") if not path.endswith(os.fsencode(FOLDER_MARK))]
    archived = [Path(os.fsdecode(p)) for p in kept if b".records/" not in p]
    assert sorted(p.read_bytes() for p in archived) == sorted(contents)
    assert not list(elsewhere.iterdir())
    assert {p.name for p in tmp_path.iterdir()} == {"w", "elsewhere", "scratch.png"}

    html, table = (folder / "index.html").read_text(encoding="utf-8"), (folder / "batch.csv").read_bytes()
    assert "<img src=x" not in html
    assert not any(mark in html for mark in TURNING.replace("\n", ""))
    lines = table.decode("utf-8-sig").split("\r\n")
    assert len(lines) == len(NAMES) + 2
    assert not any(mark in line for line in lines for mark in TURNING)
    cells = [row["file"] for row in csv.DictReader(io.StringIO(table.decode("utf-8-sig"), newline=""))]
    assert not [cell for cell in cells if cell.lstrip().startswith(("=", "-", "\uff1d"))]
    record = (folder / "batch.json").read_bytes()
    assert record.isascii()
    written = json.loads(record)
    named = [name for study in written["studies"] for name in study["files"]]
    assert {os.fsencode(name) for name in named + [row["file"] for row in written["duplicates"]]} == set(NAMES)
    said = caplog.text + "".join(capsys.readouterr())
    assert not any(mark in said.replace("\n", "") for mark in TURNING)


def test_what_is_no_file_waits_with_its_cause_and_is_not_touched(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    draw_png(outside / "radiograph.png", 40)
    with stub_session(tmp_path / "w") as session, socket.socket(socket.AF_UNIX) as listener:
        intake = session.workspace.intake
        (intake / "link.png").symlink_to(outside / "radiograph.png")
        (intake / "broken.png").symlink_to("nowhere")
        (intake / "loop").symlink_to("loop")
        (intake / "folder").symlink_to(outside)
        (intake / "up").symlink_to("..")
        os.mkfifo(intake / "pipe.png")
        expected = {"link.png", "broken.png", "loop", "folder", "up", "pipe.png", "socket.png"}
        with suppress(PermissionError):  # only root makes devices
            os.mknod(intake / "zero.png", stat.S_IFCHR | 0o600, os.makedev(1, 5))
            os.mknod(intake / "disk.png", stat.S_IFBLK | 0o600, os.makedev(7, 0))
            expected |= {"zero.png", "disk.png"}
        with inside(intake):
            listener.bind("socket.png")
        draw_png(intake / "sound.png", 90)
        opened, summary = screen(session)
    assert summary is not None
    assert summary.tally.reported == 1
    assert {name for name, cause in opened.pending.items() if cause.startswith("a link, pipe or device")} == expected
    assert {p.name for p in intake.iterdir()} == expected | {MARK_FILE}
    assert [p.name for p in outside.iterdir()] == ["radiograph.png"]


def test_the_terminal_shows_hostile_names_harmlessly(tmp_path: Path) -> None:
    intake = tmp_path / "w/intake"
    intake.mkdir(parents=True)
    names = [
        "escape\x1b[2J\x1b]0;title\x07.png",
        "\u202egnp.exe.png",
        "two\nlines.png",
        "[bold]rich.png",
        "caf\udce9.png",
    ]
    for name in names:
        (intake / name).symlink_to("nowhere")
    said = CliRunner().invoke(app, ["screen", "--workspace", str(tmp_path / "w")])
    assert said.exit_code == 0
    assert not any(mark in said.output for mark in "\x1b\x07\u202e\udce9")
    for shown in ("escape[U+001B][2J", "[U+202E]gnp.exe", "two[U+000A]lines", "[bold]rich", "caf[U+DCE9]"):
        assert shown in said.output


def test_an_error_that_names_files_shows_them_harmlessly(capsys: pytest.CaptureFixture[str]) -> None:
    say(
        Console(width=80),
        f"DataSetError: {DataSetError('Keep one.', files=['a' + chr(27) + '[2J.png', chr(0x202E) + 'b'])}",
    )
    assert capsys.readouterr().out.splitlines() == ["DataSetError: Keep one.", "a[U+001B][2J.png", "[U+202E]b"]


def test_a_hard_link_is_taken_from_the_intake_and_its_other_name_stays_as_it_was(tmp_path: Path) -> None:
    other = tmp_path / "outside.png"
    content = draw_png(other, 40)
    other.chmod(0o644)
    with stub_session(tmp_path / "w") as session:
        os.link(other, session.workspace.intake / "linked.png")
        os.link(other, session.workspace.intake / "again.png")
        _, summary = screen(session)
    assert summary is not None
    assert (summary.tally.reported, summary.tally.duplicate) == (1, 1)
    assert other.read_bytes() == content
    assert stat.S_IMODE(other.stat().st_mode) == 0o644
    assert other.stat().st_nlink == 1
    archived = [p for p in (tmp_path / "w/archive").rglob("*.png") if p.is_file()]
    assert [stat.S_IMODE(p.stat().st_mode) for p in archived] == [0o600, 0o600]


@pytest.fixture
def bottomless(tmp_path: Path) -> Iterator[Path]:
    """Folders in folders, deeper than Python recurses and longer than a path may be, with a file at the end."""
    top = tmp_path / "bottomless"
    top.mkdir()
    handle = os.open(top, os.O_RDONLY)
    for _ in range(2200):
        os.mkdir("dd", dir_fd=handle)
        below = os.open("dd", os.O_RDONLY, dir_fd=handle)
        os.close(handle)
        handle = below
    with os.fdopen(os.open("x.png", os.O_CREAT | os.O_WRONLY, dir_fd=handle), "wb") as file:
        file.write(drawn(tmp_path, 1))
    os.close(handle)
    yield top
    subprocess.run(["rm", "-rf", str(tmp_path)], check=True)  # noqa: S607  # pytest itself cannot remove it


def test_folders_deeper_than_any_path_wait_with_their_cause(bottomless: Path, tmp_path: Path) -> None:
    with stub_session(tmp_path / "w") as session:
        bottomless.rename(session.workspace.intake / "ward")
        draw_png(session.workspace.intake / "sound.png", 90)
        opened, summary = screen(session)
    assert summary is not None
    assert summary.tally.reported == 1
    (cause,) = opened.pending.values()
    assert "File name too long" in cause


def test_ten_thousand_entries_are_seen_in_a_moment(tmp_path: Path) -> None:
    for number in range(100):
        (tmp_path / f"{number:02}").mkdir()
        for inner in range(100):
            os.mknod(tmp_path / f"{number:02}/{inner:02}.png")
    assert len(look(tmp_path)) == 10_000


def test_one_intake_feeds_one_workspace(tmp_path: Path) -> None:
    with stub_session(tmp_path / "first") as first:
        draw_png(first.workspace.intake / "a.png", 40)
        assert screen(first)[1] is not None
        draw_png(first.workspace.intake / "b.png", 50)
    with stub_session(tmp_path / "second") as second:
        second.workspace.intake.rmdir()
        second.workspace.intake.symlink_to(tmp_path / "first/intake")
        with pytest.raises(WorkspaceError, match="the intake of another workspace"):
            screen(second)
    assert (tmp_path / "first/intake/b.png").exists()
    with stub_session(tmp_path / "first") as first:
        summary = screen(first)[1]
    assert summary is not None
    assert summary.tally.reported == 1
