from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from cxrscreen.durable import move_file, place_folder, write_file


def test_a_move_across_file_systems_copies_before_it_removes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source, destination = tmp_path / "a", tmp_path / "there" / "a"
    source.write_bytes(b"content")
    destination.parent.mkdir()

    def other_file_system(_self: Path, _target: Path) -> None:
        raise OSError(errno.EXDEV, "other file system")

    monkeypatch.setattr(Path, "rename", other_file_system)
    move_file(source, destination, keep_source=False)
    assert destination.read_bytes() == b"content"
    assert [p.name for p in tmp_path.iterdir()] == ["there"]


def test_a_copy_leaves_the_source(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"content")
    move_file(tmp_path / "a", tmp_path / "b", keep_source=True)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes() == b"content"


def test_a_move_that_was_done_may_be_called_again(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"content")
    for _ in range(2):
        move_file(tmp_path / "a", tmp_path / "b", keep_source=False)
    assert (tmp_path / "b").read_bytes() == b"content"


def test_a_file_that_is_gone_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        move_file(tmp_path / "a", tmp_path / "b", keep_source=False)


def test_a_folder_appears_with_all_its_files(tmp_path: Path) -> None:
    place_folder(tmp_path / "study", {"a.txt": b"a", "b.txt": b"b"})
    assert {path.name: path.read_bytes() for path in (tmp_path / "study").iterdir()} == {"a.txt": b"a", "b.txt": b"b"}
    assert [path.name for path in tmp_path.iterdir()] == ["study"]


def test_an_earlier_folder_is_replaced_whole(tmp_path: Path) -> None:
    place_folder(tmp_path / "study", {"old.txt": b"old", "both.txt": b"old"})
    place_folder(tmp_path / "study", {"both.txt": b"new"})
    assert {path.name: path.read_bytes() for path in (tmp_path / "study").iterdir()} == {"both.txt": b"new"}
    assert [path.name for path in tmp_path.iterdir()] == ["study"]


@pytest.mark.parametrize("appears", ["before", "at the last moment"])
def test_a_folder_that_may_not_be_replaced_stays_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, appears: str
) -> None:
    rename = Path.rename

    def rename_second(draft: Path, target: Path) -> Path:
        if not target.exists():
            target.mkdir()
            (target / "first.txt").write_bytes(b"first")
        return rename(draft, target)

    if appears == "before":
        place_folder(tmp_path / "model", {"first.txt": b"first"}, replace=False)
    else:
        monkeypatch.setattr(Path, "rename", rename_second)
    with pytest.raises(FileExistsError):
        place_folder(tmp_path / "model", {"second.txt": b"second"}, replace=False)
    assert [path.name for path in (tmp_path / "model").iterdir()] == ["first.txt"]
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_a_crash_in_the_middle_leaves_no_folder_under_the_final_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    syncs: list[int] = []

    def power_cut(descriptor: int) -> None:
        syncs.append(descriptor)
        if len(syncs) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", power_cut)
    with pytest.raises(KeyboardInterrupt):
        place_folder(tmp_path / "study", {"a.txt": b"a", "b.txt": b"b"})
    assert list(tmp_path.iterdir()) == []


def test_a_folder_takes_its_name_only_after_every_file_reached_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    events: list[str] = []
    fsync, rename = os.fsync, Path.rename
    monkeypatch.setattr(os, "fsync", lambda descriptor: (events.append("sync"), fsync(descriptor))[1])
    monkeypatch.setattr(Path, "rename", lambda path, target: (events.append("rename"), rename(path, target))[1])
    place_folder(tmp_path / "study", {"a.txt": b"a", "b.txt": b"b"})
    assert events == ["sync", "sync", "sync", "rename", "sync"]  # two files, their folder, the name, its parent


def test_what_is_written_is_readable_by_its_owner_alone(tmp_path: Path) -> None:
    place_folder(tmp_path / "study", {"a.txt": b"a"})
    write_file(tmp_path / "b.txt", b"b")
    modes = [path.stat().st_mode & 0o777 for path in (tmp_path / "study", tmp_path / "study/a.txt", tmp_path / "b.txt")]
    assert modes == [0o700, 0o600, 0o600]


def test_a_missing_parent_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        place_folder(tmp_path / "nowhere" / "study", {"a.txt": b"a"})


def test_a_file_is_replaced_at_once_and_leaves_no_draft(tmp_path: Path) -> None:
    write_file(tmp_path / "index.html", b"one")
    write_file(tmp_path / "index.html", b"two")
    assert (tmp_path / "index.html").read_bytes() == b"two"
    assert [path.name for path in tmp_path.iterdir()] == ["index.html"]


def test_a_crash_keeps_the_former_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_file(tmp_path / "index.html", b"one")

    def disk_full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", disk_full)
    with pytest.raises(OSError, match="No space left"):
        write_file(tmp_path / "index.html", b"two")
    assert (tmp_path / "index.html").read_bytes() == b"one"
    assert [path.name for path in tmp_path.iterdir()] == ["index.html"]
