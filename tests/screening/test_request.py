from __future__ import annotations

import os
from pathlib import Path

import pytest

from cxrscreen.errors import WorkspaceError
from cxrscreen.screening.request import Request, resolve
from cxrscreen.settings import Settings, load_settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(tmp_path / "w")


def asked(*files: Path | str, folder: str = "") -> Request:
    return Request(folder=folder, files=tuple(map(str, files)), model="standard-2")


def test_files_are_named_from_the_folder_that_they_share(settings: Settings, tmp_path: Path) -> None:
    for name in ("night/a.png", "night/ward/b.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    chosen = resolve(settings, asked(tmp_path / "night/a.png", tmp_path / "night/ward/b.png"))
    assert (chosen.folder, chosen.names) == (tmp_path / "night", ("a.png", "ward/b.png"))


def test_a_file_that_is_named_twice_counts_once(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "a.png").touch()
    assert resolve(settings, asked(tmp_path / "a.png", tmp_path / "a.png")).names == ("a.png",)


def test_a_way_with_links_or_dots_is_made_plain(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "night/ward").mkdir(parents=True)
    (tmp_path / "night/a.png").touch()
    (tmp_path / "link").symlink_to(tmp_path / "night")
    for way in ("link/a.png", "night/ward/../a.png"):
        chosen = resolve(settings, asked(tmp_path / way))
        assert (chosen.folder, chosen.names) == (tmp_path / "night", ("a.png",))


@pytest.mark.parametrize("name", ["link.png", "pipe", "ward", "gone.png", "a\0.png", "n" * 300, "ward/.."])
def test_what_is_no_file_is_told_by_its_number_and_not_by_its_name(
    name: str, settings: Settings, tmp_path: Path
) -> None:
    (tmp_path / "a.png").touch()
    (tmp_path / "link.png").symlink_to("a.png")
    (tmp_path / "ward").mkdir()
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(WorkspaceError, match="number 2 is no absolute path") as caught:
        resolve(settings, asked(tmp_path / "a.png", tmp_path / name))
    assert name not in str(caught.value)


@pytest.mark.parametrize("folder", ["relative", "/no/such\0folder", "/" + "n" * 5000])
def test_a_folder_that_is_none_is_refused(folder: str, settings: Settings) -> None:
    with pytest.raises(WorkspaceError, match="no absolute path of a folder"):
        resolve(settings, asked(folder=folder))
