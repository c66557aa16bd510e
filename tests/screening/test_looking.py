"""Lung fields, gate and map audit on the way from a file to its report; all networks are stand-ins."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from cxrscreen.classifier.card import ModelCard
from cxrscreen.classifier.contract import Classified
from cxrscreen.classifier.operating_point import Finding
from cxrscreen.errors import ModelError, RefusedError
from cxrscreen.lungs.fields import LungFields, fields_of
from cxrscreen.lungs.gate import Admission, Looks
from cxrscreen.lungs.plausibility import LungFault
from cxrscreen.radiograph.refusal import Reason
from cxrscreen.screening.batch import BatchSummary
from cxrscreen.screening.looking import UNSUPPORTED, Tools, load_tools
from cxrscreen.screening.outcomes import FileRecord, Outcome
from cxrscreen.screening.screen import screen
from cxrscreen.screening.session import Session
from cxrscreen.settings import ExplanationVariant
from cxrscreen.types import Grey8, PreparedBatch
from tests.fakes import StubClassifier, draw_png, stub_session
from tests.lungs.drawn_lungs import LEFT, RIGHT, lungs
from tests.reporting.report_samples import LUNG_CARD

pytestmark = pytest.mark.tensorflow  # ``sight`` imports it

DARK, GREY, BRIGHT = 20, 100, 160
DOUBT = "It looks unlike the radiographs that the model was made from: the score means little here."


@dataclass
class StubSegmenter:
    """Finds two lungs in every picture but the dark ones, where it finds one."""

    card: SimpleNamespace = field(default_factory=lambda: SimpleNamespace(weights_sha256="cd" * 32))
    looks: list[int] = field(default_factory=list)

    def look(self, pixels: Sequence[Grey8]) -> tuple[list[LungFields], np.ndarray]:
        self.looks.append(len(pixels))
        found = [fields_of(lungs(RIGHT) if one[0, 0] <= DARK + 5 else lungs(RIGHT, LEFT)) for one in pixels]
        return found, np.zeros((len(pixels), 80), np.float32)


@dataclass
class StubGate:
    """Refuses what has no lungs, and finds bright pictures strange."""

    segmenter: str = "cd" * 32
    seen: list[Looks] = field(default_factory=list)

    def check_segmenter(self, weights_sha256: str) -> None:
        if weights_sha256 != self.segmenter:
            raise ModelError("another one")

    def admit(self, looks: Sequence[Looks]) -> list[Admission]:
        self.seen += looks
        return [
            Admission(RefusedError(Reason.NO_LUNG_FIELDS, one.fields.fault.sentence), (), 1.7)
            if one.fields.fault is not None
            else Admission(None, (DOUBT,) if one.age_years == 3 else (), 0.4)
            for one in looks
        ]


@dataclass
class CornerClassifier(StubClassifier):
    """As the stub, but its map lies in one corner of what it was shown, or nowhere."""

    card: ModelCard = LUNG_CARD
    nowhere: bool = False

    def classify(self, prepared: PreparedBatch, *, explanation: ExplanationVariant) -> Classified:
        classified = super().classify(prepared, explanation=explanation)
        maps = np.zeros((len(prepared), 14, 14), np.float32)
        if not self.nowhere:
            maps[:, 0, 0] = 1
        return replace(classified, activation_maps=maps)


def screened(
    session: Session, card: ModelCard = LUNG_CARD, gate: StubGate | None = None
) -> tuple[BatchSummary, dict[str, FileRecord]]:
    """Screen the intake with a model of that card, whatever the stub's own says."""
    folder = session.workspace.models / card.version
    (folder / "card.json").write_text(
        card.model_copy(
            update={"weights_sha256": session.registry.card_of(card.version).weights_sha256}
        ).model_dump_json()
    )
    seeing = replace(session, load_segmenter=lambda _folder: StubSegmenter(), load_gate=lambda _folder: gate)  # type: ignore[arg-type, return-value]  # stand-ins
    _, summary = screen(seeing)
    assert summary is not None
    return summary, {file.name: file for file in summary.files}


def test_what_the_gate_refuses_goes_to_quarantine_with_its_reason_and_no_score(tmp_path: Path) -> None:
    with stub_session(tmp_path / "w") as session:
        draw_png(session.workspace.intake / "none.png", DARK)
        draw_png(session.workspace.intake / "sound.png", GREY)
        gate, classifier = StubGate(), session.classifier("standard-0")
        _, files = screened(session, gate=gate)
        refused, reported = files["none.png"], files["sound.png"]
        assert (refused.outcome, refused.reason) == (Outcome.REFUSED, Reason.NO_LUNG_FIELDS)
        assert refused.detail == LungFault.ONE_LUNG.sentence
        assert (refused.score, refused.strangeness) == (None, 1.7)
        reason = json.loads((session.workspace.root / str(refused.destination)).with_name("reason.json").read_bytes())
        assert reason["strangeness"] == 1.7
        assert (reported.outcome, reported.strangeness) == (Outcome.REPORTED, 0.4)
        assert classifier.calls == [1]  # the fault spares the pass  # type: ignore[attr-defined]  # of the stub
        assert [one.block4 is None for one in gate.seen] == [True, False]


def test_a_model_of_the_lungs_refuses_what_has_none_also_without_a_gate(tmp_path: Path) -> None:
    with stub_session(tmp_path / "w") as session:
        draw_png(session.workspace.intake / "none.png", DARK)
        summary, files = screened(session)
        assert files["none.png"].reason == Reason.NO_LUNG_FIELDS
        assert summary.studies == ()


def test_a_model_of_the_whole_picture_goes_on_without_lungs_and_asks_for_a_look(tmp_path: Path) -> None:
    card = LUNG_CARD.model_copy(update={"recipe": "standard"})
    with stub_session(tmp_path / "w") as session:
        draw_png(session.workspace.intake / "none.png", DARK)
        _, files = screened(session, card)
        assert files["none.png"].outcome is Outcome.REPORTED
        assert files["none.png"].lung_share is None
        assert files["none.png"].review == (LungFault.ONE_LUNG.sentence,)


def test_finding_and_shares_reach_ledger_index_and_record(tmp_path: Path) -> None:
    with stub_session(tmp_path / "w") as session:
        for name, grey in (("low.png", 30), ("middle.png", GREY), ("high.png", 210)):
            draw_png(session.workspace.intake / name, grey)
        summary, files = screened(session, LUNG_CARD.model_copy(update={"recipe": "standard"}))
        by_score = sorted(files.values(), key=lambda file: file.score or 0)
        assert [file.finding for file in by_score] == [Finding.NEGATIVE, Finding.UNCERTAIN, Finding.POSITIVE]
        assert [file.positive for file in by_score] == [False, False, True]
        assert all(
            file.lung_share is not None and file.lung_share < 1.4 for file in by_score
        )  # the stub's map: the middle
        assert all(file.review == (UNSUPPORTED,) for file in by_score)
        assert [row.review for row in summary.studies] == [(UNSUPPORTED,)] * 3
        record = json.loads((session.workspace.root / str(by_score[1].report) / "report.json").read_bytes())
        assert record["finding"] == "uncertain"
        assert record["radiographs"][0]["lung_share"] == pytest.approx(by_score[1].lung_share)


def test_a_map_that_is_zero_supports_no_score_but_a_low_one(tmp_path: Path) -> None:
    with stub_session(tmp_path / "w", CornerClassifier(nowhere=True)) as session:
        draw_png(session.workspace.intake / "low.png", 30)
        draw_png(session.workspace.intake / "high.png", 210)
        _, files = screened(session, LUNG_CARD.model_copy(update={"recipe": "standard"}))
        assert files["low.png"].review == ()
        assert files["high.png"].review == (UNSUPPORTED,)


def test_a_map_in_the_corner_of_the_lungs_box_is_measured_where_that_box_lies(tmp_path: Path) -> None:
    with stub_session(tmp_path / "w", CornerClassifier()) as session:
        draw_png(session.workspace.intake / "a.png", GREY)
        _, files = screened(session, LUNG_CARD)
        record = json.loads((session.workspace.root / str(files["a.png"].report) / "report.json").read_bytes())
        (told,) = record["radiographs"]
        top, left, bottom, right = told["map_box"]
        assert 0 < top < bottom < 1
        assert 0 < left < right < 1
        assert told["map_audit"]["border"]["energy"] == 0  # of the box's corner, not of the picture's
        assert len(told["activation_map"]) == 14


def test_doubts_of_the_gate_are_reasons_to_look(tmp_path: Path) -> None:
    gate = StubGate()
    gate.admit = lambda looks: [Admission(None, (DOUBT,), 1.1) for _ in looks]  # type: ignore[method-assign]  # a stand-in
    with stub_session(tmp_path / "w") as session:
        draw_png(session.workspace.intake / "a.png", GREY)
        _, files = screened(session, gate=gate)
        assert files["a.png"].review[-1] == DOUBT
        assert files["a.png"].strangeness == 1.1


def test_a_copy_has_the_finding_of_what_was_reported(tmp_path: Path) -> None:
    with stub_session(tmp_path / "w") as session:
        content = draw_png(session.workspace.intake / "a.png", GREY)
        (session.workspace.intake / "b.png").write_bytes(content)
        _, files = screened(session)
        (session.workspace.intake / "c.png").write_bytes(content)
        _, later = screened(session)
        one = next(file for file in files.values() if file.outcome is Outcome.REPORTED)
        for copy in (*(file for file in files.values() if file is not one), *later.values()):
            assert copy.outcome is Outcome.DUPLICATE
            assert (copy.finding, copy.lung_share, copy.review) == (one.finding, one.lung_share, one.review)


def test_radiographs_of_many_studies_go_through_each_network_together(tmp_path: Path) -> None:
    segmenter = StubSegmenter()
    with stub_session(tmp_path / "w") as session:
        for number in range(5):
            draw_png(session.workspace.intake / f"{number}.png", GREY + number)
        seeing = replace(session, load_segmenter=lambda _folder: segmenter)  # type: ignore[arg-type, return-value]  # a stand-in
        screen(seeing)
        assert segmenter.looks == [5]


def test_a_gate_of_another_segmenter_screens_nothing(tmp_path: Path) -> None:
    with stub_session(tmp_path / "w") as session:
        draw_png(session.workspace.intake / "a.png", GREY)
        with pytest.raises(ModelError):
            screened(session, gate=StubGate(segmenter="00" * 32))
        assert (session.workspace.intake / "a.png").exists()


def test_without_a_segmenter_nothing_is_said_of_lungs(tmp_path: Path) -> None:
    with stub_session(tmp_path / "w") as session:
        tools = load_tools(session, session.registry.card_of("standard-0"))
        assert isinstance(tools, Tools)
        draw_png(session.workspace.intake / "a.png", GREY)
        _, summary = screen(session)
        assert summary is not None
        assert [(file.lung_share, file.strangeness, file.review) for file in summary.files] == [(None, None, ())]
