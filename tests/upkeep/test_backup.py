"""A backup, taken while files move, and the workspace that comes out of it."""

from __future__ import annotations

import io
import os
import shutil
import signal
import sqlite3
import subprocess
import tarfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest

from cxrscreen.cli import upkeep as cli
from cxrscreen.errors import LedgerDamagedError, WorkspaceError
from cxrscreen.screening.batch import open_batch
from cxrscreen.screening.outcomes import Outcome
from cxrscreen.screening.screen import finish, resume, screen
from cxrscreen.upkeep.backup import backup, last_backup, verify
from cxrscreen.upkeep.restore import restore
from cxrscreen.workspace import FOLDER_MARK, Workspace
from tests.crash.mounting import mounted
from tests.fakes import StubClassifier, draw_png, stub_session
from tests.upkeep.lived_in import every_file, rows, settings_of


def test_a_restored_workspace_holds_the_same_and_screens_on(lived_in: Path, tmp_path: Path) -> None:
    (lived_in / "cxrscreen.toml").write_text('site_name = "Ward 7"\n')
    file, new = tmp_path / "backup.tar", tmp_path / "new"
    taken = backup(settings_of(lived_in), file)
    assert file.stat().st_mode & 0o777 == 0o600
    back = restore(file, new)
    assert back.lost == ()
    assert back.files == taken.files
    assert rows(new / "ledger.sqlite") == rows(lived_in / "ledger.sqlite")
    assert every_file(new) == every_file(lived_in)
    assert settings_of(new).site_name == "Ward 7"
    assert Workspace(new).is_marked
    assert Workspace(new).out_of_place == []
    for path in new.rglob("*"):
        assert path.stat().st_mode & 0o777 == (0o700 if path.is_dir() else 0o600), path
    stub = StubClassifier()
    with stub_session(new, stub) as there, stub_session(lived_in) as here:
        assert there.pseudonyms == here.pseudonyms
        (finished,) = resume(there)
        assert finished.batch_id in back.unfinished
        draw_png(new / "intake" / "copy.png", 20)
        _, summary = screen(there)
    assert summary is not None
    assert {f.name: f.outcome for f in summary.files}["copy.png"] is Outcome.DUPLICATE
    assert sum(stub.calls) == 2  # open.png and failing.png: nothing is screened a second time


@pytest.mark.parametrize("moment", ["intake", "archive", "reports"])
def test_a_file_that_moves_while_the_backup_is_taken_is_in_it_once(tmp_path: Path, moment: str) -> None:
    old, new, file = tmp_path / "old", tmp_path / "new", tmp_path / "backup.tar"
    contents = [draw_png(old / "intake" / f"{grey}.png", grey) for grey in (20, 60)]
    (old / "intake" / "letter.txt").write_text("no picture")
    with stub_session(old) as session:
        moved: list[str] = []

        def move_on(step: str, done: int, total: int) -> None:
            if step == moment and done == total and not moved:
                moved.append(step)
                screen(session)

        backup(settings_of(old), file, move_on)
        assert moved
    restore(file, new)
    stub = StubClassifier()
    with stub_session(new, stub) as session:
        resume(session)
        screen(session)
        screen(session)
    outcomes = sorted(row["outcome"] for row in rows(new / "ledger.sqlite"))
    assert outcomes == ["refused", "reported", "reported"]
    assert sorted(p.read_bytes() for p in (new / "archive").rglob("*.png")) == sorted(contents)
    assert [path.name for path in (new / "intake").iterdir() if not path.name.startswith(".")] == []
    assert len(list((new / "quarantine").rglob("letter.txt/letter.txt"))) == 1


def test_a_file_that_failed_and_was_reported_later_while_the_backup_was_taken_keeps_both_outcomes(
    tmp_path: Path,
) -> None:
    old, new, file = tmp_path / "old", tmp_path / "new", tmp_path / "backup.tar"
    draw_png(old / "intake" / "60.png", 60)
    stub = StubClassifier(breaks_on_grey=60)
    with stub_session(old, stub) as session:
        opened = open_batch(session)
        assert opened.batch_id is not None

        def fail_then_report(step: str, done: int, total: int) -> None:
            if step == "intake" and done == total:
                finish(session, str(opened.batch_id))
                stub.breaks_on_grey = None
                screen(session)

        backup(settings_of(old), file, fail_then_report)
        expected = rows(old / "ledger.sqlite")
    restore(file, new)
    again = StubClassifier()
    with stub_session(new, again) as session:
        resume(session)
        screen(session)
    assert sorted(row["outcome"] for row in expected) == ["failed", "reported"]  # both began in the same second
    assert rows(new / "ledger.sqlite") == expected
    assert again.calls == []


def test_backups_taken_while_another_process_screens_lose_and_double_nothing(tmp_path: Path) -> None:
    old = tmp_path / "old"
    for grey in range(20, 140, 20):
        draw_png(old / "intake" / f"{grey}.png", grey, side=300)
    arrived = every_file(old)
    with stub_session(old):
        pass  # the folders are there
    child = os.fork()
    if child == 0:
        try:
            with stub_session(old, max_batch_files=2) as session:
                while any((old / "intake").glob("*.png")):
                    screen(session)
        finally:
            os._exit(0)
    files = []
    while os.waitpid(child, os.WNOHANG) == (0, 0):
        files.append(tmp_path / f"{len(files)}.tar")
        backup(settings_of(old), files[-1])
        time.sleep(0.05)
    assert len(files) > 3
    for file in {files[len(files) // 3], files[2 * len(files) // 3]}:
        new = tmp_path / file.stem
        restore(file, new)
        assert every_file(new) == arrived
        stub = StubClassifier()
        with stub_session(new, stub) as session:
            reported = sum(row["outcome"] == "reported" for row in rows(new / "ledger.sqlite"))
            resume(session)
            screen(session)
        assert [row["outcome"] for row in rows(new / "ledger.sqlite")] == ["reported"] * len(arrived)
        assert sum(stub.calls) == len(arrived) - reported
        shutil.rmtree(new)


def test_what_can_be_made_again_and_what_is_not_ours_to_copy_stays_out(lived_in: Path, tmp_path: Path) -> None:
    for name in (
        "feature-maps/map.npy",
        "prefect/prefect.db",
        "auth",
        "archive/.drafts/.draft-x",
        "reports/.draft-y/z",
    ):
        (lived_in / name).parent.mkdir(parents=True, exist_ok=True)
        (lived_in / name).write_text("not this")
    (lived_in / "pseudonym.key.until-2026-01-01").write_bytes(bytes(32))
    (lived_in / "lungs" / "site-1").mkdir(parents=True)
    (lived_in / "lungs" / "site-1" / "card.json").write_text("{}")
    os.mkfifo(lived_in / "intake" / "pipe")
    (lived_in / "intake" / "link").symlink_to("/etc/passwd")
    taken = backup(settings_of(lived_in), tmp_path / "backup.tar")
    with tarfile.open(tmp_path / "backup.tar") as tar:
        members = tar.getmembers()
        assert all(m.isreg() for m in members)
        names = {m.name for m in members}
    assert b"not this" not in (tmp_path / "backup.tar").read_bytes()
    assert {"pseudonym.key", "pseudonym.key.until-2026-01-01", "ledger.sqlite", "MANIFEST.json"} < names
    assert {"archive", "quarantine", "reports", "lungs", "models", "intake"} < {name.split("/")[0] for name in names}
    assert taken.left_out == 2


def test_a_file_that_is_still_being_written_is_left_out_and_said(tmp_path: Path) -> None:
    old = tmp_path / "old"
    draw_png(old / "intake" / "whole.png", 20)
    with stub_session(old):
        pass
    growing, stop = old / "intake" / "growing.dcm", threading.Event()
    growing.write_bytes(bytes(20_000_000))

    def write() -> None:
        with growing.open("ab", buffering=0) as file:
            while not stop.wait(0.0005):
                file.write(b"more")

    writer = threading.Thread(target=write)
    writer.start()
    try:
        taken = backup(settings_of(old), tmp_path / "backup.tar")
    finally:
        stop.set()
        writer.join()
    assert taken.left_out == 1
    back = restore(tmp_path / "backup.tar", tmp_path / "new")
    assert back.left_out == 1
    assert [p.name for p in (tmp_path / "new" / "intake").iterdir()] == ["whole.png"]


@pytest.mark.parametrize("where", [0.1, 0.5, 0.97])
def test_a_changed_backup_is_refused_and_leaves_nothing(lived_in: Path, tmp_path: Path, where: float) -> None:
    file, new = tmp_path / "backup.tar", tmp_path / "new"
    backup(settings_of(lived_in), file)
    content = bytearray(file.read_bytes())
    at = int(len(content) * where)
    content[at : at + 600] = bytes(byte ^ 255 for byte in content[at : at + 600])
    file.write_bytes(bytes(content))
    for read in (lambda: verify(settings_of(lived_in), file), lambda: restore(file, new)):
        with pytest.raises(WorkspaceError):
            read()
    assert not new.exists()
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".draft")] == []


@pytest.mark.parametrize("part", [0.2, 0.9, 0.999])
def test_a_backup_that_was_cut_short_is_refused(lived_in: Path, tmp_path: Path, part: float) -> None:
    file = tmp_path / "backup.tar"
    backup(settings_of(lived_in), file)
    os.truncate(file, int(file.stat().st_size * part) if part < 0.99 else manifest_at(file))
    with pytest.raises(WorkspaceError):
        verify(settings_of(lived_in), file)
    with pytest.raises(WorkspaceError):
        restore(file, tmp_path / "new")


def manifest_at(file: Path) -> int:
    with tarfile.open(file) as tar:
        return tar.getmember("MANIFEST.json").offset


HOSTILE = {
    "a name above": ("archive/../../escaped", tarfile.REGTYPE, ""),
    "a name from the root": ("/tmp/escaped", tarfile.REGTYPE, ""),  # noqa: S108  # never written
    "another place": ("serve.lock", tarfile.REGTYPE, ""),
    "a folder of ours that no backup has": ("prefect/escaped", tarfile.REGTYPE, ""),
    "a link": ("archive/link", tarfile.SYMTYPE, "/etc/passwd"),
    "a second name": ("archive/hard", tarfile.LNKTYPE, "../escaped"),
    "a device": ("archive/device", tarfile.CHRTYPE, ""),
    "a pipe": ("archive/pipe", tarfile.FIFOTYPE, ""),
    "the same name again": ("pseudonym.key", tarfile.REGTYPE, ""),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_a_tar_that_holds_what_no_backup_holds_is_refused(lived_in: Path, tmp_path: Path, what: str) -> None:
    file = tmp_path / "backup.tar"
    backup(settings_of(lived_in), file)
    name, kind, target = HOSTILE[what]
    end = manifest_at(file)
    os.truncate(file, end)
    os.truncate(file, end + 1024)  # two empty blocks: the end of a tar
    with tarfile.open(file, "a") as tar:
        entry = tarfile.TarInfo(name)
        entry.type, entry.linkname = kind, target
        if kind == tarfile.REGTYPE:
            entry.size = 7
        tar.addfile(entry, io.BytesIO(b"escaped"))
    with pytest.raises(WorkspaceError, match="none would hold"):
        restore(file, tmp_path / "new")
    assert not (tmp_path / "new").exists()
    assert not (tmp_path / "escaped").exists()


def test_nothing_is_restored_over_anything(lived_in: Path, tmp_path: Path) -> None:
    file = tmp_path / "backup.tar"
    backup(settings_of(lived_in), file)
    with pytest.raises(WorkspaceError, match="not empty"):
        restore(file, lived_in)
    empty = tmp_path / "empty"
    empty.mkdir()
    restore(file, empty)
    assert rows(empty / "ledger.sqlite")


def test_a_link_is_no_folder_to_restore_into(lived_in: Path, tmp_path: Path) -> None:
    file = tmp_path / "backup.tar"
    backup(settings_of(lived_in), file)
    (tmp_path / "empty").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "empty")
    with pytest.raises(WorkspaceError, match="is a link"):
        restore(file, tmp_path / "link")
    assert list((tmp_path / "empty").iterdir()) == []


def test_a_backup_is_restored_onto_a_new_disk(lived_in: Path, tmp_path: Path) -> None:
    file = tmp_path / "backup.tar"
    backup(settings_of(lived_in), file)
    with mounted(tmp_path / "disk", "-t", "tmpfs", "-o", "size=20m,mode=755", "none") as disk:
        restore(file, disk)
        assert disk.stat().st_mode & 0o777 == 0o700
        assert hidden_in(disk) == [FOLDER_MARK]
        assert every_file(disk) == every_file(lived_in)
        with stub_session(disk) as session:
            resume(session)


@pytest.mark.parametrize(("member", "killed"), [("models", False), ("archive", True)])
def test_a_restore_into_an_empty_folder_that_is_stopped_can_be_called_again(
    lived_in: Path, tmp_path: Path, member: str, *, killed: bool
) -> None:
    file, empty = tmp_path / "backup.tar", tmp_path / "empty"
    backup(settings_of(lived_in), file)
    empty.mkdir()
    if (child := os.fork()) == 0:
        with pytest.MonkeyPatch.context() as stopped, suppress(WorkspaceError):
            stopped.setattr("cxrscreen.upkeep.restore.rename_to_free_name", stop_at(member, killed=killed))
            restore(file, empty)
        os._exit(0)
    assert os.WIFSIGNALED(os.waitpid(child, 0)[1]) is killed
    assert [path.name for path in empty.iterdir()] == ([".drafts"] if killed else [])
    restore(file, empty)
    assert every_file(empty) == every_file(lived_in)
    assert hidden_in(empty) == [FOLDER_MARK]


def stop_at(name: str, *, killed: bool) -> Callable[[Path, Path], None]:
    def move(source: Path, goal: Path) -> None:
        if source.name == name:
            if killed:
                os.kill(os.getpid(), signal.SIGKILL)
            raise OSError(28, "No space left on device")
        source.rename(goal)

    return move


def test_a_backup_takes_no_other_files_place_and_does_not_lie_in_what_it_saves(lived_in: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.tar"
    other.write_text("mine")
    with pytest.raises(WorkspaceError, match="there already"):
        backup(settings_of(lived_in), other)
    assert other.read_text() == "mine"
    with pytest.raises(WorkspaceError, match="inside the workspace"):
        backup(settings_of(lived_in), lived_in / "archive" / "backup.tar")
    with pytest.raises(WorkspaceError, match="no folder"):
        backup(settings_of(lived_in), tmp_path / "missing" / "backup.tar")


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", str(folder)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("no right to mount a small disk here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)  # noqa: S607  # the system's own


def test_on_a_full_disk_nothing_is_left_and_the_words_say_so(lived_in: Path, tmp_path: Path) -> None:
    file = tmp_path / "backup.tar"
    backup(settings_of(lived_in), file)
    with small_disk(tmp_path / "disk") as disk:
        with pytest.raises(WorkspaceError, match="No space left"):
            backup(settings_of(lived_in), disk / "backup.tar")
        with pytest.raises(WorkspaceError, match="No space left"):
            restore(file, disk / "new")
        assert [path.name for path in disk.iterdir()] == []


def test_a_backup_that_is_killed_leaves_no_file_of_its_name(lived_in: Path, tmp_path: Path) -> None:
    def die(step: str, _done: int, _total: int) -> None:
        if step == "archive":
            os.kill(os.getpid(), signal.SIGKILL)

    if (child := os.fork()) == 0:
        backup(settings_of(lived_in), tmp_path / "backup.tar", die)
        os._exit(0)
    assert os.WIFSIGNALED(os.waitpid(child, 0)[1])
    assert not (tmp_path / "backup.tar").exists()
    assert hidden_in(tmp_path)
    (tmp_path / ".draft-letter.txt").write_text("a person's own")
    backup(settings_of(lived_in), tmp_path / "backup.tar")
    assert hidden_in(tmp_path) == [".draft-letter.txt"]


def hidden_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if path.name.startswith(".")]


@pytest.mark.parametrize("command", ["backup", "restore"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_backup_or_restore_that_is_stopped_leaves_no_radiograph_behind(
    lived_in: Path, tmp_path: Path, command: str, number: signal.Signals
) -> None:
    file = tmp_path / "backup.tar"
    backup(settings_of(lived_in), file)
    calls = {
        "backup": lambda: cli.backup(tmp_path / "again.tar", workspace=lived_in),
        "restore": lambda: cli.restore(file, workspace=tmp_path / "new"),
    }
    if (child := os.fork()) == 0:
        stop_after_members(5, number)
        try:
            calls[command]()
        except KeyboardInterrupt:
            os._exit(7)
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    if number == signal.SIGTERM:
        assert (os.WIFEXITED(status), os.WEXITSTATUS(status)) == (True, 7)
    else:
        assert hidden_in(tmp_path)
        calls[command]()
    assert hidden_in(tmp_path) == []


def stop_after_members(count: int, number: signal.Signals) -> None:
    """Send this process a signal while a tar is read or written."""
    left = count

    def counting(function: Callable[..., object]) -> Callable[..., object]:
        def call(*given: object) -> object:
            nonlocal left
            left -= 1
            if not left:
                os.kill(os.getpid(), number)
            return function(*given)

        return call

    tarfile.TarFile.addfile = counting(tarfile.TarFile.addfile)  # type: ignore[assignment, method-assign]  # in a child
    tarfile.TarFile.extractfile = counting(tarfile.TarFile.extractfile)  # type: ignore[assignment, method-assign]  # likewise


def test_a_damaged_ledger_is_recovered_before_it_is_backed_up(lived_in: Path, tmp_path: Path) -> None:
    ledger = lived_in / "ledger.sqlite"
    with closing(sqlite3.connect(ledger)) as db:
        page = db.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'file'").fetchone()[0]
    content = bytearray(ledger.read_bytes())
    content[4096 * (page - 1) : 4096 * page] = bytes(4096)
    ledger.write_bytes(bytes(content))
    with pytest.raises(LedgerDamagedError, match="recover"):
        backup(settings_of(lived_in), tmp_path / "backup.tar")
    assert not (tmp_path / "backup.tar").exists()


def test_the_last_backup_is_known_and_whether_it_was_read_again(lived_in: Path, tmp_path: Path) -> None:
    workspace = Workspace(lived_in)
    assert last_backup(workspace) is None
    taken = backup(settings_of(lived_in), tmp_path / "backup.tar")
    known = last_backup(workspace)
    assert known is not None
    assert (known.at, known.file, known.verified) == (taken.made_at, "backup.tar", False)
    again = verify(settings_of(lived_in), tmp_path / "backup.tar")
    assert (again.files, again.bytes) == (taken.files, taken.bytes)
    known = last_backup(workspace)
    assert known is not None
    assert known.verified
