from __future__ import annotations

import errno
import os
import socket
import stat
import subprocess
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from cxrscreen.screening.opening import NO_FILE, open_regular, read_bytes

SECRET = b"nobody in the intake may read this"


def test_a_file_in_a_subfolder_is_read(tmp_path: Path) -> None:
    (tmp_path / "ward/3").mkdir(parents=True)
    (tmp_path / "ward/3/a.dcm").write_bytes(b"12345")
    assert read_bytes(tmp_path, "ward/3/a.dcm", 5) == b"12345"
    assert read_bytes(tmp_path, "ward/3/a.dcm", 3) == b"1234"
    with open_regular(tmp_path, "ward/3/a.dcm") as file:
        assert not os.get_inheritable(file.fileno())


@pytest.mark.parametrize("name", ["", ".", "..", "../secret", "ward/../../secret", "/etc/passwd", "a//b", "a/", "a\0b"])
def test_a_name_cannot_lead_out_of_the_folder(name: str, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(SECRET)
    (tmp_path / "intake/ward").mkdir(parents=True)
    with pytest.raises(OSError, match="no name of a file inside"):
        read_bytes(tmp_path / "intake", name, 100)


def test_no_link_is_followed_on_any_step_of_the_way(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/secret").write_bytes(SECRET)
    intake = tmp_path / "intake"
    (intake / "ward").mkdir(parents=True)
    (intake / "link").symlink_to(tmp_path / "outside/secret")
    (intake / "folder").symlink_to(tmp_path / "outside")
    (intake / "ward/up").symlink_to("..")
    (intake / "loop").symlink_to("loop")
    for name in ("link", "folder/secret", "ward/up/link", "ward/up/ward", "loop"):
        with pytest.raises(OSError, match=NO_FILE):
            read_bytes(intake, name, 100)


def test_pipes_sockets_devices_and_folders_are_refused_and_nothing_waits(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    names = ["pipe", "folder"]
    with suppress(PermissionError):  # only root makes devices
        os.mknod(tmp_path / "zero", stat.S_IFCHR | 0o600, os.makedev(1, 5))
        names.append("zero")
    started = time.monotonic()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "socket"))
        for name in (*names, "socket"):
            with pytest.raises(OSError, match=NO_FILE):
                read_bytes(tmp_path, name, 100)
    assert time.monotonic() - started < 1


def test_a_missing_file_is_told_from_one_that_may_not_be_read(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_bytes(tmp_path, "ward/gone", 1)
    with pytest.raises(OSError) as caught:  # noqa: PT011  # the number tells
        read_bytes(tmp_path, "n" * 256, 1)
    assert caught.value.errno == errno.ENAMETOOLONG


def test_a_path_longer_than_the_system_takes_is_walked_step_by_step(tmp_path: Path) -> None:
    part, levels = "d" * 200, 30
    handle = os.open(tmp_path, os.O_RDONLY)
    for _ in range(levels):
        os.mkdir(part, dir_fd=handle)
        below = os.open(part, os.O_RDONLY, dir_fd=handle)
        os.close(handle)
        handle = below
    with os.fdopen(os.open("deep.png", os.O_CREAT | os.O_WRONLY, dir_fd=handle), "wb") as file:
        file.write(b"found")
    os.close(handle)
    assert read_bytes(tmp_path, "/".join([part] * levels + ["deep.png"]), 100) == b"found"
    subprocess.run(["rm", "-rf", str(tmp_path / part)], check=True)  # noqa: S607  # pytest itself cannot remove it


def test_a_link_that_comes_at_the_last_moment_is_never_followed(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/a.png").write_bytes(SECRET)
    intake = tmp_path / "intake"
    (intake / "ward").mkdir(parents=True)
    (intake / "ward/a.png").write_bytes(b"a radiograph")
    stop = threading.Event()

    def swap() -> None:
        while not stop.is_set():
            (intake / "ward").rename(intake / "aside")
            (intake / "ward").symlink_to(tmp_path / "outside")
            (intake / "ward").unlink()
            (intake / "aside").rename(intake / "ward")

    swapper = threading.Thread(target=swap)
    swapper.start()
    read, refused = 0, 0
    deadline = time.monotonic() + 10
    while (read < 50 or refused < 50) and time.monotonic() < deadline:
        try:
            assert read_bytes(intake, "ward/a.png", 100) == b"a radiograph"
            read += 1
        except OSError:
            refused += 1
    stop.set()
    swapper.join()
    assert read >= 50
    assert refused >= 50


@pytest.mark.parametrize("number", range(4))
@pytest.mark.parametrize("name", ["close", "fstat", "fdopen"])
def test_an_interrupt_right_after_a_step_is_not_lost_in_a_second_closing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, number: int
) -> None:
    (tmp_path / "ward/3").mkdir(parents=True)
    (tmp_path / "ward/3/a.dcm").write_bytes(b"12345")
    step, left = getattr(os, name), number

    def interrupted(*given: Any) -> Any:
        nonlocal left
        done = step(*given)
        left -= 1
        if left == -1:
            if name == "fdopen":
                done.close()  # as when it falls out of the hand that nobody has taken yet
            raise KeyboardInterrupt
        return done

    with monkeypatch.context() as told_to_stop, suppress(KeyboardInterrupt):
        told_to_stop.setattr(os, name, interrupted)
        content = read_bytes(tmp_path, "ward/3/a.dcm", 5)
        assert content == b"12345"
        assert left >= 0, "told to stop, and it went on"


def test_no_handle_is_left_open_whatever_happens(tmp_path: Path) -> None:
    (tmp_path / "ward").mkdir()
    (tmp_path / "ward/link").symlink_to("x")
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208  # a handle of its own in both counts
    for name in ("ward/link", "ward/gone", "gone/gone", "ward/../x", "ward"):
        with suppress(OSError):
            read_bytes(tmp_path, name, 1)
    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208  # likewise
