from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from cxrscreen import durable
from cxrscreen.drafts import drafts_in, prepare_drafts
from cxrscreen.durable import make_folder, place_folder, rename_to_free_name, whole_file, write_file


@pytest.fixture(params=["renameat2", "rename"])
def _system(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once as Linux does it, once as a system or a file system does that knows rename(2) alone."""
    if request.param == "rename":
        monkeypatch.setattr(durable, "_renameat2", lambda: None)
    elif durable._renameat2() is None:
        pytest.skip("this system has no renameat2")


def test_a_folder_appears_with_all_its_files(tmp_path: Path) -> None:
    place_folder(tmp_path / "study", {"a.txt": b"a", "b.txt": b"b"})
    assert {path.name: path.read_bytes() for path in (tmp_path / "study").iterdir()} == {"a.txt": b"a", "b.txt": b"b"}
    assert [path.name for path in tmp_path.iterdir()] == ["study"]


@pytest.mark.usefixtures("_system")
def test_an_earlier_folder_is_replaced_whole(tmp_path: Path) -> None:
    place_folder(tmp_path / "study", {"old.txt": b"old", "both.txt": b"old"})
    place_folder(tmp_path / "study", {"both.txt": b"new"})
    assert {path.name: path.read_bytes() for path in (tmp_path / "study").iterdir()} == {"both.txt": b"new"}
    assert [path.name for path in tmp_path.iterdir()] == ["study"]


@pytest.mark.usefixtures("_system")
@pytest.mark.parametrize("appears", ["before", "at the last moment"])
def test_a_folder_that_may_not_be_replaced_stays_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, appears: str
) -> None:
    if appears == "before":
        place_folder(tmp_path / "model", {"first.txt": b"first"}, replace=False)
    else:
        flush = durable.sync_folder

        def meanwhile(draft: Path) -> None:
            flush(draft)
            (tmp_path / "model").mkdir()
            (tmp_path / "model" / "first.txt").write_bytes(b"first")

        monkeypatch.setattr(durable, "sync_folder", meanwhile)
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
    fsync, rename = os.fsync, durable._renamed
    monkeypatch.setattr(os, "fsync", lambda descriptor: (events.append("sync"), fsync(descriptor))[1])
    monkeypatch.setattr(durable, "_renamed", lambda *given: (events.append("rename"), rename(*given))[1])
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


def test_a_file_of_many_pieces_appears_when_all_is_written(tmp_path: Path) -> None:
    with whole_file(tmp_path / "backup.tar") as file:
        file.write(b"one")
        assert not (tmp_path / "backup.tar").exists()
        file.write(b"two")
    assert (tmp_path / "backup.tar").read_bytes() == b"onetwo"
    with pytest.raises(TypeError), whole_file(tmp_path / "backup.tar") as file:
        file.writelines([b"half", "no bytes"])  # type: ignore[list-item]  # that is the error
    assert (tmp_path / "backup.tar").read_bytes() == b"onetwo"
    assert [path.name for path in tmp_path.iterdir()] == ["backup.tar"]


@pytest.mark.usefixtures("_system")
def test_a_file_that_may_not_be_replaced_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(b"first")
    with pytest.raises(FileExistsError), whole_file(tmp_path / "key", replace=False) as file:
        file.write(b"second")
    assert (tmp_path / "key").read_bytes() == b"first"
    assert [path.name for path in tmp_path.iterdir()] == ["key"]


@pytest.mark.usefixtures("_system")
def test_a_move_replaces_nothing(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"a")
    (tmp_path / "b").write_bytes(b"b")
    with pytest.raises(FileExistsError):
        rename_to_free_name(tmp_path / "a", tmp_path / "b")
    rename_to_free_name(tmp_path / "a", tmp_path / "c")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"b": b"b", "c": b"a"}


def test_where_the_system_replaces_files_silently_the_kernel_is_asked_not_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between a look and a rename another run may take the name."""
    if durable._renameat2() is None:
        pytest.skip("this system has no renameat2")
    (tmp_path / "a").write_bytes(b"a")
    (tmp_path / "b").write_bytes(b"b")
    monkeypatch.setattr(os.path, "lexists", lambda _path: False)
    with pytest.raises(FileExistsError):
        rename_to_free_name(tmp_path / "a", tmp_path / "b")
    assert (tmp_path / "b").read_bytes() == b"b"


def test_new_folders_are_their_owners_alone_at_every_level(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        make_folder(tmp_path / "a" / "b" / "c")
        make_folder(tmp_path / "a" / "b" / "c")
    finally:
        os.umask(before)
    modes = [(tmp_path / place).stat().st_mode & 0o777 for place in ("a", "a/b", "a/b/c")]
    assert modes == [0o700] * 3
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(FileExistsError):
        make_folder(tmp_path / "file" / "below")


def test_a_folder_that_cannot_be_flushed_is_no_error_but_a_disk_that_fails_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def answer(code: int) -> None:
        def fsync(_descriptor: int) -> None:
            raise OSError(code, os.strerror(code))

        monkeypatch.setattr(os, "fsync", fsync)

    answer(errno.EINVAL)  # some network file systems
    durable.sync_folder(tmp_path)
    answer(errno.EIO)
    with pytest.raises(OSError, match=os.strerror(errno.EIO)):
        durable.sync_folder(tmp_path)


def test_drafts_of_a_workspace_lie_in_one_place(tmp_path: Path) -> None:
    prepare_drafts(tmp_path)
    (tmp_path / "reports" / "batch").mkdir(parents=True)
    with whole_file(tmp_path / "reports" / "batch" / "index.html") as file:
        file.write(b"page")
        (draft,) = drafts_in(tmp_path)
        assert draft.parent == tmp_path / ".drafts"
        assert list((tmp_path / "reports" / "batch").iterdir()) == []
    assert (tmp_path / "reports" / "batch" / "index.html").read_bytes() == b"page"
    assert drafts_in(tmp_path) == []
