"""What killed processes leave half done is found and removed; what living ones work on stays."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cxrscreen import owner
from cxrscreen.drafts import draft_for, drafts_in, prepare_drafts, sweep_drafts
from cxrscreen.durable import place_folder, whole_file
from cxrscreen.owner import is_dead, is_here, this_process
from tests.crash.mounting import mounted

WRITES_FOR_EVER = """
import sys, time
from pathlib import Path
from cxrscreen.drafts import draft_for
from cxrscreen.durable import whole_file
from cxrscreen.owner import this_process
root = Path(sys.argv[1])
folder = draft_for(root / "archive" / "study")
folder.mkdir()
(folder / "report.html").write_bytes(b"half")
with whole_file(root / "a.txt") as file:
    file.write(b"half")
    print(this_process(), flush=True)
    time.sleep(60)
"""


def test_drafts_of_a_killed_process_are_swept_and_those_of_a_living_one_are_not(tmp_path: Path) -> None:
    (tmp_path / "archive").mkdir()
    prepare_drafts(tmp_path, tmp_path / "archive")
    command = [sys.executable, "-c", WRITES_FOR_EVER, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        name = process.stdout.readline().strip()
        assert is_here(name)
        assert not is_dead(name)
        assert len(drafts_in(tmp_path, tmp_path / "archive")) == 2
        assert sweep_drafts(tmp_path, tmp_path / "archive", older_than_seconds=0) == 0
        process.send_signal(signal.SIGKILL)
        _wait_until_ended(process.pid)
        assert is_dead(name), "it has ended, though nobody has asked for its status yet"
        assert sweep_drafts(tmp_path, tmp_path / "archive") == 2
        process.wait()
    assert is_dead(name)
    assert drafts_in(tmp_path, tmp_path / "archive") == []
    assert [path.name for path in sorted(tmp_path.iterdir())] == [".drafts", "archive"]


def _wait_until_ended(process: int) -> None:
    deadline = time.monotonic() + 10
    while ") Z " not in Path(f"/proc/{process}/stat").read_text():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_drafts_of_another_machine_are_swept_when_they_are_old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr(owner, "_machine", lambda: "other:0123456789ab")
        young, old = draft_for(tmp_path / "a"), draft_for(tmp_path / "b")
        name = this_process()
    assert not is_here(name)
    assert not is_dead(name)
    young.write_bytes(b"half")
    old.mkdir()
    two_days_ago = time.time() - 2 * 86_400
    os.utime(old, (two_days_ago, two_days_ago))
    assert sweep_drafts(tmp_path) == 1
    assert list(tmp_path.iterdir()) == [young]


def test_what_is_no_draft_and_what_a_link_points_to_is_left_alone(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "file").write_bytes(b"content")
    workspace = tmp_path / "workspace"
    (workspace / ".drafts").mkdir(parents=True)
    (workspace / ".drafts" / "notes.txt").write_bytes(b"")
    (workspace / ".draft-of-nobody").write_bytes(b"")
    (workspace / ".draft-elsewhere:0123456789ab,1,2-0123456789ab").symlink_to(kept)
    assert sweep_drafts(workspace, older_than_seconds=-1) == 1
    assert (kept / "file").read_bytes() == b"content"
    assert [path.name for path in (workspace / ".drafts").iterdir()] == ["notes.txt"]
    assert (workspace / ".draft-of-nobody").exists()


def test_a_folder_that_is_gone_has_no_drafts(tmp_path: Path) -> None:
    assert sweep_drafts(tmp_path / "nowhere") == 0


def test_a_place_for_drafts_that_another_person_owns_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare_drafts(tmp_path)
    assert draft_for(tmp_path / "a").parent == tmp_path / ".drafts"
    monkeypatch.setattr(os, "geteuid", lambda: 4242)
    assert draft_for(tmp_path / "a").parent == tmp_path


@pytest.mark.parametrize("options", [("-t", "tmpfs", "none"), ("--bind", "{elsewhere}")])
def test_a_folder_on_another_file_system_has_drafts_of_its_own(tmp_path: Path, options: tuple[str, ...]) -> None:
    """Also one of the same device that was mounted by itself: no rename leads there, though the numbers are equal."""
    elsewhere, archive = tmp_path / "elsewhere", tmp_path / "workspace" / "archive"
    elsewhere.mkdir()
    with mounted(archive, *(option.format(elsewhere=elsewhere) for option in options)):
        prepare_drafts(archive.parent, archive)
        place_folder(archive / "study", {"report.html": b"page"})
        place_folder(archive / "study", {"report.html": b"new page"})
        with whole_file(archive / "a", replace=False) as file:
            file.write(b"a")
        assert (archive / "study" / "report.html").read_bytes() == b"new page"
        assert drafts_in(archive.parent, archive) == []
        assert (archive / ".drafts").is_dir()


def test_a_number_that_another_process_has_been_given_is_not_its_owner(monkeypatch: pytest.MonkeyPatch) -> None:
    name = this_process()
    assert not is_dead(name)
    assert is_dead(name.rpartition("/")[0] + "/1")
    assert not is_dead("no name of a process")
    monkeypatch.setattr(owner, "_started_at", lambda _process: "")  # a system that does not say
    assert not is_dead(this_process())
