"""A workspace that is moved or copied goes on with its own intake, wherever that lay when a batch was begun."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from cxrscreen.screening.batch import open_batch
from cxrscreen.screening.pipeline import screen_studies
from cxrscreen.screening.screen import resume, screen
from cxrscreen.upkeep.ledger_view import LedgerView
from tests.fakes import draw_png, stub_session, studies_of


def cut_short(root: Path) -> None:
    """Leave a batch as a run that dies: one study decided, but not moved, one not yet looked at."""
    for grey in (20, 60):
        draw_png(root / "intake" / f"{grey}.png", grey)
    with stub_session(root) as session:
        opened = open_batch(session)
        assert opened.batch_id is not None
        with pytest.MonkeyPatch.context() as dying:
            dying.setattr("cxrscreen.screening.pipeline.place_files", lambda *_: None)
            screen_studies(session, opened.batch_id, studies_of(session, opened.batch_id)[:1])
        session.ledger.end_lease(opened.batch_id)


def pictures(folder: Path) -> set[str]:
    return {path.name for path in folder.rglob("*.png") if path.is_file()}


def test_a_batch_cut_short_is_finished_where_the_workspace_lies_now(tmp_path: Path) -> None:
    cut_short(tmp_path / "before")
    (tmp_path / "before").rename(tmp_path / "after")
    (tmp_path / "before" / "intake").mkdir(parents=True)
    draw_png(tmp_path / "after" / "intake" / "100.png", 100)
    with stub_session(tmp_path / "after") as session:
        assert session.ledger.claimed_names(tmp_path / "after" / "intake") == {"20.png", "60.png"}
        (summary,) = resume(session)
        assert summary.tally.reported == 2
        _, later = screen(session)
    assert later is not None
    assert [file.name for file in later.files] == ["100.png"]
    assert pictures(tmp_path / "after" / "archive") == {"20.png", "60.png", "100.png"}
    assert pictures(tmp_path / "after" / "intake") == set()


def test_what_could_not_be_moved_is_moved_where_the_workspace_lies_now(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw_png(tmp_path / "before" / "intake" / "20.png", 20)
    with stub_session(tmp_path / "before") as session, monkeypatch.context() as locked:
        locked.setattr("cxrscreen.screening.batch.place_files", lambda *_: None)
        locked.setattr("cxrscreen.screening.pipeline.place_files", lambda *_: None)
        screen(session)
    (tmp_path / "before").rename(tmp_path / "after")
    with stub_session(tmp_path / "after") as session:
        intake = tmp_path / "after" / "intake"
        assert len(session.ledger.batches_with_leftovers(intake)) == 1
        screen(session)
        assert session.ledger.batches_with_leftovers(intake) == []
    assert pictures(tmp_path / "after" / "archive") == {"20.png"}


def test_what_waits_stands_in_the_ledger_once_also_after_a_move(tmp_path: Path) -> None:
    for place, grey in (("before", 20), ("after", 60)):
        draw_png(tmp_path / place / "intake" / f"{grey}.png", grey)
        with stub_session(tmp_path / place) as session:
            (session.workspace.intake / "link.png").unlink(missing_ok=True)
            (session.workspace.intake / "link.png").symlink_to("elsewhere")
            screen(session)
            assert len(session.ledger._files("name = 'link.png'", {})) == 1
        if place == "before":
            (tmp_path / "before").rename(tmp_path / "after")


def test_a_copy_takes_nothing_from_the_original(tmp_path: Path) -> None:
    cut_short(tmp_path / "original")
    shutil.copytree(tmp_path / "original", tmp_path / "copy", symlinks=True)
    with stub_session(tmp_path / "copy") as session:
        (summary,) = resume(session)
    assert summary.tally.reported == 2
    assert pictures(tmp_path / "copy" / "archive") == {"20.png", "60.png"}
    assert pictures(tmp_path / "copy" / "intake") == set()
    assert pictures(tmp_path / "original" / "intake") == {"20.png", "60.png"}
    with stub_session(tmp_path / "original") as session:
        (summary,) = resume(session)
    assert summary.tally.reported == 2


def test_an_onlooker_finds_the_files_where_the_workspace_lies_now(tmp_path: Path) -> None:
    cut_short(tmp_path / "before")
    (tmp_path / "before").rename(tmp_path / "after")
    intake = tmp_path / "after" / "intake"
    with LedgerView(tmp_path / "after" / "ledger.sqlite") as view:
        assert [line.folder for line in view.unfinished()] == [intake]
        assert view.last_row(intake, "20.png") is not None
        assert view.last_row(tmp_path / "before" / "intake", "20.png") is None


def test_the_intake_of_another_workspace_is_a_folder_like_any(tmp_path: Path) -> None:
    cut_short(tmp_path / "before")
    (tmp_path / "before").rename(tmp_path / "after")
    draw_png(tmp_path / "before" / "intake" / "20.png", 100)
    with stub_session(tmp_path / "after") as session:
        _, summary = screen(session, tmp_path / "before" / "intake")
    assert summary is not None
    assert summary.tally.reported == 1
    assert pictures(tmp_path / "before" / "intake") == {"20.png"}
