"""Nothing is screened where drawn phantoms score otherwise than on the model's card."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import typer

from cxrscreen.classifier.bundle import WEIGHTS_FILE
from cxrscreen.classifier.card import GoldenScore, ModelCard
from cxrscreen.classifier.contract import Classified
from cxrscreen.cli import screening
from cxrscreen.errors import ModelError, SelfTestError
from cxrscreen.phantom.golden import golden_phantom
from cxrscreen.radiograph.prepare import prepare
from cxrscreen.screening import golden
from cxrscreen.screening.batch import open_batch
from cxrscreen.screening.pipeline import screen_studies
from cxrscreen.screening.screen import resume, screen, watch
from cxrscreen.screening.session import Session
from cxrscreen.screening.stopped import STOPPED_FILE, stop_of
from cxrscreen.settings import ExplanationVariant, load_settings
from cxrscreen.types import PreparedBatch
from cxrscreen.upkeep.status import status_of
from tests.fakes import STUB_CARD, STUB_WEIGHTS, StubClassifier, draw_png, stub_session

draw = cache(golden_phantom)


@dataclass
class MovedClassifier(StubClassifier):
    """Scores like the stub, but for a difference: as if a library had changed."""

    moved_by: float = 0.0

    def classify(self, prepared: PreparedBatch, *, explanation: ExplanationVariant) -> Classified:
        classified = super().classify(prepared, explanation=explanation)
        return replace(classified, scores=classified.scores + self.moved_by)


def score_of(seed: int) -> float:
    return float(prepare(draw(seed, opacities=False)).mean() / 255)


def card(*scores: float) -> ModelCard:
    """Return a card with golden scores of phantoms 1, 2, ..."""
    found = tuple(GoldenScore(phantom_seed=i + 1, opacities=False, score=score) for i, score in enumerate(scores))
    return STUB_CARD.model_copy(update={"golden": found})


@pytest.fixture(autouse=True)
def _draw_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(golden, "_draw", draw)


@contextmanager
def a_site(root: Path, moved_by: float = 0.0, **settings: object) -> Iterator[tuple[Session, MovedClassifier]]:
    stub = MovedClassifier(moved_by=moved_by)
    with stub_session(root, stub, **settings) as session:
        (root / "models" / STUB_CARD.version / "card.json").write_text(card(score_of(1)).model_dump_json())
        yield session, stub


def test_an_installation_that_scores_as_the_card_says_screens(tmp_path: Path) -> None:
    draw_png(tmp_path / "intake" / "a.png", 40)
    with a_site(tmp_path, moved_by=0.9e-4) as (session, _):
        _, summary = screen(session)
        assert summary is not None
        assert summary.tally.reported == 1
    assert stop_of(tmp_path) is None


def test_a_difference_stops_screening_before_anything_is_claimed(tmp_path: Path) -> None:
    draw_png(tmp_path / "intake" / "a.png", 40)
    with (
        a_site(tmp_path, moved_by=1.2e-4) as (session, _),
        pytest.raises(SelfTestError, match=r"by up to 0\.00012 .*Nothing is screened\. Install the locked"),
    ):
        screen(session)
    with stub_session(tmp_path) as session:
        assert session.ledger.batch_count() == 0
    assert (tmp_path / "intake" / "a.png").exists()
    assert not list((tmp_path / "reports").glob("[!.]*"))


def test_whoever_asks_is_told_until_the_test_passes_again(tmp_path: Path) -> None:
    draw_png(tmp_path / "intake" / "a.png", 40)
    with a_site(tmp_path, moved_by=0.1, min_free_megabytes=0) as (session, stub):
        with pytest.raises(SelfTestError) as raised:
            screen(session)
        assert str(raised.value) in status_of(session.settings).must_act
        stub.moved_by = 0
        screen(session)
        assert status_of(session.settings).must_act == ()
    assert not (tmp_path / STOPPED_FILE).exists()


def test_where_nothing_waits_no_model_is_loaded_and_no_phantom_drawn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(golden, "_draw", lambda *_, **__: pytest.fail("a phantom was drawn"))
    with a_site(tmp_path, moved_by=0.1) as (session, stub):
        assert open_batch(session).batch_id is None
        (tmp_path / "intake" / "link.png").symlink_to("/etc/hostname")  # waits
        assert open_batch(session).pending
        assert stub.calls == []


def test_a_batch_whose_run_died_waits_until_the_test_passes_again(tmp_path: Path) -> None:
    for number in range(3):
        draw_png(tmp_path / "intake" / f"{number}.png", 40 + 30 * number)
    with a_site(tmp_path) as (session, stub):
        opened = open_batch(session)
        assert opened.batch_id is not None
        screen_studies(session, opened.batch_id, [session.ledger.files(opened.batch_id)[0].study_key])
        session.ledger.end_lease(opened.batch_id)
        stub.moved_by = 0.1
        for _ in range(2):
            with pytest.raises(SelfTestError):
                resume(session)
        assert sum(file.outcome is None for file in session.ledger.files(opened.batch_id)) == 2
        stub.moved_by = 0
        (summary,) = resume(session)
        assert summary.tally.reported == 3


def interrupted(session: Session, *, reported: int) -> str:
    """Leave a batch as a run does that dies after some of its studies."""
    opened = open_batch(session)
    assert opened.batch_id is not None
    screen_studies(session, opened.batch_id, [f.study_key for f in session.ledger.files(opened.batch_id)][:reported])
    session.ledger.end_lease(opened.batch_id)
    return opened.batch_id


@pytest.mark.parametrize("reported", [0, 1])
def test_a_dead_batch_whose_card_is_no_longer_the_models_gives_its_files_back_and_bars_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, reported: int
) -> None:
    for number in range(3):
        draw_png(tmp_path / "intake" / f"{number}.png", 40 + 30 * number)
    with a_site(tmp_path, min_free_megabytes=0) as (session, _):
        batch_id = interrupted(session, reported=reported)
        otherwise = card(score_of(1) + 0.01).model_dump_json()
        session.ledger._write("UPDATE batch SET card = :card WHERE batch_id = :id", {"card": otherwise, "id": batch_id})
        assert [summary.tally.reported for summary in resume(session)] == [1] * reported
        assert caplog.text.count("Its files are given back") == 1
        _, summary = screen(session)
        assert summary is not None
        assert summary.tally.reported == 3 - reported
        assert status_of(session.settings).must_act == ()
    assert not (tmp_path / STOPPED_FILE).exists()


def another_model(root: Path, golden_score: float, version: str) -> None:
    folder = root / "models" / version
    folder.mkdir(parents=True, exist_ok=True)
    (folder / WEIGHTS_FILE).write_bytes(STUB_WEIGHTS)
    found = card(golden_score).model_copy(update={"version": version})
    (folder / "card.json").write_text(found.model_dump_json())


def test_a_dead_batch_of_a_failing_model_bars_nothing_once_another_one_screens(tmp_path: Path) -> None:
    draw_png(tmp_path / "intake" / "a.png", 40)
    another_model(tmp_path, score_of(1), "failing-1")
    with a_site(tmp_path, model="failing-1", min_free_megabytes=0) as (session, stub):
        interrupted(session, reported=0)
        stub.moved_by = 0.1
        with pytest.raises(SelfTestError):
            resume(session)
        assert any("card of failing-1" in need for need in status_of(session.settings).must_act)
    with a_site(tmp_path, moved_by=0.1, min_free_megabytes=0) as (session, _):
        another_model(tmp_path, score_of(1) + 0.1, STUB_CARD.version)
        assert status_of(session.settings).must_act == ()
        assert resume(session) == []
        _, summary = screen(session)
        assert summary is not None
        assert (summary.model, summary.tally.reported) == (STUB_CARD.version, 1)


def sound_batch_behind(root: Path) -> str:
    """Leave a batch of the stub whose model fails from now on, and behind it one of a model that is sound."""
    for number in range(2):
        draw_png(root / "intake" / f"{number}.png", 40 + 30 * number)
    another_model(root, score_of(1) + 0.1, "sound-1")
    with a_site(root, min_free_megabytes=0) as (session, _):
        interrupted(session, reported=1)
    draw_png(root / "intake" / "2.png", 120)
    with a_site(root, moved_by=0.1, model="sound-1", min_free_megabytes=0) as (session, _):
        return interrupted(session, reported=0)


def test_a_sound_batch_is_finished_before_it_is_told_that_another_waits_for_its_model(tmp_path: Path) -> None:
    sound = sound_batch_behind(tmp_path)
    told: list[str] = []
    with a_site(tmp_path, moved_by=0.1, min_free_megabytes=0) as (session, _):
        for _ in range(2):
            with pytest.raises(SelfTestError):
                resume(session, report=lambda batch_id, _done: told.append(batch_id))
        assert told == [sound]
        assert session.ledger.batch_count() == 2
        assert any(f"card of {STUB_CARD.version}" in need for need in status_of(session.settings).must_act)


def test_a_batch_that_waits_for_its_model_does_not_bar_another_model_on_demand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    root, asked = tmp_path / "w", tmp_path / "asked"
    sound_batch_behind(root)
    draw_png(asked / "b.png", 200)
    with a_site(root, moved_by=0.1, min_free_megabytes=0) as (session, _):
        monkeypatch.setattr(screening, "open_session", lambda _settings: nullcontext(session))
        with pytest.raises(typer.Exit) as ended:
            screening.screen_folder(asked, workspace=root, model="sound-1")
        assert ended.value.exit_code == 1
    told = capsys.readouterr()
    assert "cannot be finished now: The self-test before screening failed" in " ".join(told.err.split())
    assert told.out.count("1 file = 1 reported") == 2  # of the sound batch behind, and of the folder


def test_another_models_self_test_does_not_change_what_is_said_of_this_one(tmp_path: Path) -> None:
    root, asked = tmp_path / "w", tmp_path / "asked"
    draw_png(root / "intake" / "a.png", 40)
    draw_png(asked / "b.png", 70)
    with a_site(root, moved_by=0.1, min_free_megabytes=0) as (session, _):
        another_model(root, score_of(1) + 0.1, "sound-1")
        another_model(root, 0.9, "failing-1")
        with pytest.raises(SelfTestError):
            screen(session)
        (said,) = status_of(session.settings).must_act
        _, summary = screen(session, asked, model="sound-1")
        assert summary is not None
        assert status_of(session.settings).must_act == (said,)
        draw_png(asked / "c.png", 90)
        with pytest.raises(SelfTestError, match="card of failing-1"):
            screen(session, asked, model="failing-1")
        assert status_of(session.settings).must_act == (said,)
    rolled_back = status_of(load_settings(root, model="sound-1", min_free_megabytes=0))
    assert (rolled_back.must_act, rolled_back.stopped) == ((), None)


def test_a_model_that_fails_on_demand_stops_nothing_else(tmp_path: Path) -> None:
    draw_png(tmp_path / "asked" / "a.png", 40)
    another_model(tmp_path / "w", 0.9, "failing-1")
    with a_site(tmp_path / "w", min_free_megabytes=0) as (session, _):
        with pytest.raises(SelfTestError):
            screen(session, tmp_path / "asked", model="failing-1")
        assert status_of(session.settings).must_act == ()
    assert stop_of(tmp_path / "w") is None


def test_that_the_model_of_a_dead_batch_is_damaged_is_logged_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def damaged(_folder: Path) -> StubClassifier:
        raise ModelError("The weights are damaged.")

    draw_png(tmp_path / "intake" / "a.png", 40)
    with a_site(tmp_path) as (session, _):
        interrupted(session, reported=0)
        assert resume(replace(session, load_classifier=damaged)) == []
    assert caplog.text.count("The weights are damaged.") == 1


def test_only_the_phantoms_that_tell_most_are_scored(tmp_path: Path) -> None:
    scores = {1: 0.999, 2: score_of(2), 3: score_of(3)}
    draw_png(tmp_path / "intake" / "a.png", 40)
    with a_site(tmp_path) as (session, stub):
        path = tmp_path / "models" / STUB_CARD.version / "card.json"
        path.write_text(card(*scores.values()).model_dump_json())
        _, summary = screen(session)
        assert summary is not None
        assert stub.calls == [2, 1]  # phantoms, radiographs


@pytest.mark.parametrize(
    ("score", "log_odds", "small"),
    [(0.0, 0.0, True), (2e-4, 0.0, False), (1e-6, 0.06, False), (math.nan, math.nan, False)],
)
def test_a_change_is_small_in_score_and_in_log_odds(*, score: float, log_odds: float, small: bool) -> None:
    assert golden.GoldenChange(phantoms=1, score=score, log_odds=log_odds).small is small


def test_a_score_that_is_no_number_is_a_change(tmp_path: Path) -> None:
    with a_site(tmp_path, moved_by=math.nan) as (session, _):
        change = golden.golden_change(session, card(0.5, 0.5), card(0.5, 0.5).golden)
    assert not change.small
    assert np.isnan(change.score)


def test_a_watch_that_fails_the_test_does_not_repeat_it_at_each_look(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    draw_png(tmp_path / "intake" / "a.png", 40)
    looks = []

    def pause(_seconds: float) -> None:
        looks.append(1)
        if len(looks) == 5:
            raise KeyboardInterrupt

    with a_site(tmp_path, moved_by=0.1) as (session, stub):
        monkeypatch.setattr("cxrscreen.screening.screen.time.sleep", pause)
        with pytest.raises(KeyboardInterrupt):
            watch(session, lambda _o, _s: pytest.fail("nothing can have been screened"))
        assert stub.calls == [1]
    assert caplog.text.count("The self-test before screening failed") == 1


@pytest.mark.tensorflow
def test_phantoms_are_framed_as_radiographs_are(tmp_path: Path) -> None:
    from cxrscreen.lungs.bundle import SHIPPED_LUNGS  # noqa: PLC0415  # starts TensorFlow
    from cxrscreen.lungs.segmenter import Segmenter  # noqa: PLC0415  # likewise
    from cxrscreen.lungs.sight import sights  # noqa: PLC0415  # likewise

    segmenter = Segmenter.of(SHIPPED_LUNGS)
    (sight,) = sights([draw(1, opacities=False)], segmenter, "lungs")
    assert sight.prepared is not None
    score = float(sight.prepared.mean() / 255)
    of_lungs = card(score).model_copy(update={"recipe": "lung-focused"})
    with a_site(tmp_path) as (session, _):
        seeing = replace(session, load_segmenter=lambda _card: segmenter)
        assert golden.golden_change(seeing, of_lungs, of_lungs.golden).small
        assert not golden.golden_change(session, of_lungs, of_lungs.golden).small  # the stub sees the whole picture


@pytest.mark.tensorflow
def test_a_phantom_without_lungs_stops_screening(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blind = SimpleNamespace(prepared=None, box=None, fields=None, features=None)
    monkeypatch.setattr("cxrscreen.lungs.sight.sights", lambda *_: [blind])
    of_lungs = card(0.5).model_copy(update={"recipe": "lung-focused"})
    with a_site(tmp_path) as (session, _):
        (tmp_path / "models" / STUB_CARD.version / "card.json").write_text(of_lungs.model_dump_json())
        seeing = replace(session, load_segmenter=lambda _card: object())
        with pytest.raises(SelfTestError, match="finds no lungs in a golden phantom"):
            golden.check_golden(seeing, of_lungs)
    stopped = stop_of(tmp_path)
    assert stopped is not None
    assert "finds no lungs" in stopped.why
