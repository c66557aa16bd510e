"""What digest and status say of drift and of uncertain studies."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from html.parser import HTMLParser
from pathlib import Path

import pytest
import typer
from rich.console import Console

from cxrscreen.cli import console, overview
from cxrscreen.reporting.digest import ComparedQuantity, Digest, DriftCheck
from cxrscreen.reporting.digest_page import compose_digest_page
from cxrscreen.reporting.words import load_words
from cxrscreen.screening.screen import screen
from cxrscreen.upkeep import drifting
from cxrscreen.upkeep.digest import WrittenDigest
from cxrscreen.upkeep.status import status_of
from tests.fakes import draw_png, stub_session
from tests.upkeep.test_digest import settings_for, written

DRIFTED = DriftCheck(
    model="standard-2",
    referenced=True,
    first_day="2026-03-01",
    last_day="2026-03-04",
    radiographs=1234,
    prevalence=0.02,
    best_share=0.31,
    quantities=(
        ComparedQuantity(quantity="scores", n=1234, reference_n=213, psi=0.61, p=1e-9, difference=0.4, drifted=True),
        ComparedQuantity(
            quantity="strangeness", n=1234, reference_n=213, psi=0.02, p=0.4, difference=0.1, drifted=False
        ),
        ComparedQuantity(quantity="refused", n=1300, reference_n=213, psi=None, p=2e-5, difference=0.15, drifted=True),
    ),
)
SCORES_SENTENCE = "The scores of 2026-03-01 to 2026-03-04 are not spread as where 2 % have COVID-19"


class Text(HTMLParser):
    """The words of a page."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.said = ""
        self.feed(page.read_text(encoding="utf-8"))

    def handle_data(self, data: str) -> None:
        self.said += f"{data.strip()} " if data.strip() else ""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    with stub_session(tmp_path / "w") as session:
        for number in range(3):
            draw_png(tmp_path / "w" / "intake" / f"{number}.png", 30 + 40 * number)
        screen(session)
    return tmp_path / "w"


@pytest.fixture
def drifted(root: Path, monkeypatch: pytest.MonkeyPatch) -> WrittenDigest:
    monkeypatch.setattr(drifting, "drift_of_days", lambda *_, **__: DRIFTED)
    return written(root)


def test_drift_is_said_on_the_page_and_asks_for_a_person(drifted: WrittenDigest) -> None:
    assert [sentence.split(" of ")[0] for sentence in drifted.digest.must_act] == ["The scores", "Of the files"]
    said = Text(drifted.html).said
    assert SCORES_SENTENCE in said
    assert "1,234 radiographs from the intake, 1 March 2026 to 4 March 2026, were compared" in said
    assert "Compared as if 2\u00a0% of the card's radiographs showed COVID-19" in said
    assert "The scores look most like 31\u00a0%" in said
    assert "Scores 1,234 213 0.61 < 0.001 0.40 yes" in said
    assert "Strangeness 1,234 213 0.02 0.400 0.10 no" in said
    assert "Share refused by the gate 1,300 213 < 0.001 0.15 yes" in said


def test_the_page_says_it_in_indonesian_too(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drifting, "drift_of_days", lambda *_, **__: DRIFTED)
    found = written(root, language="id")
    said = Text(found.html).said
    assert "Skor 1.234 213 0,61 < 0,001 0,40 ya" in said
    assert "Sebaran skor 2026-03-01 sampai 2026-03-04 tidak seperti di tempat dengan 2 % COVID-19" in said
    assert "The scores of" not in said


def test_the_status_names_what_has_drifted(root: Path, drifted: WrittenDigest, monkeypatch: pytest.MonkeyPatch) -> None:
    found = status_of(settings_for(root))
    assert SCORES_SENTENCE in found.must_act[0]
    assert found.digest is not None
    assert found.digest.drift == drifted.digest.drift
    screen_of = Console(width=120, record=True)
    for module in (console, overview):
        monkeypatch.setattr(module, "out", screen_of)
    monkeypatch.setattr(overview, "load_settings", lambda _w: settings_for(root))
    with pytest.raises(typer.Exit):
        overview.status(workspace=root)
    assert "drift scores, refused, 1,234 radiographs of 2026-03-01 to 2026-03-04" in " ".join(
        screen_of.export_text().split()
    )


def test_a_digest_written_again_speaks_of_now(
    root: Path, drifted: WrittenDigest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drifting, "drift_of_days", lambda *_, **__: DRIFTED.model_copy(update={"quantities": ()}))
    assert drifted.digest.must_act
    assert written(root).digest.must_act == ()


def test_phantoms_of_a_demonstration_are_not_compared(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drifting, "drift_of_days", lambda *_, **__: pytest.fail("compared"))
    assert written(root, demonstration=True).digest.drift is None


@pytest.mark.parametrize(
    ("check", "words"),
    [
        ({"referenced": False}, "The card of standard-2 does not say what to compare with"),
        ({"radiographs": 7}, "Too few radiographs to tell whether they have changed: 7"),
        ({"quantities": DRIFTED.quantities[1:2]}, "no drift was found"),
    ],
)
def test_what_cannot_be_told_is_said(drifted: WrittenDigest, check: dict[str, object], words: str) -> None:
    one = DRIFTED.model_copy(update={"quantities": ()} | check)
    page = compose_digest_page(drifted.digest.model_copy(update={"drift": one}), load_words("en"))
    assert words in page.drift_summary


def test_where_the_settings_say_no_share_the_page_says_what_that_costs(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unstated = DRIFTED.model_copy(update={"prevalence": None})
    monkeypatch.setattr(drifting, "drift_of_days", lambda *_, **__: unstated)
    found = written(root)
    assert "spread as those of no mixture" in found.digest.must_act[0]
    said = Text(found.html).said
    assert "as if it were 31\u00a0%, which fits the scores best" in said
    assert "a shift that looks like more or less COVID-19 is not seen" in said
    said = Text(written(root, language="id").html).said
    assert "tidak seperti campuran mana pun" in said
    assert "of no mixture" not in said


def test_the_share_of_the_settings_is_what_days_are_compared_with(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []
    monkeypatch.setattr(drifting, "drift_of_days", lambda *_, **chosen: asked.append(chosen["prevalence"]))
    written(root, prevalence=0.07)
    written(root)
    assert asked == [0.07, None]


def test_digests_of_before_are_read(drifted: WrittenDigest) -> None:
    record = drifted.digest.model_dump(mode="json")
    del record["drift"], record["uncertain"], record["review"]
    assert Digest.model_validate(record).drift is None
    record = drifted.digest.model_dump(mode="json")
    del record["drift"]["prevalence"], record["drift"]["best_share"]
    assert Digest.model_validate(record).drift is not None


def test_uncertain_studies_are_listed_beside_the_flagged_ones(root: Path) -> None:
    with closing(sqlite3.connect(root / "ledger.sqlite")) as db, db:
        db.execute("UPDATE file SET positive = 0, finding = 'negative'")
        db.execute("UPDATE file SET finding = 'uncertain' WHERE name = '1.png'")
        db.execute("UPDATE file SET positive = 1, finding = 'positive' WHERE name = '2.png'")
    found = written(root)
    assert (len(found.digest.flagged), len(found.digest.uncertain)) == (1, 1)
    assert found.digest.flagged[0].study != found.digest.uncertain[0].study
    said = Text(found.html).said
    assert f"a human reads: 1. {found.digest.uncertain[0].study}" in said


@pytest.mark.parametrize(
    ("language", "words"), [("en", "a reason not to rely on that: 1."), ("id", "untuk tidak mengandalkannya: 1.")]
)
def test_a_negative_study_that_a_person_should_look_at_is_listed(root: Path, language: str, words: str) -> None:
    with closing(sqlite3.connect(root / "ledger.sqlite")) as db, db:
        db.execute("UPDATE file SET positive = 0, finding = 'negative'")
        db.execute("UPDATE file SET review = 'It may be mirrored.' WHERE name != '0.png'")
        db.execute("UPDATE file SET positive = 1, finding = 'positive' WHERE name = '2.png'")
        ((study,),) = db.execute("SELECT study_key FROM file WHERE name = '1.png'").fetchall()
    found = written(root, language=language)
    assert [one.study for one in found.digest.review] == [study]  # the flagged one stands in the list above
    assert f"{words} {study}" in Text(found.html).said


def test_a_ledger_of_before_there_were_reasons_to_look_again_lists_none(root: Path) -> None:
    with closing(sqlite3.connect(root / "ledger.sqlite")) as db, db:
        db.execute("ALTER TABLE file RENAME COLUMN review TO former")
    assert written(root).digest.review == ()


def test_a_status_with_drift_still_fits_one_screen(
    lived_in: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(drifting, "drift_of_days", lambda *_, **__: DRIFTED)
    written(lived_in)
    monkeypatch.setenv("CXRSCREEN_WAITING_HOURS", "1e-9")
    monkeypatch.setenv("CXRSCREEN_MIN_FREE_MEGABYTES", "1000000")
    with (tmp_path / "said").open("w") as file:
        screen_80 = Console(width=80, record=True, file=file)
        for module in (console, overview):
            monkeypatch.setattr(module, "out", screen_80)
        with pytest.raises(typer.Exit):
            overview.status(workspace=lived_in)
    assert len(screen_80.export_text().splitlines()) <= 24
