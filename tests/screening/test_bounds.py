"""What a batch takes up, and what it leaves: bounds, full disks, damaged models, files that kill."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from cxrscreen import owner
from cxrscreen.classifier.bundle import WEIGHTS_FILE
from cxrscreen.classifier.champion_log import ChampionLog
from cxrscreen.classifier.contract import Classified
from cxrscreen.classifier.registry import SHIPPED_VERSION
from cxrscreen.errors import CxrscreenError, LedgerDamagedError, ModelError
from cxrscreen.lungs import bundle
from cxrscreen.lungs.bundle import SHIPPED_LUNGS
from cxrscreen.screening import batch, claiming, reading
from cxrscreen.screening.batch import open_batch
from cxrscreen.screening.ledger import Ledger
from cxrscreen.screening.outcomes import Outcome
from cxrscreen.screening.pipeline import TRIES_AT_MOST
from cxrscreen.screening.screen import drain, resume
from cxrscreen.settings import ExplanationVariant, load_settings
from cxrscreen.types import PreparedBatch
from cxrscreen.upkeep.ledger_view import LedgerView
from cxrscreen.upkeep.status import status_of
from tests.fakes import STUB_CARD, STUB_WEIGHTS, StubClassifier, draw_png, stub_session
from tests.screening.test_hard_nights import study_file


def test_a_large_intake_is_screened_in_batches_that_are_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for grey in range(5):
        draw_png(tmp_path / "intake" / f"{grey}.png", 20 * grey)
    read: list[str] = []
    read_bytes = claiming.read_bytes
    monkeypatch.setattr(claiming, "read_bytes", lambda *given: (read.append(given[1]), read_bytes(*given))[1])
    with stub_session(tmp_path, max_batch_files=2) as session:
        rounds = list(drain(session))
        assert session.ledger.batch_count() == 3
    assert [(opened.beyond, s.tally.arrived) for opened, s in rounds if s] == [(3, 2), (1, 2), (0, 1)]
    assert read == [f"{grey}.png" for grey in range(5)], "each is read once for its claim"


def test_a_batch_takes_whole_studies(tmp_path: Path) -> None:
    for number in range(3):
        for view in "ab":
            study_file(
                tmp_path / "intake" / f"{number}{view}.dcm",
                grey=100 * number + ord(view),
                StudyInstanceUID=f"1.2.{number}",
            )
    with stub_session(tmp_path, max_batch_files=3) as session:
        rounds = list(drain(session))
    assert [sorted(f.name for f in s.files) for _, s in rounds if s] == [
        ["0a.dcm", "0b.dcm"],
        ["1a.dcm", "1b.dcm"],
        ["2a.dcm", "2b.dcm"],
    ]
    with stub_session(tmp_path / "w", max_batch_files=1) as session:
        study_file(tmp_path / "theirs" / "a.dcm", grey=100, StudyInstanceUID="1.2")
        study_file(tmp_path / "theirs" / "b.dcm", grey=200, StudyInstanceUID="1.2")
        (whole,) = drain(session, tmp_path / "theirs")
        assert len(session.ledger.files(whole[0].batch_id or "")) == 2, (
            "a study that is larger than the bound goes alone"
        )


def test_a_study_with_very_many_files_is_cut_and_its_reports_say_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for room in (claiming, reading):
        monkeypatch.setattr(room, "FILES_IN_HAND", 3)
    for number in range(7):
        study_file(tmp_path / "intake" / f"{number}.dcm", grey=100 + number, StudyInstanceUID="1.2")
    shutil.copy(tmp_path / "intake" / "0.dcm", tmp_path / "intake" / "a copy.dcm")
    draw_png(tmp_path / "intake" / "z.png", 20)
    read: list[str] = []
    read_bytes = claiming.read_bytes
    monkeypatch.setattr(claiming, "read_bytes", lambda *given: (read.append(given[1]), read_bytes(*given))[1])
    with stub_session(tmp_path) as session:
        rounds = [s for _, s in drain(session) if s]
    assert [[f.name for f in s.files] for s in rounds] == [
        ["0.dcm", "1.dcm", "2.dcm", "z.png"],
        ["3.dcm", "4.dcm", "5.dcm"],
        ["6.dcm", "a copy.dcm"],
    ]
    assert len(read) == 9, "each is read once for its claim"
    told = [next(s.report_html.parent.glob("S-*/report.html")).read_text() for s in rounds[1:]]
    assert ["at most" in text for text in told] == [True, False]
    assert len({study.study_key for s in rounds[1:] for study in s.studies}) == 1


def test_a_large_ledger_is_not_looked_over_before_each_batch_but_by_the_status(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw_png(tmp_path / "intake" / "a.png", 20)
    with stub_session(tmp_path) as session:
        monkeypatch.setattr(Ledger, "check", lambda _self: pytest.fail("looked over"))
        with monkeypatch.context() as large:
            large.setattr(batch, "CHECKED_BYTES", session.workspace.ledger.stat().st_size - 1)
            assert open_batch(session).batch_id
        monkeypatch.setattr(LedgerView, "check", lambda _self: (_ for _ in ()).throw(LedgerDamagedError("damaged!")))
        assert any("damaged!" in need for need in status_of(session.settings).must_act)


def test_what_fails_is_not_taken_up_again_by_the_next_batch_of_the_same_run(tmp_path: Path) -> None:
    for grey in (20, 60, 100):
        draw_png(tmp_path / "intake" / f"{grey:03}.png", grey)
    with stub_session(tmp_path, StubClassifier(breaks_on_grey=20), max_batch_files=1) as session:
        rounds = list(drain(session))
    assert [[(f.name, f.outcome) for f in s.files] for _, s in rounds if s] == [
        [("020.png", Outcome.FAILED)],
        [("060.png", Outcome.REPORTED)],
        [("100.png", Outcome.REPORTED)],
    ]


def test_with_too_little_room_nothing_is_taken_up_and_a_person_is_told(tmp_path: Path) -> None:
    draw_png(tmp_path / "intake" / "a.png", 20)
    with stub_session(tmp_path, min_free_megabytes=1_000_000) as session:
        opened = open_batch(session)
        assert session.ledger.batch_count() == 0
    assert opened.batch_id is None
    assert opened.pending == {"a.png": "waits: too little room on the disk"}
    assert "Make room" in opened.trouble


def champions(root: Path, *, damaged: str = "", blind: str = "") -> None:
    log = ChampionLog(root / "models", origin=SHIPPED_VERSION)
    for version in ("good-1", "new-1"):
        folder = root / "models" / version
        folder.mkdir(parents=True)
        (folder / WEIGHTS_FILE).write_bytes(b"no weights" if version == damaged else STUB_WEIGHTS)
        segmenter = "f" * 64 if version == blind else ""
        changes = {"version": version, "segmenter_sha256": segmenter}
        (folder / "card.json").write_text(STUB_CARD.model_copy(update=changes).model_dump_json())
        log.promote(version, who="A. Tester", why="a test")


@pytest.mark.parametrize(("rule", "wanted"), [("wait", "champion"), ("wait", "new-1"), ("last-good", "new-1")])
def test_with_a_damaged_model_the_files_wait(tmp_path: Path, rule: str, wanted: str) -> None:
    champions(tmp_path, damaged="new-1")
    draw_png(tmp_path / "intake" / "a.png", 20)
    with stub_session(tmp_path, model=wanted, damaged_model=rule) as session:
        with pytest.raises(ModelError, match="new-1 are damaged"):
            open_batch(session)
        assert session.ledger.batch_count() == 0


def test_the_champion_before_a_damaged_one_stands_in_where_the_settings_allow_it_and_the_report_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    champions(tmp_path, damaged="new-1")
    draw_png(tmp_path / "intake" / "a.png", 20)
    with stub_session(tmp_path, model="champion", damaged_model="last-good") as session:
        ((_, summary),) = drain(session)
    assert summary is not None
    assert summary.model == "good-1"
    assert "good-1 stands in for new-1" in caplog.text
    assert json.loads((summary.report_html.parent / "batch.json").read_text())["meant"] == "new-1"
    assert "new-1" in summary.report_html.read_text()


def test_a_champion_without_its_lung_segmenter_waits_or_is_replaced_as_a_damaged_one(tmp_path: Path) -> None:
    champions(tmp_path, blind="new-1")
    draw_png(tmp_path / "intake" / "a.png", 20)
    with stub_session(tmp_path, model="champion") as session:
        with pytest.raises(ModelError, match=r"lung segmenter .* is not here.* Nothing was taken up"):
            open_batch(session)
        (need,) = needs_of(tmp_path)
    assert need.endswith("or train the model again. Nothing is screened.")
    with stub_session(tmp_path, model="champion", damaged_model="last-good") as session:
        ((_, summary),) = drain(session)
        (need,) = needs_of(tmp_path, damaged_model="last-good")
    assert summary is not None
    assert summary.model == "good-1"
    assert need.endswith("The last good champion screens in its place.")


def test_with_a_damaged_lung_segmenter_nothing_is_taken_up_and_the_status_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shipped = tmp_path / "shipped"
    shutil.copytree(SHIPPED_LUNGS, shipped)
    with (shipped / WEIGHTS_FILE).open("r+b") as weights:
        weights.seek(100_000)
        weights.write(b"\0\1\2\3")
    monkeypatch.setattr(bundle, "SHIPPED_LUNGS", shipped)
    root = tmp_path / "w"
    champions(root)
    draw_png(root / "intake" / "a.png", 20)
    with stub_session(root, model="champion", damaged_model="last-good") as session:
        with pytest.raises(ModelError, match=r"lung segmenter is damaged. The weights of lungs-1"):
            open_batch(session)
        assert session.ledger.batch_count() == 0
        (need,) = needs_of(root, damaged_model="last-good")
    assert "lung segmenter" in need
    assert need.endswith("Nothing is screened.")  # the champion before it looks through the same one


def needs_of(root: Path, **settings: object) -> tuple[str, ...]:
    return status_of(load_settings(root, **{"min_free_megabytes": 0} | settings)).must_act


def test_a_ledger_that_is_gone_is_not_replaced_in_silence(tmp_path: Path) -> None:
    draw_png(tmp_path / "intake" / "a.png", 20)
    with stub_session(tmp_path) as session:
        list(drain(session))
    (tmp_path / "ledger.sqlite").unlink()
    with pytest.raises(LedgerDamagedError, match="cxrscreen recover"), stub_session(tmp_path):
        pass
    assert not (tmp_path / "ledger.sqlite").exists()


@dataclass
class Deadly(StubClassifier):
    """The whole process dies of one radiograph."""

    deadly_grey: int = 60

    def classify(self, prepared: PreparedBatch, *, explanation: ExplanationVariant) -> Classified:
        if (prepared[:, 0, 0, 0] == self.deadly_grey).any():
            os.kill(os.getpid(), signal.SIGKILL)
        return super().classify(prepared, explanation=explanation)


def killed(root: Path) -> bool:
    """Screen in a process of its own until it ends; tell whether it was killed."""
    child = os.fork()
    if child == 0:
        try:
            with stub_session(root, Deadly()) as session:
                resume(session)
                list(drain(session))
        finally:
            os._exit(0)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


def test_a_file_that_kills_the_process_goes_to_quarantine_and_takes_no_other_along(tmp_path: Path) -> None:
    for grey in (20, 60, 100):
        draw_png(tmp_path / "intake" / f"{grey}.png", grey)
    deaths = 0
    while killed(tmp_path):
        deaths += 1
        assert deaths <= TRIES_AT_MOST
    assert deaths == TRIES_AT_MOST
    with closing(sqlite3.connect(tmp_path / "ledger.sqlite")) as db:
        found = dict(db.execute("SELECT name, outcome FROM file").fetchall())
    assert found == {"20.png": "reported", "60.png": "failed", "100.png": "reported"}
    (reason,) = (tmp_path / "quarantine").rglob("reason.json")
    assert "the run died 5 times while it was in hand" in reason.read_text()


def test_a_run_that_is_interrupted_blames_no_study(tmp_path: Path) -> None:
    draw_png(tmp_path / "intake" / "60.png", 60)

    class Interrupted(StubClassifier):
        def classify(self, prepared: PreparedBatch, *, explanation: ExplanationVariant) -> Classified:
            super().classify(prepared, explanation=explanation)
            raise KeyboardInterrupt

    for _ in range(TRIES_AT_MOST + 2):
        with stub_session(tmp_path, Interrupted()) as session, pytest.raises(KeyboardInterrupt):  # noqa: PT012  # the first time in the second
            resume(session)
            list(drain(session))
    with stub_session(tmp_path) as session:
        (summary,) = resume(session)
    assert [(f.outcome, f.tries) for f in summary.files] == [(Outcome.REPORTED, 1)]


def test_two_machines_over_one_workspace_screen_each_file_once(tmp_path: Path) -> None:
    children = []
    for grey in range(12):
        draw_png(tmp_path / "intake" / f"{grey}.png", 10 * grey)
    with stub_session(tmp_path):
        pass
    for number in range(2):
        child = os.fork()
        if child == 0:
            owner._machine = lambda: f"machine-{number}"  # type: ignore[assignment,misc]  # noqa: B023  # in this child only
            status = 1
            try:
                stub = StubClassifier()
                with stub_session(tmp_path, stub, max_batch_files=2, chunk_studies=1) as session:
                    for _ in range(12):
                        list(drain(session))
                (tmp_path / f"calls-{number}").write_text(str(sum(stub.calls)))
                status = 0
            except CxrscreenError as exc:
                (tmp_path / f"calls-{number}").write_text(str(exc))
            finally:
                os._exit(status)
        children.append(child)
    assert [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children] == [0, 0]
    assert sum(int((tmp_path / f"calls-{number}").read_text()) for number in range(2)) == 12
    with closing(sqlite3.connect(tmp_path / "ledger.sqlite")) as db:
        counted = Counter(outcome for (outcome,) in db.execute("SELECT outcome FROM file WHERE outcome != 'pending'"))
    assert counted == {"reported": 12}
    assert len(list((tmp_path / "reports").glob("*/S-*/report.pdf"))) == 12
