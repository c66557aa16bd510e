"""The self-test and its record; the real model is examined in tests/test_cli.py."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from cxrscreen.classifier.card import GoldenScore
from cxrscreen.screening import golden
from cxrscreen.screening.session import Session
from cxrscreen.screening.stopped import note_stop, stop_of
from cxrscreen.settings import Settings, load_settings
from cxrscreen.upkeep import doctor
from cxrscreen.upkeep.self_test import Finding, read_self_test, run_self_test
from tests.fakes import STUB_CARD, stub_session
from tests.upkeep.lived_in import interrupt


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(tmp_path / "w")


@pytest.fixture(autouse=True)
def _one_check(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "examine", lambda _session: [Finding("fonts", healthy=True, detail="embedded")])


def test_a_self_test_is_kept_for_whoever_asks_later(settings: Settings) -> None:
    tested = run_self_test(settings)
    assert tested.healthy
    assert tested.model == "standard-2"
    assert read_self_test(settings.workspace) == tested
    assert (settings.workspace / "self-test.json").stat().st_mode & 0o777 == 0o600


def test_a_check_that_fails_makes_the_installation_unfit(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    findings = [Finding("fonts", healthy=False, detail="none"), Finding("model", healthy=True, detail="")]
    monkeypatch.setattr(doctor, "examine", lambda _session: findings)
    assert not run_self_test(settings).healthy
    kept = read_self_test(settings.workspace)
    assert kept is not None
    assert [finding.subject for finding in kept.failed] == ["fonts"]


def test_a_workspace_that_cannot_be_opened_is_a_finding(settings: Settings) -> None:
    run_self_test(settings)
    shutil.rmtree(settings.workspace / "quarantine")
    (settings.workspace / "quarantine").write_bytes(b"in the way")
    tested = run_self_test(settings)
    assert not tested.healthy
    assert "quarantine is gone, or is not the folder" in tested.failed[0].detail
    assert read_self_test(settings.workspace) == tested


def test_a_result_that_cannot_be_kept_is_told_all_the_same(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_path: Path, _content: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("cxrscreen.upkeep.self_test.write_file", full)
    tested = run_self_test(settings)
    assert not tested.healthy
    assert "No space left on device" in tested.failed[0].detail


def test_a_check_that_breaks_does_not_hide_the_others(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()

    def broken(_session: Session) -> list[Finding]:
        raise RuntimeError("no fonts at all")

    monkeypatch.setattr(doctor, "_fonts", broken)
    monkeypatch.setattr(doctor, "_model", lambda _session: [Finding("model", healthy=True, detail="")])
    tested = run_self_test(settings)
    assert [finding.subject for finding in tested.failed] == ["fonts"]
    assert {"workspace", "model", "numpy"} <= {finding.subject for finding in tested.findings if finding.healthy}


@pytest.mark.parametrize(("of", "left"), [(STUB_CARD.version, False), ("bad-1", True)])
def test_a_model_that_passes_clears_its_own_stop_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, of: str, left: bool
) -> None:
    small = golden.GoldenChange(phantoms=1, score=0.0, log_odds=0.0)
    monkeypatch.setattr(doctor, "golden_change", lambda *_: small)
    with stub_session(tmp_path / "w") as session:
        scored = STUB_CARD.model_copy(update={"golden": (GoldenScore(phantom_seed=1, opacities=False, score=0.5),)})
        (tmp_path / "w" / "models" / STUB_CARD.version / "card.json").write_text(scored.model_dump_json())
        note_stop(tmp_path / "w", of, "The self-test before screening failed.")
        found = list(doctor._model(session))
    assert [(finding.subject, finding.healthy) for finding in found] == [("model", True), ("golden phantoms", True)]
    assert (stop_of(tmp_path / "w") is not None) == left


def test_of_a_model_without_golden_scores_the_self_test_says_so(tmp_path: Path) -> None:
    with stub_session(tmp_path / "w") as session:
        *_, found = doctor._model(session)
    assert found.healthy
    assert "none on the card" in found.detail


@pytest.mark.parametrize(("change", "told"), [(0.0, []), (0.01, ["interrupted batch"])])
def test_an_interrupted_batch_whose_model_scores_otherwise_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: float, told: list[str]
) -> None:
    moved = golden.GoldenChange(phantoms=1, score=change, log_odds=0.0)
    monkeypatch.setattr(doctor, "golden_change", lambda *_: moved)
    scored = STUB_CARD.model_copy(update={"golden": (GoldenScore(phantom_seed=1, opacities=False, score=0.5),)})
    with stub_session(tmp_path / "w") as session:
        batch_id = interrupt(session)
        session.ledger._write("UPDATE batch SET card = :card", {"card": scored.model_dump_json()})
        found = list(doctor._interrupted(session))
    assert [finding.subject for finding in found] == told
    assert all(finding.healthy and batch_id in finding.detail for finding in found)  # it rights itself
