"""The main job from look to batch report, with a stub in place of the network."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cxrscreen.classifier.contract import Classified
from cxrscreen.errors import ModelError, WorkspaceError
from cxrscreen.reporting.writer import ReportWriter
from cxrscreen.screening import leases
from cxrscreen.screening.batch import open_batch
from cxrscreen.screening.outcomes import Outcome
from cxrscreen.screening.pipeline import screen_studies
from cxrscreen.screening.screen import drain, finish, resume, screen
from cxrscreen.screening.summary import summary_as_json
from cxrscreen.settings import ExplanationVariant
from cxrscreen.types import PreparedBatch
from tests.fakes import StubClassifier, draw_png, stub_session, studies_of


def outcomes(root: Path, batch_id: str) -> dict[str, str]:
    with stub_session(root) as session:
        return {f.name: str(f.outcome) for f in session.ledger.files(batch_id)}


def everything_below(folder: Path) -> set[str]:
    files = (p for p in folder.rglob("*") if p.is_file() and not p.name.startswith("."))  # our own mark is no arrival
    return {str(p.relative_to(folder)) for p in files}


def test_every_file_ends_where_its_outcome_says(tmp_path: Path) -> None:
    content = draw_png(tmp_path / "intake" / "ward" / "a.png", 100)
    (tmp_path / "intake" / "copy.png").write_bytes(content)
    (tmp_path / "intake" / "notes.txt").write_bytes(b"no picture")
    with stub_session(tmp_path) as session:
        opened, summary = screen(session)
        assert summary is not None
        shown = summary_as_json(session, [(opened, summary)])
    assert {k: shown[k] for k in ("arrived", "reported", "refused", "duplicate", "failed", "pending")} == {
        "arrived": 3,
        "reported": 1,
        "refused": 1,
        "duplicate": 1,
        "failed": 0,
        "pending": 0,
    }
    assert everything_below(tmp_path / "intake") == set()
    day = summary.batch_id[:4]
    archived = everything_below(tmp_path / "archive")
    assert {Path(p).name for p in archived if not p.endswith(".json")} == {"a.png", "copy.png"}
    assert sum(p.endswith(".json") for p in archived) == 3, "one for each file, one for the batch"
    assert next((tmp_path / "archive").iterdir()).name.startswith(day)
    (reason,) = (tmp_path / "quarantine").rglob("reason.json")
    told = json.loads(reason.read_text())
    assert (reason.parent / "notes.txt").read_bytes() == b"no picture"
    assert told["reason"] == "unknown-type"
    assert told["what_to_do"]


def test_a_report_says_what_the_ledger_says(tmp_path: Path) -> None:
    draw_png(tmp_path / "intake" / "a.png", 100)
    with stub_session(tmp_path) as session:
        opened, summary = screen(session)
        (entry,) = summary_as_json(session, [(opened, summary)])["studies"]  # type: ignore[misc]  # JSON object
    report = json.loads((Path(entry["report_html"]).parent / "report.json").read_text())
    assert Path(entry["report_pdf"]).read_bytes().startswith(b"%PDF")
    assert report["score"] == pytest.approx(entry["score"], abs=1e-6)
    assert entry["positive"] is (entry["score"] >= 0.41)


def test_a_second_run_over_the_same_content_screens_nothing_twice(tmp_path: Path) -> None:
    stub = StubClassifier()
    for name in ("first.png", "again.png"):
        draw_png(tmp_path / "intake" / name, 100)
        with stub_session(tmp_path, stub) as session:
            _, summary = screen(session)
    assert summary is not None
    assert stub.calls == [1]
    (file,) = summary.files
    assert file.outcome is Outcome.DUPLICATE
    assert file.report
    assert (tmp_path / file.report / "report.html").exists()
    assert (summary.report_html.parent / f"../{Path(file.report).parts[1]}").exists()


def test_a_folder_that_is_not_ours_is_left_untouched(tmp_path: Path) -> None:
    folder = tmp_path / "theirs"
    content = draw_png(folder / "a.png", 100)
    (folder / "b.txt").write_bytes(b"no picture")
    for expected in (["reported", "refused"], ["duplicate", "refused"]):
        with stub_session(tmp_path / "w") as session:
            _, summary = screen(session, folder)
            assert summary is not None
            assert [str(f.outcome) for f in summary.files] == expected
    assert everything_below(folder) == {"a.png", "b.txt"}
    assert (folder / "a.png").read_bytes() == content
    assert [p.read_bytes() for p in (tmp_path / "w" / "archive").rglob("a.png")] == [content]


def test_a_folder_around_the_workspace_is_refused(tmp_path: Path) -> None:
    with stub_session(tmp_path / "w") as session:
        for folder in (tmp_path, tmp_path / "w" / "archive"):
            with pytest.raises(WorkspaceError, match="outside"):
                open_batch(session, folder)


def test_a_study_that_breaks_the_classifier_fails_alone(tmp_path: Path) -> None:
    for grey in (20, 60, 100):
        draw_png(tmp_path / "intake" / f"{grey}.png", grey)
    with stub_session(tmp_path, StubClassifier(breaks_on_grey=60)) as session:
        _, summary = screen(session)
    assert summary is not None
    assert {f.name: str(f.outcome) for f in summary.files} == {
        "20.png": "reported",
        "60.png": "failed",
        "100.png": "reported",
    }
    assert everything_below(tmp_path / "intake") == {"60.png"}


def test_a_file_that_fails_again_and_again_goes_to_quarantine(tmp_path: Path) -> None:
    draw_png(tmp_path / "intake" / "60.png", 60)
    for last in (False, False, True):
        with stub_session(tmp_path, StubClassifier(breaks_on_grey=60), max_attempts=3) as session:
            _, summary = screen(session)
            assert summary is not None
            assert summary.tally.failed == 1
        assert (tmp_path / "intake" / "60.png").exists() is not last
    (reason,) = (tmp_path / "quarantine").rglob("reason.json")
    assert "MemoryError" in reason.read_text()
    assert (reason.parent / "60.png").exists()


def test_a_report_that_cannot_be_written_fails_its_study_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for grey in (20, 60):
        draw_png(tmp_path / "intake" / f"{grey}.png", grey)
    with stub_session(tmp_path) as session:
        compose = ReportWriter.study_files

        def compose_some(writer: object, report: object) -> object:
            if "60.png" in str(report):
                raise ValueError
            return compose(writer, report)  # type: ignore[arg-type]  # passed on as it came

        monkeypatch.setattr(ReportWriter, "study_files", compose_some)
        _, summary = screen(session)
    assert summary is not None
    assert [str(f.outcome) for f in summary.files] == ["reported", "failed"]


def test_a_file_that_changes_after_it_was_claimed_waits_for_the_next_run(tmp_path: Path) -> None:
    file = tmp_path / "intake" / "a.png"
    draw_png(file, 20)
    with stub_session(tmp_path) as session:
        opened = open_batch(session)
        assert opened.batch_id is not None
        draw_png(file, 90)
        screen_studies(session, opened.batch_id, studies_of(session, opened.batch_id))
    assert outcomes(tmp_path, opened.batch_id) == {"a.png": "pending"}
    with stub_session(tmp_path) as session:
        _, summary = screen(session)
    assert summary is not None
    assert summary.tally.reported == 1


def test_a_batch_whose_run_died_is_finished_by_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for grey in (20, 60):
        draw_png(tmp_path / "intake" / f"{grey}.png", grey)
    with stub_session(tmp_path) as session:
        opened = open_batch(session)
        assert opened.batch_id is not None
        screen_studies(session, opened.batch_id, studies_of(session, opened.batch_id)[:1])
        again, nothing = screen(session)
        assert nothing is None
        assert again.pending == {"60.png": "in the hands of another run"}
        now = leases.time.time()
        monkeypatch.setattr(leases.time, "time", lambda: now + leases.LEASE_SECONDS + 1)
        (summary,) = resume(session)
    assert summary.batch_id == opened.batch_id
    assert summary.tally.reported == 2
    assert summary.report_html.exists()


def test_the_sums_of_a_run_hold_what_it_has_finished_for_a_dead_one(tmp_path: Path) -> None:
    for folder, name, grey in (("intake", "a.png", 20), ("asked", "a.png", 60), ("asked", "b.png", 90)):
        draw_png(tmp_path / folder / name, grey)
    (tmp_path / "w" / "intake").mkdir(parents=True)
    (tmp_path / "intake" / "a.png").rename(tmp_path / "w" / "intake" / "a.png")
    (tmp_path / "w" / "intake" / "link.png").symlink_to("/etc/hostname")
    with stub_session(tmp_path / "w") as session:
        opened = open_batch(session)
        assert opened.batch_id is not None
        session.ledger.end_lease(opened.batch_id)
        resumed = resume(session)
        of_folder = summary_as_json(
            session, list(drain(session, tmp_path / "asked")), folder=tmp_path / "asked", resumed=resumed
        )
        of_intake = summary_as_json(session, list(drain(session)), resumed=resumed)
    assert (of_folder["arrived"], of_folder["reported"], of_folder["pending"]) == (4, 3, 1)
    assert [entry["file"] for entry in of_folder["studies"]] == ["a.png", "a.png", "b.png", "link.png"]  # type: ignore[attr-defined]  # JSON object
    assert of_folder["resumed"] == [str(resumed[0].report_html)]
    assert of_folder["batch_reports"][:1] == of_folder["resumed"]  # type: ignore[index]  # JSON object
    assert (of_intake["arrived"], of_intake["reported"], of_intake["pending"]) == (2, 1, 1)  # the link counts once


def test_an_empty_intake_loads_no_model_and_opens_no_batch(tmp_path: Path) -> None:
    stub = StubClassifier()
    with stub_session(tmp_path, stub) as session:
        opened, summary = screen(session)
        shown = summary_as_json(session, [(opened, summary)])
    assert summary is None
    assert shown["arrived"] == 0
    assert shown["batch_report"] is None
    assert stub.calls == []
    assert everything_below(tmp_path / "reports") == set()


def test_without_its_model_a_batch_is_given_back_whole(tmp_path: Path) -> None:
    draw_png(tmp_path / "intake" / "a.png", 20)
    with stub_session(tmp_path) as session:
        opened = open_batch(session)
        assert opened.batch_id is not None
        shutil.rmtree(tmp_path / "models")
        with pytest.raises(ModelError):
            screen_studies(session, opened.batch_id, studies_of(session, opened.batch_id))
    assert everything_below(tmp_path / "intake") == {"a.png"}


def test_large_batches_are_classified_chunk_by_chunk(tmp_path: Path) -> None:
    stub = StubClassifier()
    for grey in range(0, 100, 20):
        draw_png(tmp_path / "intake" / f"{grey}.png", grey)
    with stub_session(tmp_path, stub, chunk_studies=2) as session:
        screen(session)
    assert stub.calls == [2, 2, 1]


def test_a_run_that_dies_before_its_batch_report_is_written_is_taken_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw_png(tmp_path / "intake" / "a.png", 20)
    with stub_session(tmp_path) as session:
        with monkeypatch.context() as dying:
            dying.setattr(ReportWriter, "place_batch", _die)
            with pytest.raises(KeyboardInterrupt):
                screen(session)
        now = leases.time.time()
        monkeypatch.setattr(leases.time, "time", lambda: now + leases.LEASE_SECONDS + 1)
        (summary,) = resume(session)
    assert summary.tally.reported == 1
    assert summary.report_html.exists()


def _die(*_arguments: object) -> None:
    raise KeyboardInterrupt


def test_a_file_taken_away_after_it_was_claimed_is_said_to_be_gone(tmp_path: Path) -> None:
    draw_png(tmp_path / "intake" / "a.png", 20)
    with stub_session(tmp_path) as session:
        opened = open_batch(session)
        assert opened.batch_id is not None
        (tmp_path / "intake" / "a.png").unlink()
        summary = finish(session, opened.batch_id)
    (file,) = summary.files
    assert (file.outcome, file.detail) == (Outcome.FAILED, "taken away before it could be read")


class _Undecided(StubClassifier):
    """Gives every radiograph the same score."""

    def classify(self, prepared: PreparedBatch, *, explanation: ExplanationVariant) -> Classified:
        classified = super().classify(prepared, explanation=explanation)
        return replace(classified, scores=np.full(len(prepared), 0.5))


@pytest.mark.parametrize(("classifier", "scores"), [(StubClassifier(), 5), (_Undecided(), 1)])
def test_studies_stand_by_falling_score_and_equal_ones_by_key(
    tmp_path: Path, classifier: StubClassifier, scores: int
) -> None:
    for grey in (60, 20, 100, 80, 40):
        draw_png(tmp_path / "intake" / f"{grey}.png", grey)
    with stub_session(tmp_path, classifier) as session:
        _, summary = screen(session)
    assert summary is not None
    order = [(-study.prediction.score, study.study_key) for study in summary.studies]
    assert order == sorted(order)
    assert len({score for score, _ in order}) == scores
