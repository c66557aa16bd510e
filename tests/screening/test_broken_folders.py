"""Folders that are gone, empty, read-only or broken: nothing is blamed on a file, and the rest goes on."""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
import typer

from cxrscreen.cli import screening as commands
from cxrscreen.errors import CxrscreenError, WorkspaceError
from cxrscreen.screening import screen as screening
from cxrscreen.screening.batch import BatchSummary, OpenedBatch, close_batch, open_batch
from cxrscreen.screening.ledger import LEFT_BEHIND
from cxrscreen.screening.outcomes import Outcome
from cxrscreen.screening.pipeline import screen_studies
from cxrscreen.screening.screen import finish, resume, screen, watch
from cxrscreen.screening.session import Session
from cxrscreen.settings import Settings
from cxrscreen.upkeep.ledger_view import LedgerView
from cxrscreen.upkeep.needs import of_ledger
from cxrscreen.upkeep.status import ledger_state
from tests.fakes import StubClassifier, draw_png, stub_session, studies_of


def fails_with(number: int) -> object:
    def fail(*_arguments: object, **_options: object) -> None:
        raise OSError(number, os.strerror(number))

    return fail


@pytest.mark.parametrize(
    "number", [errno.EACCES, errno.EPERM, errno.ENOENT, errno.EIO, errno.ESTALE, errno.EROFS, errno.ENOSPC]
)
def test_where_no_report_can_be_written_no_study_is_blamed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    for grey in (20, 60):
        draw_png(tmp_path / "intake" / f"{grey}.png", grey)
    with stub_session(tmp_path, max_attempts=1) as session:
        with monkeypatch.context() as broken:
            broken.setattr("cxrscreen.reporting.writer.place_folder", fails_with(number))
            with pytest.raises(CxrscreenError, match=os.strerror(number)):
                screen(session)
        assert [(f.outcome, f.tries) for f in session.ledger._files("TRUE", {})] == [(None, 0)] * 2
        (summary,) = resume(session)
    assert summary.tally.reported == 2


@pytest.mark.parametrize("instead", ["nothing", "empty mount point"])
@pytest.mark.parametrize("when", ["before a study's report", "before the batch's"])
def test_a_reports_folder_that_goes_away_in_the_middle_stops_the_batch_in_words(
    tmp_path: Path, instead: str, when: str
) -> None:
    reports, away = tmp_path / "reports", tmp_path / "away"

    def take_away() -> None:
        reports.rename(away)
        if instead != "nothing":
            reports.mkdir()

    class TakenAway(StubClassifier):
        def classify(self, *given: object, **options: object) -> object:  # type: ignore[override]  # passed on
            if not self.calls:
                take_away()
            return super().classify(*given, **options)  # type: ignore[arg-type]  # passed on

    draw_png(tmp_path / "intake" / "20.png", 20)
    early = when == "before a study's report"
    with stub_session(tmp_path, TakenAway() if early else None, max_attempts=1) as session:
        opened = open_batch(session)
        assert opened.batch_id is not None
        if not early:
            screen_studies(session, opened.batch_id, studies_of(session, opened.batch_id))
            take_away()
        with pytest.raises(WorkspaceError, match="reports is gone"):
            finish(session, opened.batch_id)
        assert not reports.exists() or not list(reports.iterdir()), "nothing is begun anew in its stead"
        if reports.exists():
            reports.rmdir()
        away.rename(reports)
        (summary,) = resume(session)
    assert summary.tally.reported == 1


def test_a_batch_that_cannot_be_finished_does_not_hold_up_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    batches = []
    with stub_session(tmp_path) as session:
        for grey in (20, 60):
            draw_png(tmp_path / "intake" / f"{grey}.png", grey)
            batches.append(open_batch(session).batch_id or "")
            session.ledger.end_lease(batches[-1])

        def close_some(given: Session, batch_id: str) -> BatchSummary:
            if batch_id == batches[0]:
                raise OSError(errno.EIO, "Input/output error", "patient.png")
            return close_batch(given, batch_id)

        with monkeypatch.context() as broken:
            broken.setattr(screening, "close_batch", close_some)
            assert [summary.batch_id for summary in resume(session)] == batches[1:]
        assert [summary.batch_id for summary in resume(session)] == batches[:1]


def test_watching_goes_on_after_an_error_of_the_system_and_does_not_name_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    draw_png(tmp_path / "intake" / "20.png", 20)
    left = [OSError(errno.ESTALE, "Stale file handle", "patient.png")]

    def troubled(session: Session, **_told: object) -> list[BatchSummary]:
        if left:
            raise left.pop()
        return resume(session)

    def stop(_opened: OpenedBatch, summary: BatchSummary | None) -> None:
        assert summary is not None
        raise KeyboardInterrupt

    monkeypatch.setattr(screening, "resume", troubled)
    with stub_session(tmp_path, watch_seconds=0.5) as session, pytest.raises(KeyboardInterrupt):
        watch(session, stop)
    assert "Stale file handle" in caplog.text
    assert "patient" not in caplog.text


def test_a_disk_that_does_not_answer_is_told_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    draw_png(tmp_path / "intake" / "20.png", 20)
    with stub_session(tmp_path) as session:
        monkeypatch.setattr(shutil, "disk_usage", fails_with(errno.ESTALE))
        with pytest.raises(WorkspaceError, match="Stale file handle"):
            open_batch(session)


def test_an_intake_that_is_gone_is_blamed_on_no_file(tmp_path: Path) -> None:
    draw_png(tmp_path / "intake" / "20.png", 20)
    for gone in ("no folder", "an empty one, as where nothing is mounted"):
        with stub_session(tmp_path) as session:
            opened = open_batch(session)
            assert opened.batch_id is not None
            (tmp_path / "intake").rename(tmp_path / "away")
            if gone != "no folder":
                (tmp_path / "intake").mkdir()
            (file,) = finish(session, opened.batch_id).files
            assert (file.outcome, file.detail) == (Outcome.PENDING, "its folder is gone or empty: is the disk mounted?")
            shutil.rmtree(tmp_path / "intake", ignore_errors=True)
            (tmp_path / "away").rename(tmp_path / "intake")
    with stub_session(tmp_path) as session:
        _, summary = screen(session)
    assert summary is not None
    assert summary.tally.reported == 1


def test_a_file_that_was_taken_away_before_has_not_failed_before(tmp_path: Path) -> None:
    picture = tmp_path / "intake" / "20.png"
    draw_png(picture, 20)
    with stub_session(tmp_path, StubClassifier(breaks_on_grey=20), max_attempts=2) as session:
        opened = open_batch(session)
        assert opened.batch_id is not None
        picture.unlink()
        assert finish(session, opened.batch_id).tally.failed == 1
        draw_png(picture, 20)
        _, summary = screen(session)
        assert summary is not None
        assert summary.tally.failed == 1
    assert picture.exists(), "failed once, and is tried again"


def test_what_could_not_be_copied_from_a_folder_is_copied_when_the_folder_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs, away = tmp_path / "theirs", tmp_path / "away"
    content = draw_png(theirs / "20.png", 20)
    with stub_session(tmp_path / "w") as session:
        with monkeypatch.context() as full:
            full.setattr("cxrscreen.screening.moving.whole_file", fails_with(errno.ENOSPC))
            _, summary = screen(session, theirs)
        assert summary is not None
        theirs.rename(away)
        theirs.mkdir()  # as where nothing is mounted
        screen(session)
        assert [(f.name, f.detail) for f in session.ledger.unplaced(summary.batch_id)] == [("20.png", "")]
        draw_png(theirs / "of-another-disk.png", 60)
        screen(session)
        assert [(f.name, f.detail) for f in session.ledger.unplaced(summary.batch_id)] == [("20.png", "")]
        shutil.rmtree(theirs)
        away.rename(theirs)
        screen(session, theirs)
        assert session.ledger.unplaced(summary.batch_id) == []
    assert [path.read_bytes() for path in (tmp_path / "w" / "archive").rglob("20.png")] == [content]


def test_an_intake_that_was_twice_not_mounted_takes_no_file_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    intake, disk, mount_point = tmp_path / "intake", tmp_path / "disk", tmp_path / "mount-point"
    with stub_session(tmp_path) as session:
        screen(session)  # not mounted yet
        intake.rename(mount_point)
        for grey in (20, 60):
            draw_png(intake / f"{grey}.png", grey)
        opened = open_batch(session)
        assert opened.batch_id is not None
        with monkeypatch.context() as full:
            full.setattr("cxrscreen.screening.pipeline.place_files", lambda *_: None)
            screen_studies(session, opened.batch_id, studies_of(session, opened.batch_id)[:1])
        intake.rename(disk)
        mount_point.rename(intake)
        summary = finish(session, opened.batch_id)
        assert (summary.tally.reported, summary.tally.pending, summary.tally.failed) == (1, 1, 0)
        for _ in range(2):  # the leftover is looked for, and is not taken for taken away
            screen(session)
        assert [file.detail for file in session.ledger.unplaced(opened.batch_id)] == [""]
        intake.rmdir()
        disk.rename(intake)
        screen(session)
        assert session.ledger.unplaced(opened.batch_id) == []
    assert len([path for path in (tmp_path / "archive").rglob("*.png") if path.is_file()]) == 2


def left_behind(session: Session, grey: int) -> str:
    """Leave a batch as a run that is told to stop, before it has screened anything."""
    draw_png(session.workspace.intake / f"{grey}.png", grey)
    batch_id = open_batch(session).batch_id
    assert batch_id is not None
    session.ledger.end_lease(batch_id)
    return batch_id


def test_a_batch_that_cannot_be_finished_is_named_and_is_in_no_other_hands(tmp_path: Path) -> None:
    told: dict[str, BatchSummary | str] = {}
    with stub_session(tmp_path) as session:
        batch_id = left_behind(session, 20)
        (tmp_path / "reports" / batch_id).touch()
        resume(session, report=told.__setitem__)
        assert "Cannot write" in str(told[batch_id])
        assert screen(session)[0].pending == {"20.png": LEFT_BEHIND}
        with LedgerView(session.workspace.ledger) as view:
            found = ledger_state(view, tmp_path)
        (need,) = of_ledger(found, session.settings, datetime.now().astimezone())
        assert f"{batch_id} was interrupted and cannot be finished" in need


def test_whatever_goes_wrong_in_an_old_batch_the_others_go_on_and_no_words_of_it_are_logged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with stub_session(tmp_path) as session:
        batches = [left_behind(session, grey) for grey in (20, 60)]

        def close_some(given: Session, batch_id: str) -> BatchSummary:
            if batch_id == batches[0]:
                raise ValueError("patient.png")
            return close_batch(given, batch_id)

        monkeypatch.setattr(screening, "close_batch", close_some)
        assert [summary.batch_id for summary in resume(session)] == batches[1:]
    assert "ValueError" in caplog.text
    assert "patient" not in caplog.text


def test_watching_finishes_and_tells_of_what_was_left_although_nothing_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = []
    with stub_session(tmp_path, watch_seconds=0.5) as session:
        batch_id = left_behind(session, 20)
        screen_studies(session, batch_id, studies_of(session, batch_id))
        session.ledger.end_lease(batch_id)
        assert not list((tmp_path / "intake").glob("[!.]*"))
        monkeypatch.setattr(screening.time, "sleep", interrupt_after(1))
        with pytest.raises(KeyboardInterrupt):
            watch(session, lambda _opened, summary: told.append(summary and summary.batch_id))
    assert told == [batch_id]


def test_watching_goes_on_where_there_is_no_memory_for_the_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(_folder: Path) -> StubClassifier:
        raise MemoryError

    draw_png(tmp_path / "intake" / "20.png", 20)
    with stub_session(tmp_path, watch_seconds=0.5) as session:
        monkeypatch.setattr(screening.time, "sleep", interrupt_after(2))
        with pytest.raises(KeyboardInterrupt):
            watch(replace(session, load_classifier=full), lambda *_: None)
    assert "MemoryError" in caplog.text


def interrupt_after(rounds: int) -> Callable[[float], None]:
    left = [None] * rounds

    def sleep(_seconds: float) -> None:
        left.pop()
        if not left:
            raise KeyboardInterrupt

    return sleep


def test_an_archive_that_is_gone_is_not_made_anew_when_a_batch_is_taken_over(tmp_path: Path) -> None:
    with stub_session(tmp_path) as session:
        left_behind(session, 20)
        (tmp_path / "archive").rename(tmp_path / "away")
        (summary,) = resume(session)
        assert not (tmp_path / "archive").exists()
        (tmp_path / "away").rename(tmp_path / "archive")
        screen(session)
        assert session.ledger.unplaced(summary.batch_id) == []


def test_what_was_done_before_an_error_is_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    @contextmanager
    def stubbed(settings: Settings) -> Iterator[Session]:
        with stub_session(settings.workspace, max_batch_files=1) as session:
            yield session

    def close_one(session: Session, batch_id: str) -> BatchSummary:
        if session.ledger.batch_count() == 2:
            raise WorkspaceError("no more")
        return close_batch(session, batch_id)

    for grey in (20, 60):
        draw_png(tmp_path / "intake" / f"{grey}.png", grey)
    monkeypatch.setattr(commands, "open_session", stubbed)
    monkeypatch.setattr(screening, "close_batch", close_one)
    with pytest.raises(WorkspaceError):
        commands.screen_folder(workspace=tmp_path, as_json=True)
    answer = json.loads(capfd.readouterr().out)
    assert (answer["reported"], answer["unfinished"]) == (1, {})
    with pytest.raises(typer.Exit) as ended:
        commands.screen_folder(workspace=tmp_path, as_json=True)
    assert ended.value.exit_code == 1
    assert list(json.loads(capfd.readouterr().out)["unfinished"].values()) == ["no more"]
