"""Folders that are gone, empty, read-only or broken: nothing is blamed on a file, and the rest goes on."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

import pytest

from cxrscreen.errors import CxrscreenError, WorkspaceError
from cxrscreen.screening import screen as screening
from cxrscreen.screening.batch import BatchSummary, OpenedBatch, close_batch, open_batch
from cxrscreen.screening.outcomes import Outcome
from cxrscreen.screening.screen import finish, resume, screen, watch
from cxrscreen.screening.session import Session
from tests.fakes import StubClassifier, draw_png, stub_session


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


def test_a_reports_folder_that_goes_away_in_the_middle_stops_the_batch_in_words(tmp_path: Path) -> None:
    class TakenAway(StubClassifier):
        def classify(self, *given: object, **options: object) -> object:  # type: ignore[override]  # passed on
            if not self.calls:
                (tmp_path / "reports").rename(tmp_path / "away")
            return super().classify(*given, **options)  # type: ignore[arg-type]  # passed on

    draw_png(tmp_path / "intake" / "20.png", 20)
    with stub_session(tmp_path, TakenAway(), max_attempts=1) as session:
        with pytest.raises(CxrscreenError, match="Cannot write"):
            screen(session)
        assert not (tmp_path / "reports").exists(), "nothing is begun anew in its stead"
        (tmp_path / "away").rename(tmp_path / "reports")
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

    def troubled(session: Session) -> list[BatchSummary]:
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
        theirs.rmdir()
        away.rename(theirs)
        screen(session)
        assert session.ledger.unplaced(summary.batch_id) == []
    assert [path.read_bytes() for path in (tmp_path / "w" / "archive").rglob("20.png")] == [content]
