from __future__ import annotations

import fcntl
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cxrscreen.classifier.operating_point import Finding
from cxrscreen.errors import LedgerDamagedError, LedgerError
from cxrscreen.screening import database, leases, schema
from cxrscreen.screening.ledger import Ledger
from cxrscreen.screening.outcomes import BatchRecord, Claim, Outcome, Verdict
from tests.reporting.report_samples import CARD


def batch(batch_id: str, folder: Path = Path("/intake")) -> BatchRecord:
    return BatchRecord(
        batch_id=batch_id,
        folder=folder,
        keeps_source=True,
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
    assert ledger.steps("1", studies=9, files=9) == [["S2", "S1"]]
    ledger.record({f.file_id: Verdict(outcome=Outcome.REFUSED) for f in ledger.files("1", "S2")})
    assert ledger.steps("1", studies=9, files=9) == [["S1"]]


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
    now = leases.time.time()
    monkeypatch.setattr(leases.time, "time", lambda: now + leases.LEASE_SECONDS + 1)
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
    monkeypatch.setattr(database, "LOCK_WAIT_SECONDS", 0.1)
    ledger = Ledger(tmp_path / "l")
    with sqlite3.connect(tmp_path / "l", isolation_level=None) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(LedgerError, match="locked"):
            ledger.end_lease("1")
        other.execute("ROLLBACK")
    other.close()
    ledger.end_lease("1")
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
    with pytest.raises(LedgerDamagedError, match="cxrscreen recover"):
        Ledger(tmp_path / "l")


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
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


@pytest.fixture
def another(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Return what makes this process another machine's."""
    return lambda: monkeypatch.setattr(leases, "this_process", lambda: "elsewhere/1/1")


def test_a_run_that_lost_its_batch_can_write_nothing_of_it_any_more(
    ledger: Ledger, another: Callable[[], None]
) -> None:
    ledger.open_batch(batch("1"), [claim("a"), claim("b", study="T")], {})
    first, second = ledger.files("1")
    ledger.record({first.file_id: Verdict(outcome=Outcome.REFUSED, destination="quarantine/a")})
    another()
    for write in (
        lambda: ledger.record({second.file_id: Verdict(outcome=Outcome.REPORTED)}),
        lambda: ledger.mark_placed(first.file_id),
        lambda: ledger.mark_gone(first.file_id, "gone"),
        lambda: ledger.redirect(first.file_id, "elsewhere"),
        lambda: ledger.leave_pending("1"),
        lambda: ledger.finish_batch("1", "now"),
        lambda: ledger.renew_lease("1"),
        lambda: ledger.take_in_hand("1", ["T"]),
    ):
        with pytest.raises(LedgerError, match="taken over by another run"):
            write()
    ledger.end_lease("1")
    ledger.put_back("1", ["T"])
    assert ledger.batch("1").finished_at is None
    assert [(f.outcome, f.destination, f.placed) for f in ledger.files("1")] == [
        (Outcome.REFUSED, "quarantine/a", False),
        (None, None, False),
    ]
    assert ledger.take_over() is None, "the lease of the other run is as it was"


def test_leftovers_of_a_finished_batch_are_marked_by_any_run(ledger: Ledger, another: Callable[[], None]) -> None:
    ledger.open_batch(batch("1"), [claim("a")], {})
    (file,) = ledger.files("1")
    ledger.record({file.file_id: Verdict(outcome=Outcome.REFUSED, destination="quarantine/a")})
    ledger.finish_batch("1", "now")
    another()
    ledger.mark_placed(file.file_id)
    ledger.mark_gone(file.file_id, "too late")
    assert [(f.placed, f.destination) for f in ledger.files("1")] == [(True, "quarantine/a")]


def test_a_lease_of_before_the_clock_was_put_back_holds_nothing(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger.open_batch(batch("1"), [claim("a")], {})
    now = leases.time.time()
    monkeypatch.setattr(leases.time, "time", lambda: now - leases.LEASE_SECONDS / 2)
    assert ledger.take_over() is None, "machines may differ by minutes"
    monkeypatch.setattr(leases.time, "time", lambda: now - 86_400)
    assert ledger.take_over() == "1"


def test_a_study_that_was_in_hand_when_a_run_died_comes_last_and_alone(ledger: Ledger) -> None:
    ledger.open_batch(batch("1"), [claim(name, study=name) for name in "abcdef"], {})
    assert ledger.steps("1", studies=4, files=10) == [["a", "b", "c", "d"], ["e", "f"]]
    assert ledger.take_in_hand("1", ["a", "b"]) == 0
    assert ledger.take_in_hand("1", ["b"]) == 1
    assert ledger.steps("1", studies=4, files=10) == [["c", "d", "e", "f"], ["a"], ["b"]]
    ledger.put_back("1", ["a", "b"])
    ledger.put_back("1", ["b"])
    assert ledger.steps("1", studies=4, files=10) == [["a", "b", "c", "d"], ["e", "f"]]


def test_a_step_is_bounded_by_files_but_a_study_is_never_cut(ledger: Ledger) -> None:
    claims = [claim(f"{study}{number}", study=study) for study in "abc" for number in range(5)]
    ledger.open_batch(batch("1"), [*claims, claim("d", study="d"), claim("e", study="e")], {})
    assert ledger.steps("1", studies=32, files=3) == [["a"], ["b"], ["c"], ["d", "e"]]
    assert ledger.steps("1", studies=32, files=10) == [["a", "b"], ["c", "d", "e"]]


def test_a_ledger_of_the_first_format_is_brought_up_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    new = ("  meant TEXT", "  tries INTEGER", *(f"  {name} " for name in schema.LATEST))
    old = "\n".join(line for line in schema.TABLES.splitlines() if not line.startswith(new))
    old = old.replace("lease_until REAL NOT NULL, ", "lease_until REAL NOT NULL ").replace(
        "DEFAULT 0,\n);", "DEFAULT 0\n);"
    )
    with sqlite3.connect(tmp_path / "l") as db:
        db.executescript(old)
        db.execute(
            "INSERT INTO batch VALUES ('1', '/i', 0, ?, 'en', 'guided', 'now', NULL, 'o', 0)", [CARD.model_dump_json()]
        )
        db.execute("INSERT INTO file (batch_id, name) VALUES ('1', 'a')")
        db.execute("PRAGMA user_version = 1")
    db.close()
    with monkeypatch.context() as broken:
        broken.setattr(schema, "MIGRATIONS", {1: schema.MIGRATIONS[1] + ";\nALTER TABLE nothing ADD COLUMN x"})
        with pytest.raises(LedgerError):
            Ledger(tmp_path / "l")
    with sqlite3.connect(tmp_path / "l") as db:
        assert db.execute("PRAGMA user_version").fetchone() == (1,)
        assert len(db.execute("PRAGMA table_info(file)").fetchall()) == 13
    db.close()
    ledger, fresh = Ledger(tmp_path / "l"), Ledger(tmp_path / "new")
    assert ledger.batch("1").meant == ""
    assert [f.tries for f in ledger.files("1")] == [0]
    for table in ("batch", "file"):
        columns = [
            [tuple(row)[1:] for row in one._database.rows(f"PRAGMA table_info({table})")] for one in (ledger, fresh)
        ]
        assert columns[0] == columns[1]
    ledger.close()
    fresh.close()


def test_a_ledger_of_the_second_format_keeps_its_findings(tmp_path: Path) -> None:
    latest = tuple(f"  {name} " for name in schema.LATEST)
    old = "\n".join(line for line in schema.TABLES.splitlines() if not line.startswith(latest))
    with sqlite3.connect(tmp_path / "l") as db:
        db.executescript(old.replace("DEFAULT 0, --", "DEFAULT 0 --"))
        db.execute(
            "INSERT INTO batch VALUES ('1', '/i', 0, ?, 'en', 'guided', 'now', NULL, 'o', 0, '')",
            [CARD.model_dump_json()],
        )
        for name, positive in (("a", 1), ("b", 0), ("c", None)):
            db.execute("INSERT INTO file (batch_id, name, positive) VALUES ('1', ?, ?)", (name, positive))
        db.execute("PRAGMA user_version = 2")
    db.close()
    ledger = Ledger(tmp_path / "l")
    assert [file.finding for file in ledger.files("1")] == [Finding.POSITIVE, Finding.NEGATIVE, None]
    assert {(file.strangeness, file.lung_share, file.review) for file in ledger.files("1")} == {(None, None, ())}
    ledger.close()


@pytest.mark.parametrize("damage", ["truncated", "overwritten", "text"])
def test_a_damaged_ledger_is_said_to_be_damaged(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "l"
    ledger = Ledger(path)
    ledger.open_batch(batch("1"), [claim(f"{n:04}") for n in range(2000)], {})
    ledger.close()
    content = bytearray(path.read_bytes())
    if damage == "truncated":
        path.write_bytes(content[: len(content) // 2])
    elif damage == "overwritten":
        path.write_bytes(content[:8192] + os.urandom(len(content) - 8192))
    else:
        with sqlite3.connect(path) as db:
            db.execute("UPDATE batch SET card = '{'")
        db.close()
    with pytest.raises(LedgerDamagedError, match="cxrscreen recover"):  # noqa: PT012  # whichever of them notices
        ledger = Ledger(path)
        ledger.check()
        ledger.batch("1")


def test_another_programs_database_is_left_alone(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "l") as db:
        db.execute("CREATE TABLE theirs (x)")
    db.close()
    with pytest.raises(LedgerError, match="another program"):
        Ledger(tmp_path / "l")


def test_who_rebuilds_the_ledger_keeps_the_others_out(tmp_path: Path) -> None:
    Ledger(tmp_path / "l").close()
    with (tmp_path / "l.lock").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(LedgerError, match="being rebuilt"):
            Ledger(tmp_path / "l")
    ledger = Ledger(tmp_path / "l")
    with (tmp_path / "l.lock").open("ab") as lock, pytest.raises(BlockingIOError):
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    ledger.close()


def test_a_file_that_waits_for_weeks_has_one_row_with_the_last_batch_that_saw_it(ledger: Ledger) -> None:
    for number in range(3):
        ledger.open_batch(batch(f"{number}"), [claim(f"c{number}")], {"link": f"cause {number}", "part": "cause"})
        assert {f.name for f in ledger.files(f"{number}")} == {f"c{number}", "link", "part"}
        ledger.finish_batch(f"{number}", "now")
    assert [f.name for f in ledger.files("1")] == ["c1"]
    assert [(f.name, f.detail) for f in ledger.files("2")] == [("c2", ""), ("link", "cause 2"), ("part", "cause")]


def test_a_file_that_waits_anew_or_elsewhere_has_a_row_anew(ledger: Ledger) -> None:
    ledger.open_batch(batch("1"), [claim("a")], {"b": "waits", "c": "waits"})
    ledger.open_batch(batch("2"), [claim("d")], {"b": "waits"})
    assert [f.name for f in ledger.files("1")] == ["a", "b", "c"], "its report is still to be written"
    for number in "12":
        ledger.finish_batch(number, "now")
    ledger.open_batch(batch("3", Path("/elsewhere")), [claim("d")], {"c": "waits"})
    ledger.open_batch(batch("4"), [claim("c")], {})
    ledger.record({ledger.files("4")[0].file_id: Verdict(outcome=Outcome.REPORTED)})
    ledger.finish_batch("4", "now")
    ledger.open_batch(batch("5"), [claim("e")], {"c": "waits"})
    assert [len(ledger.files(number)) for number in "12345"] == [3, 2, 2, 1, 2]


def test_a_second_connection_of_the_same_process_leaves_the_locks_of_the_first(tmp_path: Path) -> None:
    first = database.Database(tmp_path / "l")
    write = f"import sqlite3; sqlite3.connect({os.fspath(tmp_path / 'l')!r}, timeout=0).execute('BEGIN IMMEDIATE')"
    with first.transaction():
        second = database.Database(tmp_path / "l")
        other = subprocess.run([sys.executable, "-c", write], capture_output=True, text=True, check=False)
        assert "database is locked" in other.stderr
        second.close()
    first.close()
