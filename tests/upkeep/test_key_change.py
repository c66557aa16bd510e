"""A key is changed once, alone, and only where nothing stands against it."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from cxrscreen.cli.commands import app
from cxrscreen.errors import LedgerError, WorkspaceError
from cxrscreen.screening.batch import open_batch
from cxrscreen.screening.marking import MARK_FILE, mark_intake
from cxrscreen.screening.screen import screen
from cxrscreen.upkeep.key_change import rotate_key
from cxrscreen.workspace import Workspace, open_workspace
from deployments.serve import only_one
from tests.fakes import draw_png, stub_session
from tests.screening.test_pseudonym import ANNA


def keys_of(workspace: Workspace) -> list[bytes]:
    return [key.read_bytes() for key in (workspace.key, *workspace.former_keys)]


def test_a_changed_key_gives_other_pseudonyms_keeps_the_former_and_still_knows_copies(tmp_path: Path) -> None:
    with stub_session(tmp_path / "w") as session:
        content = draw_png(session.workspace.intake / "a.png", 40)
        assert screen(session)[1] is not None
        workspace, before = session.workspace, session.pseudonyms
    former = workspace.key.read_bytes()
    aside = rotate_key(workspace)
    assert aside is not None
    assert aside.read_bytes() == former != workspace.key.read_bytes()
    assert workspace.former_keys == [aside]
    assert [p.stat().st_mode & 0o777 for p in (aside, workspace.key)] == [0o600, 0o600]
    with stub_session(tmp_path / "w") as session:
        assert session.pseudonyms.study(ANNA, "aa") != before.study(ANNA, "aa")
        (session.workspace.intake / "b.png").write_bytes(content)
        summary = screen(session)[1]
    assert summary is not None
    assert summary.tally.duplicate == 1


def test_a_key_is_not_changed_under_a_run_or_an_unfinished_batch(tmp_path: Path) -> None:
    with stub_session(tmp_path / "w") as session:
        workspace = session.workspace
        draw_png(workspace.intake / "a.png", 40)
        assert open_batch(session).batch_id is not None
        with pytest.raises(LedgerError, match="has the ledger open"):
            rotate_key(workspace)
    with pytest.raises(WorkspaceError, match="A batch is unfinished"):
        rotate_key(workspace)
    assert workspace.former_keys == []


def test_a_change_of_the_key_that_was_cut_short_is_said_and_can_be_finished(tmp_path: Path) -> None:
    with stub_session(tmp_path / "w") as session:
        draw_png(session.workspace.intake / "a.png", 40)
        assert screen(session)[1] is not None
        workspace = session.workspace
    workspace.key.rename(workspace.root / "pseudonym.key.until-2026-01-01T000000")
    with pytest.raises(WorkspaceError, match="rotate-key"):
        open_workspace(tmp_path / "w")
    assert rotate_key(workspace) is None
    mark_intake(open_workspace(tmp_path / "w"))  # the intake is still this workspace's


def test_a_person_changes_the_key_knowing_what_follows(tmp_path: Path) -> None:
    workspace = open_workspace(tmp_path / "w")
    before = workspace.key.read_bytes()
    options = ["rotate-key", "--workspace", str(tmp_path / "w")]
    asked = CliRunner().invoke(app, options, input="n\n")
    assert asked.exit_code == 1
    assert "other pseudonyms" in " ".join(asked.output.split())
    assert workspace.key.read_bytes() == before
    done = CliRunner().invoke(app, [*options, "--yes"])
    assert done.exit_code == 0
    assert "Back it up" in done.output
    assert workspace.key.read_bytes() != before


def test_a_key_is_not_changed_while_the_workspace_is_served(tmp_path: Path) -> None:
    workspace = open_workspace(tmp_path / "w")
    before = keys_of(workspace)
    with only_one(workspace), pytest.raises(LedgerError, match="Stop it first"):
        rotate_key(workspace)
    assert keys_of(workspace) == before


@pytest.mark.parametrize("lost", [False, True])
def test_a_foreign_mark_in_the_intake_is_refused_before_anything_is_changed(tmp_path: Path, *, lost: bool) -> None:
    workspace = open_workspace(tmp_path / "w")
    (workspace.intake / MARK_FILE).write_bytes(b"0" * 64 + b"\n")
    before = keys_of(workspace)
    if lost:
        workspace.key.unlink()
    with pytest.raises(WorkspaceError, match="the intake of another workspace"):
        rotate_key(workspace)
    assert workspace.former_keys == []
    assert workspace.key.exists() is not lost
    (workspace.intake / MARK_FILE).unlink()
    rotate_key(workspace)
    assert workspace.key.read_bytes() != before[0]


def test_a_change_that_failed_at_its_last_step_says_so_and_is_not_made_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = open_workspace(tmp_path / "w")
    draw_png(workspace.intake / "a.png", 40)  # an empty intake is not marked
    mark_intake(workspace)

    def read_only(_: Workspace) -> None:
        raise WorkspaceError("Read-only.")

    with monkeypatch.context() as patched:
        patched.setattr("cxrscreen.upkeep.key_change.mark_intake", read_only)
        with pytest.raises(WorkspaceError, match="The key is new"):
            rotate_key(workspace)
    changed = keys_of(workspace)
    assert len(set(changed)) == 2
    assert rotate_key(workspace) == workspace.former_keys[0]
    assert keys_of(workspace) == changed
    rotate_key(workspace)  # the next one is a change of its own
    assert workspace.key.read_bytes() not in changed
