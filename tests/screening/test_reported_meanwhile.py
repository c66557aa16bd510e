"""Two batches with the same content: it is reported once, and no report stays that the ledger does not know."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cxrscreen.classifier.contract import Classified
from cxrscreen.screening.batch import open_batch
from cxrscreen.screening.ledger import Ledger
from cxrscreen.screening.pipeline import screen_studies
from cxrscreen.screening.screen import finish, resume, screen
from cxrscreen.settings import ExplanationVariant
from cxrscreen.types import PreparedBatch
from tests.fakes import StubClassifier, draw_png, stub_session, studies_of
from tests.screening.test_hard_nights import study_file


class Overtaken(StubClassifier):
    """While it classifies for the first time, another run screens copies that have just arrived."""

    def __init__(self, root: Path, *names: str) -> None:
        super().__init__()
        self._root, self._names = root, names

    def classify(self, prepared: PreparedBatch, *, explanation: ExplanationVariant) -> Classified:
        if not self.calls:
            for name in self._names:
                (self._root / "intake" / f"copy of {name}").write_bytes((self._root / "intake" / name).read_bytes())
            with stub_session(self._root) as session:
                screen(session)
        return super().classify(prepared, explanation=explanation)


def reports(root: Path) -> dict[str, list[str]]:
    """Return the files of each report by its batch."""
    return {
        path.parts[-3]: sorted(radiograph["file"] for radiograph in json.loads(path.read_bytes())["radiographs"])
        for path in root.glob("reports/*/S-*/report.json")
    }


@pytest.mark.parametrize(("copied", "own"), [(["b.dcm"], ["a.dcm"]), (["a.dcm", "b.dcm"], None)])
def test_what_another_batch_reports_meanwhile_is_left_out_of_the_report(
    tmp_path: Path, copied: list[str], own: list[str] | None
) -> None:
    study_file(tmp_path / "intake" / "a.dcm", grey=50)
    study_file(tmp_path / "intake" / "b.dcm", grey=90)
    with stub_session(tmp_path, Overtaken(tmp_path, *copied)) as session:
        _, summary = screen(session)
    assert summary is not None
    found = reports(tmp_path)
    assert found.pop(summary.batch_id, None) == own
    ((other, names),) = found.items()
    assert names == [f"copy of {name}" for name in copied]
    told = {file.name: (str(file.outcome), file.report and file.report.split("/")[1]) for file in summary.files}
    assert told == {
        name: ("duplicate", other) if name in copied else ("reported", summary.batch_id) for name in ("a.dcm", "b.dcm")
    }
    assert not list((tmp_path / "intake").glob("*.dcm"))


def test_a_report_that_was_not_recorded_goes_where_another_batch_reported_the_content(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw_png(tmp_path / "intake" / "a.png", 50)
    with stub_session(tmp_path) as session:
        first = open_batch(session).batch_id
        assert first is not None
        with monkeypatch.context() as dying:
            dying.setattr(Ledger, "record", _die)
            with pytest.raises(KeyboardInterrupt):
                screen_studies(session, first, studies_of(session, first))
        assert set(reports(tmp_path)) == {first}
        draw_png(tmp_path / "intake" / "b.png", 50)
        _, second = screen(session)
        assert second is not None
        finish(session, first)
        assert resume(session) == []
    assert reports(tmp_path) == {second.batch_id: ["b.png"]}


def _die(*_arguments: object) -> None:
    raise KeyboardInterrupt
