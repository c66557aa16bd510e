from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from cxrscreen.errors import WorkspaceError
from cxrscreen.screening.intake import look, look_again


def test_files_in_subfolders_are_found_in_the_order_of_their_names(tmp_path: Path) -> None:
    for name in ("b.png", "ward/3/a.dcm", "a.jpg"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    assert [s.name for s in look(tmp_path)] == ["a.jpg", "b.png", "ward/3/a.dcm"]


def test_names_with_a_leading_dot_are_the_system_s(tmp_path: Path) -> None:
    for name in (".DS_Store", ".incoming/a.png", "a.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    assert [s.name for s in look(tmp_path)] == ["a.png"]


def test_links_pipes_and_sockets_wait_and_say_why(tmp_path: Path) -> None:
    (tmp_path / "radiograph.png").write_bytes(b"x")
    (tmp_path / "link.png").symlink_to(tmp_path / "radiograph.png")
    os.mkfifo(tmp_path / "pipe.png")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "socket.png"))
        seen = look(tmp_path)
        arrivals = look_again(tmp_path, seen, 0)
    assert [s.name for s in seen if s.fault] == ["link.png", "pipe.png", "socket.png"]
    assert [s.name for s in arrivals.settled] == ["radiograph.png"]
    assert [s.name for s in arrivals.waiting] == ["link.png", "pipe.png", "socket.png"]


def test_a_subfolder_that_cannot_be_opened_waits_and_the_rest_is_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "locked").mkdir()
    (tmp_path / "z.png").write_bytes(b"x")
    scandir = os.scandir

    def guarded(folder: Path) -> object:
        if Path(folder).name == "locked":
            raise PermissionError(13, "Permission denied")
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", guarded)
    assert [(s.name, s.fault) for s in look(tmp_path)] == [
        ("locked/", "cannot be opened: Permission denied"),
        ("z.png", ""),
    ]


def test_names_narrow_the_look(tmp_path: Path) -> None:
    for name in ("a.png", "b.png", "c.png"):
        (tmp_path / name).write_bytes(b"x")
    assert [s.name for s in look(tmp_path, ["c.png", "a.png", "gone.png"])] == ["a.png", "c.png"]


def test_a_missing_folder_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(WorkspaceError, match="Check that it exists"):
        look(tmp_path / "nowhere")


def test_a_file_that_grows_between_the_looks_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "growing.dcm").write_bytes(b"half")
    (tmp_path / "still.dcm").write_bytes(b"whole")

    def append(_seconds: float) -> None:
        with (tmp_path / "growing.dcm").open("ab") as file:
            file.write(b" and more")

    arrivals = look_again(tmp_path, look(tmp_path), 5, sleep=append)
    assert [s.name for s in arrivals.settled] == ["still.dcm"]
    assert [s.name for s in arrivals.waiting] == ["growing.dcm"]


def test_a_file_rewritten_at_the_same_size_is_left_alone_too(tmp_path: Path) -> None:
    file = tmp_path / "a.dcm"
    file.write_bytes(b"12345")
    first = look(tmp_path)
    arrivals = look_again(tmp_path, first, 5, sleep=lambda _s: os.utime(file, ns=(1, first[0].mtime_ns + 1)))
    assert arrivals.settled == ()


def test_the_second_look_comes_after_settle_seconds(tmp_path: Path) -> None:
    (tmp_path / "a.dcm").write_bytes(b"x")
    waited: list[float] = []
    look_again(tmp_path, look(tmp_path), 7.5, sleep=waited.append)
    assert waited == [7.5]


def test_an_empty_intake_does_not_wait(tmp_path: Path) -> None:
    def never(_seconds: float) -> None:
        raise AssertionError

    assert look_again(tmp_path, look(tmp_path), 5, sleep=never).settled == ()


def test_names_of_unfinished_downloads_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "a.dcm.part").write_bytes(b"x")
    arrivals = look_again(tmp_path, look(tmp_path), 0, sleep=lambda _s: None)
    assert [s.name for s in arrivals.waiting] == ["a.dcm.part"]


def test_a_file_taken_away_between_the_looks_has_not_arrived(tmp_path: Path) -> None:
    file = tmp_path / "a.dcm"
    file.write_bytes(b"x")
    arrivals = look_again(tmp_path, look(tmp_path), 5, sleep=lambda _s: file.unlink())
    assert arrivals.settled == arrivals.waiting == ()


def test_a_file_that_comes_between_the_looks_waits(tmp_path: Path) -> None:
    (tmp_path / "a.dcm").write_bytes(b"x")
    arrivals = look_again(tmp_path, look(tmp_path), 5, sleep=lambda _s: (tmp_path / "b.dcm").write_bytes(b"x") and None)
    assert [s.name for s in arrivals.waiting] == ["b.dcm"]
