"""A batch keeps the model that it began with; the next batch takes the champion of its day."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from cxrscreen.classifier.bundle import WEIGHTS_FILE
from cxrscreen.classifier.champion_log import ChampionLog
from cxrscreen.classifier.contract import Classified
from cxrscreen.classifier.operating_point import OperatingPoint
from cxrscreen.classifier.registry import SHIPPED_VERSION
from cxrscreen.screening.batch import BatchSummary, open_batch
from cxrscreen.screening.pipeline import screen_studies
from cxrscreen.screening.screen import resume, screen
from cxrscreen.screening.session import Session
from cxrscreen.settings import ExplanationVariant
from cxrscreen.types import PreparedBatch
from tests.fakes import STUB_CARD, STUB_WEIGHTS, StubClassifier, draw_png, stub_session, studies_of

SCORES = {"old-1": 0.25, "new-1": 0.75}


@dataclass
class ConstantClassifier(StubClassifier):
    """Gives every radiograph its model's score, after something has happened."""

    before: Callable[[], object] = lambda: None

    def classify(self, prepared: PreparedBatch, *, explanation: ExplanationVariant) -> Classified:
        self.before()
        classified = super().classify(prepared, explanation=explanation)
        return replace(classified, scores=classified.scores * 0 + SCORES[self.card.version])


def champions(root: Path) -> ChampionLog:
    return ChampionLog(root / "models", origin=SHIPPED_VERSION)


@contextmanager
def two_models(root: Path, before: Callable[[], object] = lambda: None) -> Iterator[Session]:
    """Open a session that screens with the champion, two studies a chunk."""
    cards = {}
    for version in SCORES:
        point = OperatingPoint(threshold=0.5, sensitivity=0.9, specificity=0.9)
        cards[version] = STUB_CARD.model_copy(update={"version": version, "operating_point": point})
        (root / "models" / version).mkdir(parents=True, exist_ok=True)
        (root / "models" / version / WEIGHTS_FILE).write_bytes(STUB_WEIGHTS)
        (root / "models" / version / "card.json").write_text(cards[version].model_dump_json())
    if not champions(root).entries():
        champions(root).promote("old-1", who="A. Tester", why="the first one")
    with stub_session(root, model="champion", chunk_studies=2) as session:
        yield replace(
            session, load_classifier=lambda folder: ConstantClassifier(card=cards[folder.name], before=before)
        )


def promote_once(root: Path) -> Callable[[], object]:
    def act() -> None:
        if champions(root).champion() == "old-1":
            champions(root).promote("new-1", who="A. Tester", why="in the middle of a batch")

    return act


def scores_of(summary: BatchSummary) -> set[float | None]:
    return {file.score for file in summary.files}


def fill(root: Path, count: int = 5) -> None:
    for number in range(count):
        draw_png(root / "intake" / f"{number}.png", 40 + 20 * number)


def test_a_batch_keeps_its_model_when_the_champion_moves_between_its_chunks(tmp_path: Path) -> None:
    fill(tmp_path)
    with two_models(tmp_path, before=promote_once(tmp_path)) as session:
        _, summary = screen(session)
        assert summary is not None
        assert champions(tmp_path).champion() == "new-1"
        assert summary.model == "old-1"
        assert scores_of(summary) == {SCORES["old-1"]}
        assert not any(file.positive for file in summary.files)
        assert "old-1" in summary.report_html.read_text()
        assert "new-1" not in summary.report_html.read_text()


def test_the_next_batch_takes_the_new_champion_and_after_a_rollback_the_old_one(tmp_path: Path) -> None:
    def roll_back() -> None:
        champions(tmp_path).rollback(who="A. Tester", why="worse")

    found = []
    for number, move in enumerate([lambda: None, promote_once(tmp_path), roll_back]):
        with two_models(tmp_path) as session:
            move()
            draw_png(tmp_path / "intake" / f"{number}.png", 40 + 20 * number)
            _, summary = screen(session)
            assert summary is not None
            found.append((summary.model, scores_of(summary)))
    old, new = ("old-1", {SCORES["old-1"]}), ("new-1", {SCORES["new-1"]})
    assert found == [old, new, old]


def test_a_batch_whose_run_died_goes_on_with_its_own_model_after_a_promotion(tmp_path: Path) -> None:
    fill(tmp_path)
    with two_models(tmp_path) as session:
        opened = open_batch(session)
        assert opened.batch_id is not None
        screen_studies(session, opened.batch_id, studies_of(session, opened.batch_id)[:2])
        session.ledger.end_lease(opened.batch_id)
    promote_once(tmp_path)()
    with two_models(tmp_path) as session:
        (summary,) = resume(session)
        assert summary.model == "old-1"
        assert len(summary.files) == 5
        assert scores_of(summary) == {SCORES["old-1"]}
