from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cxrscreen.errors import LedgerError
from cxrscreen.screening import ledger as ledger_module
from cxrscreen.screening.ledger import Ledger
from cxrscreen.screening.outcomes import BatchRecord, Claim, Outcome, Verdict
from tests.reporting.report_samples import CARD


def batch(batch_id: str, folder: Path = Path("/intake")) -> BatchRecord:
    return BatchRecord(
        batch_id=batch_id,
        folder=folder,
        keeps_source=False,
        card=CARD,
        language="en",
        explanation="guided",
        started_at=f"2026-01-01 {batch_id}",
        finished_at=None,
    )


def claim(name: str, sha256: str = "", study: str = "S") -> Claim:
    return Claim(name=name, sha256=sha256 or name, study_key=study)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    opened = Ledger(tmp_path / "ledger.sqlite")
    yield opened
    opened.close()


def test_a_file_is_claimed_by_one_living_batch_only(ledger: Ledger) -> None:
    ledger.open_batch(batch("1"), [claim("a"), claim("b")], {})
    ledger.open_batch(batch("2"), [claim("b"), claim("c")], {})
    assert {f.name: f.outcome for f in ledger.files("2")} == {"b": Outcome.PENDING, "c": None}


def test_a_batch_gives_back_what_it_did_not_decide(ledger: Ledger) -> None:
    ledger.open_batch(batch("1"), [claim("a")], {})
    ledger.leave_pending("1")
    assert ledger.files("1")[0].outcome is Outcome.PENDING
    ledger.open_batch(batch("2"), [claim("a")], {})
    assert ledger.files("2")[0].outcome is None


def test_the_same_name_in_two_folders_is_two_files(ledger: Ledger) -> None:
    ledger.open_batch(batch("1"), [claim("a")], {})
    ledger.open_batch(batch("2", Path("/elsewhere")), [claim("a")], {})
    assert ledger.files("2")[0].outcome is None


def test_waiting_files_are_counted_with_their_cause(ledger: Ledger) -> None:
    ledger.open_batch(batch("1"), [], {"a": "still being written"})
    (file,) = ledger.files("1")
    assert (file.outcome, file.detail) == (Outcome.PENDING, "still being written")


def test_studies_come_in_the_order_of_their_first_file_until_they_are_decided(ledger: Ledger) -> None:
    ledger.open_batch(batch("1"), [claim("a", study="S2"), claim("b", study="S1"), claim("c", study="S2")], {})
    assert ledger.unscreened_studies("1") == ["S2", "S1"]
    ledger.record({f.file_id: Verdict(outcome=Outcome.REFUSED) for f in ledger.files("1", "S2")})
    assert ledger.unscreened_studies("1") == ["S1"]


def test_content_is_reported_once_and_a_second_report_becomes_a_duplicate(ledger: Ledger) -> None:
    for number in ("1", "2"):
        ledger.open_batch(batch(number, Path(f"/{number}")), [claim("a", sha256="same")], {})
    for number in ("1", "2"):
        verdict = Verdict(outcome=Outcome.REPORTED, report=f"r{number}")
        ledger.record({ledger.files(number)[0].file_id: verdict})
    assert ledger.files("2")[0].outcome is Outcome.DUPLICATE
    known = ledger.first_report("same")
    assert known is not None
    assert known.batch_id == "1"
    assert ledger.files("2")[0].report == "r1"


def test_an_outcome_is_unplaced_until_it_is_marked(ledger: Ledger) -> None:
    ledger.open_batch(batch("1"), [claim("a")], {})
    (file,) = ledger.files("1")
    ledger.record({file.file_id: Verdict(outcome=Outcome.REFUSED, destination="quarantine/a")})
    assert [f.destination for f in ledger.unplaced("1")] == ["quarantine/a"]
    assert ledger.claimed_names(Path("/intake")) == {"a"}
    ledger.mark_placed(file.file_id)
    assert ledger.unplaced("1") == []
    assert ledger.claimed_names(Path("/intake")) == set()


def test_only_a_batch_whose_lease_has_run_out_is_taken_over_and_only_once(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger.open_batch(batch("1"), [claim("a")], {})
    assert ledger.take_over() is None
    now = ledger_module.time.time()
    monkeypatch.setattr(ledger_module.time, "time", lambda: now + ledger_module.LEASE_SECONDS + 1)
    assert ledger.take_over() == "1"
    assert ledger.take_over() is None


def test_what_is_decided_stays_so_when_a_run_that_lost_its_lease_comes_late(ledger: Ledger) -> None:
    ledger.open_batch(batch("1"), [claim("a")], {})
    (file,) = ledger.files("1")
    ledger.record({file.file_id: Verdict(outcome=Outcome.REPORTED, report="r")})
    ledger.record({file.file_id: Verdict(outcome=Outcome.REPORTED, report="late")})
    assert [(f.outcome, f.report) for f in ledger.files("1")] == [(Outcome.REPORTED, "r")]


def test_a_name_that_is_no_valid_text_comes_back_as_it_was(ledger: Ledger) -> None:
    name = os.fsdecode(b"M\xfcller.png")
    ledger.open_batch(batch("1"), [claim(name, sha256="x")], {})
    (file,) = ledger.files("1")
    ledger.record({file.file_id: Verdict(outcome=Outcome.REFUSED, destination=f"quarantine/{name}")})
    assert ledger.claimed_names(Path("/intake")) == {name}
    assert [f.destination for f in ledger.unplaced("1")] == [f"quarantine/{name}"]


def test_a_batch_of_a_process_that_is_gone_is_taken_over_at_once(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    with monkeypatch.context() as dead:
        dead.setattr(os, "getpid", lambda: gone.pid)
        ledger.open_batch(batch("1"), [claim("a")], {})
    assert ledger.take_over(but=["1"]) is None
    assert ledger.take_over() == "1"


def test_copies_that_fail_together_count_as_one_failure(ledger: Ledger) -> None:
    ledger.open_batch(batch("1"), [claim("a", "same"), claim("b", "same")], {})
    ledger.record({f.file_id: Verdict(outcome=Outcome.FAILED) for f in ledger.files("1")})
    assert ledger.failures("same") == 1


def test_a_ledger_that_another_program_holds_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger_module, "LOCK_WAIT_SECONDS", 0.1)
    ledger = Ledger(tmp_path / "l")
    with sqlite3.connect(tmp_path / "l", isolation_level=None) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(LedgerError, match="locked"):
            ledger.renew_lease("1")
        other.execute("ROLLBACK")
    other.close()
    ledger.renew_lease("1")
    ledger.close()


def test_a_failed_transaction_leaves_nothing(ledger: Ledger) -> None:
    with pytest.raises(LedgerError, match="UNIQUE"):
        ledger.open_batch(batch("1"), [claim("a"), claim("a")], {})
    with pytest.raises(LedgerError, match="knows no batch"):
        ledger.batch("1")


def test_a_ledger_of_another_format_is_refused(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "l") as db:
        db.execute("PRAGMA user_version = 99")
    db.close()
    with pytest.raises(LedgerError, match="format 99"):
        Ledger(tmp_path / "l")


def test_a_file_that_is_no_ledger_is_refused(tmp_path: Path) -> None:
    (tmp_path / "l").write_bytes(b"no database at all" * 100)
    with pytest.raises(LedgerError, match="backup"):
        Ledger(tmp_path / "l")


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(outcomes=st.lists(st.sampled_from([*Outcome, None]), max_size=12))
def test_whatever_is_decided_every_file_is_counted_once(
    tmp_path_factory: pytest.TempPathFactory, outcomes: list[Outcome | None]
) -> None:
    ledger = Ledger(tmp_path_factory.mktemp("ledger") / "l")
    ledger.open_batch(batch("1"), [claim(f"{i:02}") for i in range(len(outcomes))], {})
    decided = zip(ledger.files("1"), outcomes, strict=True)
    ledger.record({file.file_id: Verdict(outcome=outcome) for file, outcome in decided if outcome})
    ledger.leave_pending("1")
    assert [f.outcome for f in ledger.files("1")] == [outcome or Outcome.PENDING for outcome in outcomes]
    ledger.close()
