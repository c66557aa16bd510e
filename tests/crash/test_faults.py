"""Whatever breaks, the message says so, the rest is done, nothing is lost, and when it is mended all is finished."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.crash.forked import ForkServer
from tests.crash.mounting import mounted

MOUNT = shutil.which("mount") or ""


@pytest.fixture
def for_everyone() -> Iterator[Path]:
    """Return a folder to which a user without rights finds the way."""
    folder = Path(tempfile.mkdtemp())
    yield folder
    shutil.rmtree(folder)


def test_a_full_disk_stops_the_run_with_a_word_and_loses_nothing(helper: ForkServer, tmp_path: Path) -> None:
    with mounted(tmp_path / "disk", "-t", "tmpfs", "-o", "size=2m", "none") as disk:
        said = helper("faults:full_disk_of_workspace", disk, MOUNT)
    assert "No space left on device" in said or "database or disk is full" in said


def test_a_full_archive_leaves_files_where_they_are_until_there_is_room(helper: ForkServer, tmp_path: Path) -> None:
    with mounted(tmp_path / "w" / "archive", "-t", "tmpfs", "-o", "size=128k", "none") as archive:
        said = helper("faults:full_disk_of_archive", archive, MOUNT)
    assert "cannot be moved: No space left on device" in said


def test_an_archive_that_becomes_read_only_leaves_files_where_they_are(helper: ForkServer, tmp_path: Path) -> None:
    with mounted(tmp_path / "w" / "archive", "-t", "tmpfs", "-o", "size=64m", "none") as archive:
        said = helper("faults:read_only", archive, MOUNT)
    assert "cannot be moved: Read-only file system" in said


def test_an_archive_that_is_read_only_from_the_start_holds_up_no_report(helper: ForkServer, tmp_path: Path) -> None:
    with mounted(tmp_path / "w" / "archive", "-t", "tmpfs", "-o", "size=64m", "none") as archive:
        said = helper("faults:read_only_before", archive, MOUNT)
    assert "cannot be recorded in the archive: Read-only file system" in said


def test_a_workspace_that_is_gone_stops_the_run_and_is_gone_on_with(helper: ForkServer, tmp_path: Path) -> None:
    assert "Error: " in helper("faults:gone", tmp_path / "w")


def test_files_that_may_not_be_read_or_moved_wait_and_hold_nothing_up(helper: ForkServer, for_everyone: Path) -> None:
    said = helper("faults:without_rights", for_everyone / "w")
    assert "cannot be opened: Permission denied" in said
    assert "cannot be moved: Permission denied" in said
    assert "screened, but it cannot be moved" in said


def test_a_file_that_changes_or_vanishes_while_others_are_read_is_told_from_them(
    helper: ForkServer, tmp_path: Path
) -> None:
    said = helper("faults:changed_while_read", tmp_path / "w")
    assert '"reported": 2' in said
    assert '"pending": 1' in said
    assert '"failed": 1' in said


@pytest.mark.parametrize("days", [1, -1])
def test_a_clock_that_jumps_changes_nothing(helper: ForkServer, tmp_path: Path, days: int) -> None:
    assert '"reported": 8' in helper("faults:clock_jumps", tmp_path / "w", days)


def test_a_run_that_wakes_up_when_another_has_its_batch_records_nothing(helper: ForkServer, tmp_path: Path) -> None:
    said = helper("faults:clock_of_another_run_jumps", tmp_path / "w")
    assert said.startswith("1 ")
    assert "taken over" in said


def test_a_study_that_memory_does_not_suffice_for_fails_alone(helper: ForkServer, tmp_path: Path) -> None:
    said = helper("faults:out_of_memory", tmp_path / "w")
    assert '"failed": 1' in said
    assert list((tmp_path / "w" / "quarantine").rglob("03.png/03.png"))


def test_an_orderly_stop_gives_the_batch_back_at_once(helper: ForkServer, tmp_path: Path) -> None:
    helper("faults:orderly_stop", tmp_path / "w")
