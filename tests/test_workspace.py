"""A folder that is gone is missed, not made anew: what is written in its stead would be hidden once it is back."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from cxrscreen.errors import WorkspaceError
from cxrscreen.workspace import FOLDER_MARK, Workspace, open_workspace

KEPT = ("archive", "quarantine", "reports", "models", "retraining")


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return open_workspace(tmp_path / "ward 7" / "w")


def as_an_earlier_version_made_it(workspace: Workspace) -> None:
    for folder in workspace.draft_places:
        (folder / FOLDER_MARK).unlink()


@pytest.mark.parametrize("name", KEPT)
@pytest.mark.parametrize("instead", ["nothing", "empty mount point", "link to nowhere", "file"])
def test_a_folder_that_is_gone_is_not_made_anew(workspace: Workspace, name: str, instead: str) -> None:
    folder, elsewhere = workspace.root / name, workspace.root / "elsewhere"
    folder.rename(elsewhere)
    if instead == "empty mount point":
        folder.mkdir()
    elif instead == "link to nowhere":
        folder.symlink_to("nowhere")
    elif instead == "file":
        folder.write_bytes(b"in the way")
    for opened in (lambda: open_workspace(workspace.root), workspace.check_in_place):
        with pytest.raises(WorkspaceError, match=rf"{name} is gone.*Mount its disk, or put it back"):
            opened()
    assert folder.exists() == (instead not in ("nothing", "link to nowhere"))
    assert not folder.is_dir() or not any(folder.iterdir())
    if instead != "nothing":
        folder.rmdir() if instead == "empty mount point" else folder.unlink()
    elsewhere.rename(folder)
    assert open_workspace(workspace.root).out_of_place == []


def test_whoever_deleted_an_empty_folder_is_told_the_command_that_makes_a_new_one(workspace: Workspace) -> None:
    (workspace.quarantine / FOLDER_MARK).unlink()
    workspace.quarantine.rmdir()
    with pytest.raises(WorkspaceError) as told:
        open_workspace(workspace.root)
    subprocess.run(["/bin/sh", "-c", str(told.value).rpartition(": ")[2]], check=True)
    open_workspace(workspace.root)
    assert workspace.quarantine.stat().st_mode & 0o777 == 0o700


def test_a_folder_may_be_moved_to_another_disk_behind_a_link(workspace: Workspace, tmp_path: Path) -> None:
    workspace.archive.rename(tmp_path / "big")
    workspace.archive.symlink_to(tmp_path / "big")
    assert open_workspace(workspace.root).out_of_place == []


@pytest.mark.parametrize("used", [True, False])
def test_a_workspace_of_an_earlier_version_goes_on_and_is_marked(workspace: Workspace, used: bool) -> None:  # noqa: FBT001  # pytest hands it over by name
    if used:
        (workspace.archive / "2026-01-01").mkdir()
    as_an_earlier_version_made_it(workspace)
    workspace.check_in_place()
    assert not workspace.is_marked
    assert open_workspace(workspace.root).is_marked
    assert workspace.out_of_place == []


def test_a_workspace_of_an_earlier_version_goes_on_where_no_mark_can_be_written(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_path: Path, mode: int) -> None:
        raise OSError(28, f"No space left on device for {mode}")

    as_an_earlier_version_made_it(workspace)
    monkeypatch.setattr(Path, "touch", full)
    assert open_workspace(workspace.root).out_of_place == []
    assert not workspace.is_marked


def test_a_folder_that_an_earlier_version_made_and_that_is_gone_is_missed(workspace: Workspace) -> None:
    as_an_earlier_version_made_it(workspace)
    workspace.reports.rmdir()
    with pytest.raises(WorkspaceError, match="reports is gone"):
        open_workspace(workspace.root)


def test_a_folder_that_bears_the_mark_is_not_missed_where_the_workspace_bears_none(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    (workspace.root / FOLDER_MARK).unlink()
    monkeypatch.setattr("cxrscreen.workspace._is_missed", lambda *_: True)  # emptied, and the ledger names its files
    assert workspace.out_of_place == []


def test_a_folder_that_may_not_be_looked_into_is_not_called_gone(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    lstat = os.lstat

    def refused(path: str | Path) -> os.stat_result:
        if workspace.archive in Path(path).parents:
            raise PermissionError(13, "Permission denied", str(path))
        return lstat(path)

    monkeypatch.setattr(os, "lstat", refused)
    monkeypatch.setattr(Path, "lstat", refused)
    with pytest.raises(WorkspaceError, match="archive cannot be looked into: Permission denied"):
        workspace.check_in_place()


def test_a_new_workspace_is_told_of_and_one_in_use_is_not(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    open_workspace(tmp_path / "w")
    assert "A new workspace was made" in caplog.text
    caplog.clear()
    open_workspace(tmp_path / "w")
    assert caplog.text == ""


def test_a_workspace_whose_making_was_cut_short_is_made_at_the_next_try(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as dying:
        dying.setattr(Path, "touch", lambda *_args, **_options: pytest.fail("cut short"))
        with pytest.raises(pytest.fail.Exception):
            open_workspace(tmp_path / "w")
    assert open_workspace(tmp_path / "w").out_of_place == []
