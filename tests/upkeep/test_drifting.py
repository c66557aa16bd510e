"""Whether what arrives is still like what the model was calibrated on, from ledgers that were written row by row."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from cxrscreen.classifier.card import ModelCard
from cxrscreen.classifier.reference import ByClass, Reference, References
from cxrscreen.reporting.digest import DriftCheck
from cxrscreen.screening.session import open_session
from cxrscreen.settings import load_settings
from cxrscreen.upkeep.drifting import drift_of_days
from cxrscreen.upkeep.ledger_view import LedgerView
from tests.fakes import STUB_CARD

FIRST = date(2026, 3, 1)


def drawn(a: float, b: float, n: int, seed: int = 1) -> list[float]:
    values: list[float] = np.random.default_rng(seed).beta(a, b, n).tolist()
    return values


def both(covid: Sequence[float], normal: Sequence[float]) -> ByClass:
    return ByClass(covid=Reference.of(covid), normal=Reference.of(normal))


REFERENCES = References(
    scores=both(drawn(8, 2, 128), drawn(2, 8, 85)),
    distances=both(drawn(2, 5, 128), drawn(2, 5, 85, seed=2)),
    lung_shares=both([1 + value for value in drawn(3, 3, 128)], [1 + value for value in drawn(3, 3, 85, seed=2)]),
    refused=0.02,
    refused_n=213,
)
CARD = STUB_CARD.model_copy(update={"references": REFERENCES})


def ordinary(n: int, seed: int = 1, *, covid: float = 0.1) -> list[float]:
    """Scores of a night in which that share has COVID-19."""
    diseased = round(covid * n)
    return drawn(8, 2, diseased, seed) + drawn(2, 8, n - diseased, seed + 1000)


def amid(n: int) -> list[float]:
    """Scores that neither class has."""
    return drawn(200, 200, n)


@dataclass
class Past:
    """A ledger that nights are written into."""

    root: Path
    batches: list[str] = field(default_factory=list)

    def night(  # noqa: PLR0913  # all that may be otherwise
        self,
        day: int,
        scores: Sequence[float],
        *,
        card: ModelCard = CARD,
        strangeness: Sequence[float] | None = None,
        refused: int = 0,
        on_demand: bool = False,
    ) -> str:
        batch_id = f"batch-{len(self.batches)}"
        started = f"{FIRST + timedelta(days=day)}T22:00:00+00:00"
        folder = self.root.parent / "asked" if on_demand else self.root / "intake"
        row = (batch_id, os.fsencode(folder), on_demand, card.model_dump_json(), "en", "guided", started, started)
        strange = strangeness or drawn(2, 5, len(scores), seed=day + 50)
        share = [1 + value for value in drawn(3, 3, len(scores), seed=day + 90)]
        files = [
            (batch_id, f"{i}.png", f"{batch_id}-{i}", "reported", "", score, strange[i], share[i])
            for i, score in enumerate(scores)
        ] + [
            (batch_id, f"hand-{i}.png", f"{batch_id}-hand-{i}", "refused", "no-lung-fields", None, None, None)
            for i in range(refused)
        ]
        with closing(sqlite3.connect(self.root / "ledger.sqlite")) as db, db:
            db.execute(
                "INSERT INTO batch (batch_id, folder, keeps_source, card, language, explanation, started_at, "
                "finished_at, owner, lease_until) VALUES (?, ?, ?, ?, ?, ?, ?, ?, '', 0)",
                row,
            )
            db.executemany(
                "INSERT INTO file (batch_id, name, sha256, outcome, reason, score, strangeness, lung_share) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                files,
            )
        self.batches.append(batch_id)
        return batch_id

    def found(self, *, told: Sequence[str] = (), prevalence: float | None = 0.1) -> DriftCheck | None:
        intake = Path(os.path.realpath(self.root / "intake"))
        with LedgerView(self.root / "ledger.sqlite") as view:
            return drift_of_days(intake, view, told=told, prevalence=prevalence)

    def check(self, *, told: Sequence[str] = (), prevalence: float | None = 0.1) -> DriftCheck:
        found = self.found(told=told, prevalence=prevalence)
        assert found is not None
        return found


@pytest.fixture
def past(tmp_path: Path) -> Past:
    with open_session(load_settings(tmp_path / "w")):
        pass
    return Past(tmp_path / "w")


def test_a_night_like_the_reference_has_not_drifted(past: Past) -> None:
    past.night(0, ordinary(60, seed=7), refused=1)
    found = past.check()
    assert {one.quantity: one.n for one in found.quantities} == {
        "scores": 60,
        "strangeness": 60,
        "lung_shares": 60,
        "refused": 61,
    }
    assert all(one.reference_n == 213 for one in found.quantities)
    assert found.drifted == ()
    assert (found.model, found.radiographs, found.first_day, found.last_day) == (
        CARD.version,
        60,
        "2026-03-01",
        "2026-03-01",
    )


def test_what_has_changed_is_named_and_nothing_else(past: Past) -> None:
    past.night(0, ordinary(60, seed=7), strangeness=drawn(8, 3, 60))
    assert past.check().drifted == ("strangeness",)
    past.night(5, amid(60), refused=20)
    assert past.check(told=past.batches[:1]).drifted == ("scores", "refused")


def test_the_share_that_the_settings_say_decides_what_is_drift(past: Past) -> None:
    past.night(0, ordinary(60, seed=7, covid=0.6))
    stated = past.check(prevalence=0.1)
    assert (stated.drifted, stated.prevalence) == (("scores",), 0.1)
    assert stated.best_share == pytest.approx(0.6, abs=0.1)
    assert past.check(prevalence=0.6).drifted == ()


def test_without_a_stated_share_only_scores_that_no_share_explains_are_drift(past: Past) -> None:
    past.night(0, ordinary(60, seed=7, covid=0.6))
    unstated = past.check(prevalence=None)
    assert (unstated.drifted, unstated.prevalence) == ((), None)
    assert unstated.best_share == pytest.approx(0.6, abs=0.1)
    past.night(1, amid(60), strangeness=drawn(8, 3, 60))
    assert past.check(told=past.batches[:1], prevalence=None).drifted == ("scores", "strangeness")


@pytest.mark.parametrize("prevalence", [0.1, None])
def test_a_night_that_is_all_refused_is_still_compared(past: Past, prevalence: float | None) -> None:
    past.night(0, [], refused=40)
    found = past.check(prevalence=prevalence)
    assert (found.drifted, found.best_share) == (("refused",), None)


def test_a_card_of_before_has_no_reference_of_each_class_and_is_said_to_have_none(past: Past) -> None:
    pooled = {"values": [0.1, 0.9], "n": 2}
    of_before = {"scores": pooled, "distances": pooled, "lung_shares": pooled, "refused": 0.0, "refused_n": 2}
    card = ModelCard.model_validate(STUB_CARD.model_dump(mode="json") | {"references": of_before})
    assert card.references is None
    past.night(0, ordinary(25), card=card)
    with closing(sqlite3.connect(past.root / "ledger.sqlite")) as db, db:
        kept = json.dumps(STUB_CARD.model_dump(mode="json") | {"references": of_before})
        db.execute("UPDATE batch SET card = ?", (kept,))
    assert not past.check().referenced


def test_references_of_another_form_are_no_card(past: Past) -> None:
    past.night(0, ordinary(25))
    with pytest.raises(ValidationError, match="covid"):
        ModelCard.model_validate(
            CARD.model_dump(mode="json") | {"references": REFERENCES.model_dump(mode="json") | {"scores": {"n": 3}}}
        )


def test_a_night_with_too_few_is_looked_at_with_the_nights_before(past: Past) -> None:
    for day in range(6):
        past.night(day, ordinary(8, seed=day))
    found = past.check(told=past.batches[:-1])
    assert (found.first_day, found.last_day, found.radiographs) == ("2026-03-04", "2026-03-06", 24)
    assert {one.n for one in found.quantities} == {24}


def test_what_no_digest_has_told_of_is_looked_at_together(past: Past) -> None:
    for day in range(3):
        past.night(day, ordinary(30, seed=day))
    assert past.check(told=past.batches[:1]).radiographs == 60
    assert past.check(told=past.batches).radiographs == 30  # also where nothing has come since


def test_a_whole_day_counts_whatever_was_told_of_it(past: Past) -> None:
    for _ in range(3):
        past.night(0, ordinary(25))
    assert past.check(told=past.batches[:2]).radiographs == 75


def test_too_few_in_a_fortnight_say_nothing(past: Past) -> None:
    past.night(0, amid(200))
    past.night(40, amid(6))
    found = past.check(told=past.batches[:1])
    assert (found.radiographs, found.quantities, found.drifted) == (6, (), ())


def test_another_models_radiographs_and_folders_on_demand_do_not_count(past: Past) -> None:
    past.night(0, amid(50), card=STUB_CARD.model_copy(update={"version": "former-1"}))
    past.night(1, ordinary(25))
    past.night(2, amid(50), on_demand=True)
    found = past.check()
    assert (found.radiographs, found.first_day, found.drifted) == (25, "2026-03-02", ())


def test_a_model_without_a_reference_is_said_to_have_none(past: Past) -> None:
    past.night(0, ordinary(25), card=STUB_CARD)
    found = past.check()
    assert (found.referenced, found.quantities, found.radiographs) == (False, (), 25)


def test_where_nothing_was_screened_there_is_nothing_to_compare(past: Past) -> None:
    past.night(0, ordinary(25), on_demand=True)
    assert past.found() is None


def test_a_ledger_of_before_is_read_and_not_taken_for_damaged(past: Past) -> None:
    past.night(0, amid(50))
    with closing(sqlite3.connect(past.root / "ledger.sqlite")) as db, db:
        for column in ("finding", "strangeness", "lung_share"):
            db.execute(f"ALTER TABLE file DROP COLUMN {column}")
    found = past.check()
    assert {one.quantity for one in found.quantities} == {"scores", "refused"}
    assert found.drifted == ("scores",)
