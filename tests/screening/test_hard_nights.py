"""Nothing lost, nothing mixed up: names, replaced files, crashes, missing rights, several images of a study."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
from io import BytesIO
from pathlib import Path

import numpy as np
import pydicom
import pypdf
import pytest

from cxrscreen.drafts import drafts_in
from cxrscreen.errors import CxrscreenError, ModelError
from cxrscreen.phantom.dicom_file import Sheet, dicom_bytes
from cxrscreen.screening import intake
from cxrscreen.screening.batch import open_batch
from cxrscreen.screening.claiming import TOO_LARGE_TO_COPY
from cxrscreen.screening.ledger import Ledger
from cxrscreen.screening.moving import content_hash
from cxrscreen.screening.outcomes import Outcome
from cxrscreen.screening.pipeline import screen_studies
from cxrscreen.screening.screen import finish, resume, screen
from cxrscreen.screening.session import Session
from tests.fakes import draw_png, stub_session, studies_of


def study_file(path: Path, *, grey: int = 1000, instance: str | None = None, **tags: object) -> Path:
    """Write a small DICOM of one study; ``grey`` moves the stub's score."""
    pixels = np.add.outer(np.arange(320), np.arange(320)).astype(np.uint16) + np.uint16(grey)
    dataset = pydicom.dcmread(BytesIO(dicom_bytes(pixels, 7, Sheet(given_name="ANNA", view="PA"))))
    dataset.WindowCenter, dataset.WindowWidth = 2048, 4096
    dataset.SOPInstanceUID = instance or f"1.2.{grey}"
    for tag, value in tags.items():
        setattr(dataset, tag, value)
    path.parent.mkdir(parents=True, exist_ok=True)
    dataset.save_as(path)
    return path


def decided_but_not_placed(session: Session) -> str:
    """Screen the intake up to the moment before any file is moved, as a run that dies there leaves it."""
    opened = open_batch(session)
    assert opened.batch_id is not None
    with pytest.MonkeyPatch.context() as dying:
        dying.setattr("cxrscreen.screening.pipeline.place_files", lambda *_: None)
        screen_studies(session, opened.batch_id, studies_of(session, opened.batch_id))
    return opened.batch_id


@pytest.mark.parametrize(
    "name",
    [b"M\xfcller.png", b"x" * 251 + b".png", b"new\nline.png", b"-rf.png", b"'; DROP TABLE file.png", b"reason.json"],
)
def test_whatever_a_file_is_called_it_and_its_neighbours_are_screened(tmp_path: Path, name: bytes) -> None:
    odd = tmp_path / "intake" / os.fsdecode(name)
    content = draw_png(odd, 20)
    draw_png(tmp_path / "intake" / "plain.png", 60)
    with stub_session(tmp_path) as session:
        _, summary = screen(session)
    assert summary is not None
    assert [f.outcome for f in summary.files] == [Outcome.REPORTED] * 2
    assert not odd.exists()
    assert content in [p.read_bytes() for p in (tmp_path / "archive").rglob("*.png")] + [
        p.read_bytes() for p in (tmp_path / "archive").rglob("reason.json")
    ]


def test_a_refused_file_called_reason_json_keeps_its_content_beside_its_reason(tmp_path: Path) -> None:
    (tmp_path / "intake").mkdir(parents=True)
    (tmp_path / "intake" / "reason.json").write_bytes(b"the sender's own")
    with stub_session(tmp_path) as session:
        screen(session)
    kept = {p.name: p.read_bytes() for p in (tmp_path / "quarantine").rglob("*") if p.is_file()}
    assert kept["_reason.json"] == b"the sender's own"
    assert b"unknown-type" in kept["reason.json"]


def test_what_a_run_left_half_done_that_died_at_its_very_end_goes_though_nothing_waits(tmp_path: Path) -> None:
    with stub_session(tmp_path) as session:
        dies = (
            "from sys import argv; from pathlib import Path; from cxrscreen.drafts import draft_for\n"
            "draft_for(Path(argv[1])).touch()"
        )
        subprocess.run([sys.executable, "-c", dies, str(session.workspace.archive / "a.png")], check=True)
        assert len(drafts_in(*session.workspace.draft_places)) == 1
        opened, _ = screen(session)
        assert opened.batch_id is None
        assert drafts_in(*session.workspace.draft_places) == []


def test_content_that_replaces_a_screened_file_is_not_archived_as_it(tmp_path: Path) -> None:
    file = tmp_path / "intake" / "IM0001.png"
    draw_png(file, 20)
    with stub_session(tmp_path) as session:
        batch_id = decided_but_not_placed(session)
        second = draw_png(file, 90)
        finish(session, batch_id)
        assert file.read_bytes() == second
        _, summary = screen(session)
    assert summary is not None
    assert summary.tally.reported == 1
    assert [p.read_bytes() for p in (tmp_path / "archive").rglob("*.png")] == [second]


def test_a_name_used_again_after_a_crash_overwrites_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "intake" / "IM0001.png"
    first = draw_png(file, 20)
    with stub_session(tmp_path) as session:
        with monkeypatch.context() as dying:
            dying.setattr(Ledger, "mark_placed", _die)
            with pytest.raises(KeyboardInterrupt):
                screen(session)
        second = draw_png(file, 90)
        resume(session)
        screen(session)
    assert sorted(p.read_bytes() for p in (tmp_path / "archive").rglob("*.png")) == sorted([first, second])


def _die(*_arguments: object) -> None:
    raise KeyboardInterrupt


def test_a_file_taken_away_before_it_is_moved_stops_nothing(tmp_path: Path) -> None:
    for grey in (20, 60):
        draw_png(tmp_path / "intake" / f"{grey}.png", grey)
    with stub_session(tmp_path) as session:
        batch_id = decided_but_not_placed(session)
        (tmp_path / "intake" / "20.png").unlink()
        summary = finish(session, batch_id)
    assert {f.name: f.detail for f in summary.files} == {"20.png": "taken away before it could be moved", "60.png": ""}


def test_a_file_that_may_not_be_moved_is_screened_once_and_moved_when_it_may(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw_png(tmp_path / "intake" / "20.png", 20)
    with stub_session(tmp_path) as session:
        with monkeypatch.context() as locked:
            locked.setattr("cxrscreen.screening.moving.rename_to_free_name", _no_right)
            _, first = screen(session)
            opened, second = screen(session)
        assert first is not None
        assert first.tally.reported == 1
        assert second is None
        assert "cannot be moved" in opened.pending["20.png"]
        assert open_batch(session).pending == {}
    assert not (tmp_path / "intake" / "20.png").exists()


def _no_right(*_arguments: object, **_options: object) -> None:
    raise PermissionError(errno.EACCES, "Permission denied")


def test_a_full_disk_stops_the_batch_and_fails_no_study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    draw_png(tmp_path / "intake" / "20.png", 20)

    def full(*_arguments: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with stub_session(tmp_path) as session:
        with monkeypatch.context() as broken:
            broken.setattr("cxrscreen.reporting.writer.place_folder", full)
            with pytest.raises(CxrscreenError, match="space"):
                screen(session)
        (batch_id,) = [f.batch_id for f in session.ledger._files("outcome IS NULL", {})]
        summary = finish(session, batch_id)
    assert summary.tally.reported == 1


def test_a_model_removed_before_the_batch_is_closed_leaves_its_report_whole(tmp_path: Path) -> None:
    draw_png(tmp_path / "intake" / "20.png", 20)
    with stub_session(tmp_path) as session:
        batch_id = decided_but_not_placed(session)
        shutil.rmtree(tmp_path / "models")
        summary = finish(session, batch_id)
    assert summary.tally.reported == 1
    assert summary.report_html.exists()


def test_without_its_model_an_open_batch_gives_its_files_back(tmp_path: Path) -> None:
    draw_png(tmp_path / "intake" / "20.png", 20)
    with stub_session(tmp_path) as session:
        opened = open_batch(session)
        assert opened.batch_id is not None
        shutil.rmtree(tmp_path / "models")
        with pytest.raises(ModelError):
            finish(session, opened.batch_id)
        assert session.ledger.claimed_names(tmp_path / "intake") == set()
        assert resume(session) == []


def sparse(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.truncate(2**42)  # four terabytes that nobody has written, and nobody could read in a night
    return path


def test_a_huge_file_goes_to_quarantine_unread(tmp_path: Path) -> None:
    movie = sparse(tmp_path / "intake" / "movie.mp4")
    movie.with_name("2.mp4").hardlink_to(movie)  # nor is it copied
    draw_png(tmp_path / "intake" / "20.png", 20)
    with stub_session(tmp_path) as session:
        _, summary = screen(session)
        assert summary is not None
        refused = [file for file in session.ledger.files(summary.batch_id) if file.name.endswith(".mp4")]
    assert [(f.outcome, f.reason, f.placed) for f in refused] == [(Outcome.REFUSED, "too-large", True)] * 2
    assert [path.name for path in (tmp_path / "intake").iterdir()] == [".cxrscreen-workspace"]
    assert [p.stat().st_size for p in (tmp_path / "quarantine").rglob("*.mp4") if p.is_file()] == [2**42] * 2


def test_a_huge_file_of_a_folder_that_is_not_ours_is_not_copied(tmp_path: Path) -> None:
    sparse(tmp_path / "theirs" / "movie.mp4")
    with stub_session(tmp_path / "w") as session:
        _, summary = screen(session, tmp_path / "theirs")
    assert summary is not None
    assert [(f.reason, f.destination) for f in summary.files] == [("too-large", None)]


def test_a_huge_file_on_another_disk_stays_there_with_the_cause(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    movie = sparse(tmp_path / "intake" / "movie.mp4")

    def other_disk(_source: Path, _destination: Path) -> None:
        raise OSError(errno.EXDEV, "Invalid cross-device link")

    monkeypatch.setattr("cxrscreen.screening.moving.rename_to_free_name", other_disk)
    with stub_session(tmp_path) as session:
        screen(session)
        opened, _ = screen(session)
    assert movie.exists()
    assert list((tmp_path / "quarantine").rglob("movie.mp4/movie.mp4")) == []
    assert opened.pending == {"movie.mp4": TOO_LARGE_TO_COPY}


def test_a_file_that_grows_beyond_all_bounds_after_it_was_found_is_not_read(tmp_path: Path) -> None:
    draw_png(tmp_path / "intake" / "20.png", 20)
    with stub_session(tmp_path) as session:
        opened = open_batch(session)
        assert opened.batch_id is not None
        sparse(tmp_path / "intake" / "20.png")
        summary = finish(session, opened.batch_id)
        assert [(f.outcome, f.destination) for f in summary.files] == [(Outcome.PENDING, None)]
        _, again = screen(session)
    assert again is not None
    assert [(f.outcome, f.reason) for f in again.files] == [(Outcome.REFUSED, "too-large")]


def test_a_killed_run_over_a_folder_is_finished_by_the_next_one(tmp_path: Path) -> None:
    draw_png(tmp_path / "theirs" / "20.png", 20)
    with stub_session(tmp_path / "w") as session:
        opened = open_batch(session, tmp_path / "theirs")
        assert opened.batch_id is not None
        session.ledger.end_lease(opened.batch_id)
        (summary,) = resume(session)
    assert summary.tally.reported == 1


def test_a_study_waits_while_one_of_its_files_is_still_arriving(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study_file(tmp_path / "intake" / "pa.dcm", grey=100)
    other = draw_png(tmp_path / "intake" / "other.png", 20)

    def meanwhile(_seconds: float) -> None:
        study_file(tmp_path / "intake" / "lateral.dcm", grey=200, ViewPosition="LL")

    with stub_session(tmp_path) as session:
        monkeypatch.setattr(intake.time, "sleep", meanwhile)
        monkeypatch.setattr(intake.look_again, "__kwdefaults__", {"names": (), "sleep": meanwhile})
        _, first = screen(session)
        monkeypatch.setattr(intake.look_again, "__kwdefaults__", {"names": (), "sleep": lambda _s: None})
        _, second = screen(session)
    assert first is not None
    assert second is not None
    assert {f.name: f.detail for f in first.files if f.outcome is Outcome.PENDING} == {
        "lateral.dcm": "still being written",
        "pa.dcm": "another file of its study is still arriving",
    }
    assert [p.read_bytes() for p in (tmp_path / "archive").rglob("other.png")] == [other]
    assert {f.name: str(f.outcome) for f in second.files} == {"lateral.dcm": "refused", "pa.dcm": "reported"}
    assert len({f.report for f in second.files}) == 1, "the lateral view is named in its study's report"


def test_the_highest_score_of_a_study_leads_and_a_reused_uid_is_noticed(tmp_path: Path) -> None:
    study_file(tmp_path / "intake" / "dark.dcm", grey=100, instance="1.2.3")
    study_file(tmp_path / "intake" / "bright.dcm", grey=2600, instance="1.2.3")
    with stub_session(tmp_path) as session:
        _, summary = screen(session)
    assert summary is not None
    (study,) = summary.studies
    report = json.loads((summary.report_html.parent / study.report_html.with_name("report.json")).read_text())
    assert [r["file"] for r in report["radiographs"]] == ["bright.dcm", "dark.dcm"]
    assert study.prediction.score == report["score"] == max(r["score"] for r in report["radiographs"])
    assert all(any("same SOP Instance UID" in n for n in r["notices"]) for r in report["radiographs"])


def test_two_patients_under_one_study_uid_get_two_reports(tmp_path: Path) -> None:
    study_file(tmp_path / "intake" / "a.dcm", grey=100, PatientID="A")
    study_file(tmp_path / "intake" / "b.dcm", grey=200, PatientID="B")
    with stub_session(tmp_path) as session:
        _, summary = screen(session)
    assert summary is not None
    assert len(summary.studies) == 2


@pytest.mark.parametrize("shown", [False, True])
def test_identity_is_printed_only_where_the_settings_say_so(tmp_path: Path, shown: bool) -> None:  # noqa: FBT001  # a case
    study_file(
        tmp_path / "intake" / "a.dcm", PatientName="PLANTED^NAME", PatientID="PLANTED-ID", PatientBirthDate="19010203"
    )
    with stub_session(tmp_path, show_patient_identity=shown) as session:
        _, summary = screen(session)
    assert summary is not None
    (pdf,) = summary.report_html.parent.rglob("report.pdf")
    printed = "".join(page.extract_text() for page in pypdf.PdfReader(pdf).pages)
    told = printed + "".join(p.read_text() for p in summary.report_html.parent.rglob("*.html"))
    assert ("PLANTED-ID" in told) is shown
    assert ("PLANTED, NAME" in told) is shown
    assert ("1901" in told) is shown
    assert b"PLANTED" not in (tmp_path / "ledger.sqlite").read_bytes()


def test_refused_files_of_a_foreign_folder_are_stored_once(tmp_path: Path) -> None:
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "notes.txt").write_bytes(b"no picture")
    for _ in range(3):
        with stub_session(tmp_path / "w") as session:
            _, summary = screen(session, tmp_path / "theirs")
            assert summary is not None
            assert summary.tally.refused == 1
    assert len(list((tmp_path / "w" / "quarantine").rglob("notes.txt/notes.txt"))) == 1


def test_a_batch_keeps_its_language_whoever_finishes_it(tmp_path: Path) -> None:
    draw_png(tmp_path / "intake" / "20.png", 20)
    with stub_session(tmp_path, language="id") as session:
        opened = open_batch(session)
        assert opened.batch_id is not None
    with stub_session(tmp_path, language="en") as session:
        summary = finish(session, opened.batch_id)
    assert 'lang="id"' in summary.report_html.read_text()


def test_the_hash_of_a_file_is_that_of_its_content(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    assert content_hash(tmp_path / "a") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
