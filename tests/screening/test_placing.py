"""Each screened file comes to its place once, whatever happens to its name meanwhile."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from cxrscreen.screening import moving
from cxrscreen.screening.records import REASON_FILE
from tests.crash.accounts import RECORDED
from tests.screening.decided import BATCH_ID, decide, opened

DAY = Path("2026-03-01")


@pytest.fixture(params=["same file system", "other file system"])
def intake(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """The workspace's own intake, and one on another disk."""
    if request.param == "same file system":
        yield tmp_path / "w" / "intake"
        return
    memory = Path("/dev/shm")  # noqa: S108  # another file system is what is wanted
    if not memory.is_dir() or memory.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("there is no second file system here")
    folder = memory / f"cxrscreen-{os.getpid()}"
    folder.mkdir()
    yield folder
    shutil.rmtree(folder)


def test_files_go_to_archive_and_quarantine_with_their_times_for_their_owner_alone(
    tmp_path: Path, intake: Path
) -> None:
    decide(tmp_path / "w", {"a.png": b"a", "notes.txt": b"notes"}, intake=intake, refused=["notes.txt"])
    for name in ("a.png", "notes.txt"):
        os.utime(intake / name, ns=(5, 1_600_000_000_123_456_789))
        (intake / name).chmod(0o664)
    with opened(tmp_path / "w") as decided:
        decided.place()
        placed = [decided.where("a.png"), decided.where("notes.txt")]
        assert all(file.placed for file in decided.files.values())
    assert [p.name for p in intake.iterdir()] == []
    assert [p.read_bytes() for p in placed] == [b"a", b"notes"]
    assert [p.stat().st_mtime_ns for p in placed] == [1_600_000_000_123_456_789] * 2
    below = [p for top in ("archive", "quarantine") for p in (tmp_path / "w" / top).rglob("*")]
    assert {p.stat().st_mode & 0o777 for p in below if p.is_file()} == {0o600}
    assert {p.stat().st_mode & 0o777 for p in below if p.is_dir()} == {0o700}


def test_a_file_of_a_folder_that_is_not_ours_is_copied_and_left_as_it_was(tmp_path: Path) -> None:
    theirs = tmp_path / "theirs"
    decide(tmp_path / "w", {"a.png": b"a"}, intake=theirs, keeps_source=True)
    (theirs / "a.png").chmod(0o644)
    before = (theirs / "a.png").stat()
    with opened(tmp_path / "w") as decided:
        decided.place()
        assert decided.where("a.png").read_bytes() == b"a"
    after = (theirs / "a.png").stat()
    assert (after.st_ino, after.st_mode, after.st_mtime_ns) == (before.st_ino, before.st_mode, before.st_mtime_ns)


def test_the_records_hold_what_the_ledger_holds(tmp_path: Path) -> None:
    odd = os.fsdecode(b"M\xfcller.png")
    decide(tmp_path / "w", {odd: b"a", "notes.txt": b"notes"}, refused=["notes.txt"])
    with opened(tmp_path / "w") as decided:
        decided.place()
        rows = decided.files
        of_batch = json.loads((tmp_path / "w/archive" / DAY / f"{BATCH_ID}.records" / "batch.json").read_text())
        archived = tmp_path / "w/archive" / DAY / f"{BATCH_ID}.records" / f"{rows[odd].file_id}.json"
        quarantined = decided.where("notes.txt").with_name(REASON_FILE)
        batch = decided.batch
    for path, row in ((archived, rows[odd]), (quarantined, rows["notes.txt"])):
        told = json.loads(path.read_text())
        assert told["record_version"] == 3
        assert os.fsencode(told["file"]) == os.fsencode(row.name)
        assert (told["batch"], told["study"]) == (row.batch_id, row.study_key)
        for column in (*RECORDED, "file_id", "finding", "strangeness", "lung_share"):
            assert told[column] == getattr(row, column), column
        assert (told["outcome"], tuple(told["review"])) == (row.outcome, row.review)
        assert told["placed_at"][10] == "T"
    assert json.loads(quarantined.read_text())["what_to_do"]
    assert of_batch["card"] == batch.card.model_dump(mode="json")
    assert (of_batch["batch"], of_batch["folder"]) == (BATCH_ID, str(batch.folder))
    assert {name: of_batch[name] for name in ("keeps_source", "language", "explanation", "started_at")} == {
        "keeps_source": False,
        "language": "en",
        "explanation": "guided",
        "started_at": "2026-03-01T03:00:00+00:00",
    }


def test_a_file_with_a_second_name_outside_is_copied_and_the_other_name_left_alone(tmp_path: Path) -> None:
    """What is archived could be changed through the other name, and its rights would become ours."""
    decide(tmp_path / "w", {"a.png": b"a"})
    outside = tmp_path / "outside.png"
    outside.hardlink_to(tmp_path / "w" / "intake" / "a.png")
    outside.chmod(0o644)
    with opened(tmp_path / "w") as decided:
        decided.place()
        outside.write_bytes(b"changed")
        assert decided.where("a.png").read_bytes() == b"a"
    assert outside.stat().st_mode & 0o777 == 0o644
    assert not (tmp_path / "w" / "intake" / "a.png").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_what_its_sender_still_holds_open_cannot_be_changed_in_the_archive(tmp_path: Path) -> None:
    decide(tmp_path / "w", {"a.png": b"screened"})
    handed_in = tmp_path / "w" / "intake" / "a.png"
    os.chown(handed_in, 65534, 65534)
    with handed_in.open("r+b") as held, opened(tmp_path / "w") as decided:
        decided.place()
        held.write(b"another.")
        held.flush()
        assert decided.where("a.png").read_bytes() == b"screened"
        assert decided.where("a.png").stat().st_uid == 0
    assert not handed_in.exists()


@pytest.mark.parametrize("kind", ["link", "folder link", "pipe"])
def test_what_has_become_a_link_or_a_pipe_is_left_and_said(tmp_path: Path, kind: str) -> None:
    decide(tmp_path / "w", {"ward/a.png": b"a"})
    file = tmp_path / "w" / "intake" / "ward" / "a.png"
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "a.png").write_bytes(b"a")
    file.unlink()
    if kind == "link":
        file.symlink_to(outside / "a.png")
    elif kind == "pipe":
        os.mkfifo(file)
    else:
        file.parent.rmdir()
        file.parent.symlink_to(outside)
    with opened(tmp_path / "w") as decided:
        decided.place()
        row = decided.files["ward/a.png"]
        assert decided.ledger.unplaced(BATCH_ID) == []
    assert (row.destination, row.placed) == (None, False)
    assert row.detail == "replaced by a link, pipe or device before it could be moved"
    assert (outside / "a.png").read_bytes() == b"a"
    assert os.path.lexists(file)


def test_a_file_swapped_at_the_last_moment_goes_back_to_where_it_arrived(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    decide(tmp_path / "w", {"a.png": b"a"})
    file = tmp_path / "w" / "intake" / "a.png"
    rename = moving.rename_to_free_name

    def swapped(source: Path, destination: Path) -> None:
        monkeypatch.setattr(moving, "rename_to_free_name", rename)
        (tmp_path / "new").write_bytes(b"another arrival")
        (tmp_path / "new").replace(file)
        rename(source, destination)

    monkeypatch.setattr(moving, "rename_to_free_name", swapped)
    with opened(tmp_path / "w") as decided:
        decided.place()
        assert decided.files["a.png"].detail == "replaced by other content before it could be moved"
    assert file.read_bytes() == b"another arrival"
    assert not list((tmp_path / "w" / "archive").rglob("*.png"))


def test_a_copy_left_at_the_source_by_a_crash_is_removed_and_a_later_arrival_is_not(
    tmp_path: Path, intake: Path
) -> None:
    contents = {"left.png": b"left", "again.png": b"again", "other.png": b"other"}
    decide(tmp_path / "w", contents, intake=intake)
    with opened(tmp_path / "w") as decided:
        for name, content in contents.items():
            arrived = (intake / name).stat().st_mtime_ns
            decided.where(name).parent.mkdir(parents=True, exist_ok=True)
            decided.where(name).write_bytes(content)
            os.utime(decided.where(name), ns=(arrived, arrived))
        os.utime(intake / "again.png", ns=(1, 1))  # the same content, sent once more
        (intake / "other.png").write_bytes(b"another file of that name")
        decided.place()
        assert all(file.placed for file in decided.files.values())
        assert [decided.where(name).read_bytes() for name in contents] == list(contents.values())
    assert {p.name: p.read_bytes() for p in intake.iterdir()} == {
        "again.png": b"again",
        "other.png": b"another file of that name",
    }


def test_nothing_that_lies_at_a_destination_is_overwritten(tmp_path: Path, intake: Path) -> None:
    decide(tmp_path / "w", {"a.png": b"a", "notes.txt": b"notes"}, intake=intake, refused=["notes.txt"])
    with opened(tmp_path / "w") as decided:
        taken = [decided.where("a.png"), decided.where("notes.txt")]
        taken[0].parent.mkdir(parents=True)
        taken[0].write_bytes(b"somebody's")
        taken[1].mkdir(parents=True)
        decided.place()
        assert [decided.where(name).read_bytes() for name in ("a.png", "notes.txt")] == [b"a", b"notes"]
        assert all(file.placed for file in decided.files.values())
        records = [decided.where("notes.txt").with_name(REASON_FILE)]
        records += (tmp_path / "w/archive" / DAY / f"{BATCH_ID}.records").glob("[0-9]*.json")
        told = {json.loads(path.read_text())["file"]: json.loads(path.read_text()) for path in records}
        assert {name: record["destination"] for name, record in told.items()} == {
            name: file.destination for name, file in decided.files.items()
        }
    assert taken[0].read_bytes() == b"somebody's"
    assert list(taken[1].iterdir()) == []
    assert [p.name for p in intake.iterdir()] == []


def test_a_name_too_long_for_its_place_is_kept_in_the_record(tmp_path: Path) -> None:
    """The intake's path may be shorter than the archive's: what could arrive there must find a place here."""
    deep = "/".join(["d" * 200] * 12 + ["x" * 251 + ".png"])
    decide(tmp_path / "w", {deep: b"deep", "a.png": b"a"})
    with opened(tmp_path / "w") as decided:
        decided.place()
        row = decided.files[deep]
        assert row.placed
        assert len(row.destination or "") < 100
        assert decided.where(deep).read_bytes() == b"deep"
    record = tmp_path / "w/archive" / DAY / f"{BATCH_ID}.records" / f"{row.file_id}.json"
    assert json.loads(record.read_text())["file"] == deep


def test_a_folder_that_is_gone_for_a_while_takes_no_file_away(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    intake = tmp_path / "mounted"
    decide(tmp_path / "w", {"a.png": b"a"}, intake=intake)
    with opened(tmp_path / "w") as decided:
        intake.rename(tmp_path / "unmounted")
        decided.place()
        assert decided.files["a.png"].destination is not None
        assert "cannot be moved" in caplog.text
        (tmp_path / "unmounted").rename(intake)
        decided.place()
        assert decided.files["a.png"].placed


def test_one_file_that_cannot_be_moved_does_not_hold_up_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    decide(tmp_path / "w", {"a.png": b"a", "b.png": b"b"})
    rename = moving.rename_to_free_name

    def locked(source: Path, destination: Path) -> None:
        if source.name == "a.png":
            raise PermissionError(1, "Operation not permitted")
        rename(source, destination)

    monkeypatch.setattr(moving, "rename_to_free_name", locked)
    with opened(tmp_path / "w") as decided:
        decided.place()
        assert {name: file.placed for name, file in decided.files.items()} == {"a.png": False, "b.png": True}
    assert (tmp_path / "w" / "intake" / "a.png").read_bytes() == b"a"
