from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from cxrscreen.errors import WorkspaceError
from cxrscreen.screening.marking import MARK_FILE, mark_intake
from cxrscreen.upkeep.key_change import rotate_key
from cxrscreen.workspace import Workspace, open_workspace


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    workspace = open_workspace(tmp_path / "w")
    (workspace.intake / "a.png").touch()
    return workspace


def test_an_empty_intake_gets_no_mark_for_it_may_be_a_mount_point(tmp_path: Path) -> None:
    workspace = open_workspace(tmp_path / "w")
    mark_intake(workspace)
    assert list(workspace.intake.iterdir()) == []


def test_the_mark_is_written_once_and_tells_nothing_of_the_key(workspace: Workspace) -> None:
    mark_intake(workspace)
    mark = workspace.intake / MARK_FILE
    written = mark.stat()
    mark_intake(workspace)
    assert mark.stat() == written
    assert stat.S_IMODE(written.st_mode) == 0o600
    assert workspace.key.read_bytes().hex() not in mark.read_text()
    assert len(mark.read_text()) == 65


@pytest.mark.parametrize("content", [b"", b"0" * 64 + b"\n", b"x" * 2**20, b"\xff\x00"])
def test_another_mark_is_refused_and_stays(content: bytes, workspace: Workspace) -> None:
    (workspace.intake / MARK_FILE).write_bytes(content)
    with pytest.raises(WorkspaceError, match="the intake of another workspace"):
        mark_intake(workspace)
    assert (workspace.intake / MARK_FILE).read_bytes() == content


def test_a_link_or_a_pipe_in_its_place_is_neither_followed_nor_waited_for(workspace: Workspace, tmp_path: Path) -> None:
    mark = workspace.intake / MARK_FILE
    mark_intake(workspace)
    mark.rename(tmp_path / "elsewhere")
    mark.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(WorkspaceError, match="cannot be read"):
        mark_intake(workspace)
    mark.unlink()
    os.mkfifo(mark)
    with pytest.raises(WorkspaceError, match="another workspace"):
        mark_intake(workspace)


def test_a_changed_key_changes_the_mark(workspace: Workspace) -> None:
    mark_intake(workspace)
    before = (workspace.intake / MARK_FILE).read_bytes()
    rotate_key(workspace)
    mark_intake(workspace)
    assert (workspace.intake / MARK_FILE).read_bytes() != before
