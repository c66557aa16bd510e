"""A run that is slow keeps its batch, or loses it, and no study is blamed; one that dies is told from it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import pytest

from cxrscreen.classifier.contract import Classified
from cxrscreen.errors import TakenOverError
from cxrscreen.screening import leases, pipeline, placing, reading
from cxrscreen.screening.batch import open_batch, take_over
from cxrscreen.screening.ledger import Ledger
from cxrscreen.screening.ledger_queries import LEASE_SECONDS
from cxrscreen.screening.outcomes import Outcome
from cxrscreen.screening.pipeline import TRIES_AT_MOST, screen_studies
from cxrscreen.screening.screen import finish
from cxrscreen.settings import ExplanationVariant
from cxrscreen.types import PreparedBatch
from tests.fakes import StubClassifier, draw_png, stub_session, studies_of
from tests.screening.test_hard_nights import study_file
from tests.screening.test_ledger import batch, claim


@dataclass
class Clock:
    """The ledger's time."""

    now: float = 1e9

    def read(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(leases, "time", SimpleNamespace(time=clock.read, monotonic=clock.read))
    return clock


@dataclass
class Meanwhile(StubClassifier):
    """Something happens while a batch is classified."""

    happens: Callable[[], object] = print

    def classify(self, prepared: PreparedBatch, *, explanation: ExplanationVariant) -> Classified:
        self.happens()
        return super().classify(prepared, explanation=explanation)


def test_a_step_of_many_slow_files_keeps_its_lease(
    tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    for grey in (100, 200, 300):
        study_file(tmp_path / "intake" / f"{grey}.dcm", grey=grey, StudyInstanceUID="1.2")
    taken: list[str | None] = []
    stub = Meanwhile()
    with stub_session(tmp_path, stub) as session:

        def pass_time() -> None:
            clock.now += 0.6 * LEASE_SECONDS
            taken.append(session.ledger.take_over())

        stub.happens = pass_time
        monkeypatch.setattr(pipeline, "CLASSIFIED_TOGETHER", 1)
        for room, name in ((reading, "_read_file"), (placing, "_place")):
            call = getattr(room, name)
            monkeypatch.setattr(room, name, lambda *given, call=call: (pass_time(), call(*given))[1])
        opened = open_batch(session)
        assert opened.batch_id is not None
        summary = finish(session, opened.batch_id)
    assert summary.tally.reported == 3
    assert taken == [None] * 9


def test_a_study_that_was_lost_by_slowness_again_and_again_is_not_blamed(
    tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw_png(tmp_path / "intake" / "20.png", 20)
    stub = Meanwhile()
    with stub_session(tmp_path, stub) as session:

        def another_machine_takes_it() -> None:
            clock.now += LEASE_SECONDS + 1
            with monkeypatch.context() as elsewhere:
                elsewhere.setattr(leases, "this_process", lambda: "elsewhere/1/1")
                assert session.ledger.take_over() is not None

        stub.happens = another_machine_takes_it
        opened = open_batch(session)
        assert opened.batch_id is not None
        for _ in range(TRIES_AT_MOST + 2):
            with pytest.raises(TakenOverError):
                screen_studies(session, opened.batch_id, studies_of(session, opened.batch_id))
            clock.now += LEASE_SECONDS + 1
            assert take_over(session) == opened.batch_id
        stub.happens = bool
        summary = finish(session, opened.batch_id)
    assert [(f.outcome, f.tries) for f in summary.files] == [(Outcome.REPORTED, 1)]


def test_a_death_on_another_machine_is_counted_until_the_run_says_that_it_lives(
    tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = Ledger(tmp_path / "l")
    ledger.open_batch(batch("1"), [claim("a")], {})
    for deaths in range(TRIES_AT_MOST):
        assert ledger.take_in_hand("1", ["S"]) == deaths
        clock.now += LEASE_SECONDS + 1
        monkeypatch.setattr(leases, "this_process", lambda deaths=deaths: f"machine-{deaths}/1/1")
        assert ledger.take_over() == "1"
    ledger.put_back("1", ["S"])  # by the first, which was asleep
    assert ledger.take_in_hand("1", ["S"]) == TRIES_AT_MOST - 1
    ledger.close()
