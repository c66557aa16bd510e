"""A ledger that is really damaged, rebuilt from what lies in the folders, and screened on with."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import random
import signal
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from cxrscreen.cli import upkeep
from cxrscreen.errors import LedgerError, WorkspaceError
from cxrscreen.screening.outcomes import Outcome
from cxrscreen.screening.screen import resume, screen
from cxrscreen.upkeep.backup import backup
from cxrscreen.upkeep.recover import recover
from cxrscreen.upkeep.restore import restore
from cxrscreen.upkeep.status import status_of
from cxrscreen.workspace import FOLDER_MARK, Workspace, open_workspace
from tests.fakes import StubClassifier, draw_png, stub_session
from tests.reporting.report_samples import CARD
from tests.upkeep.lived_in import every_file, rows, settings_of

Damage = Callable[[Path], None]


def zeroed(ledger: Path) -> None:
    ledger.write_bytes(bytes(ledger.stat().st_size))


def emptied(ledger: Path) -> None:
    ledger.write_bytes(b"")


def deleted(ledger: Path) -> None:
    ledger.unlink()


def cut_in_half(ledger: Path) -> None:
    content = ledger.read_bytes()
    ledger.write_bytes(content[: len(content) // 2])


def pages_overwritten(ledger: Path) -> None:
    """Overwrite half of the pages, but not the first, at random."""
    content, noise = bytearray(ledger.read_bytes()), random.Random(7)  # noqa: S311  # no secret
    pages = range(1, len(content) // 4096)
    for page in noise.sample(pages, len(pages) // 2):
        content[4096 * page : 4096 * (page + 1)] = noise.randbytes(4096)
    ledger.write_bytes(bytes(content))


def head_overwritten(ledger: Path) -> None:
    content = bytearray(ledger.read_bytes())
    content[:200] = random.Random(7).randbytes(200)  # noqa: S311  # no secret
    ledger.write_bytes(bytes(content))


DAMAGES = (zeroed, emptied, deleted, cut_in_half, pages_overwritten, head_overwritten)
ALWAYS_KNOWN = (
    "batch_id",
    "name",
    "outcome",
    "reason",
    "detail",
    "score",
    "positive",
    "report",
    "destination",
    "placed",
)


def placed_or_reported(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return what must be known of each file that has been moved or reported, whatever the damage."""
    return [
        {name: row[name] for name in (*ALWAYS_KNOWN, "sha256", "study_key")}
        for row in found
        if row["destination"] is not None or row["outcome"] == "reported"
    ]


@pytest.mark.parametrize("damage", DAMAGES)
def test_after_any_damage_every_moved_or_reported_file_has_its_row_again(lived_in: Path, damage: Damage) -> None:
    ledger = lived_in / "ledger.sqlite"
    before = rows(ledger)
    damage(ledger)
    done = recover(settings_of(lived_in))
    assert done.rewritten
    assert placed_or_reported(rows(ledger)) == placed_or_reported(before)
    assert ledger.stat().st_mode & 0o777 == 0o600
    with closing(sqlite3.connect(ledger)) as db:
        assert db.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
    # Of the finished batches, no file is missing: reports tell of those that were never moved.
    finished = {row["batch_id"] for row in before} - set(done.unfinished)
    told = [{name: row[name] for name in ("batch_id", "name", "outcome", "report")} for row in before]
    again = [{name: row[name] for name in ("batch_id", "name", "outcome", "report")} for row in rows(ledger)]
    counted, expected = (
        [row for row in found if row["batch_id"] in finished and row["outcome"] != "pending"] for found in (again, told)
    )
    assert counted == expected
    waiting = [{row["name"] for row in found if row["outcome"] == "pending"} for found in (again, told)]
    assert waiting[0] == waiting[1]  # though the last batch that saw it wait may have told nobody


@pytest.mark.parametrize("damage", [zeroed, deleted, pages_overwritten])
def test_screening_goes_on_after_a_recovery_as_if_nothing_had_been(lived_in: Path, damage: Damage) -> None:
    files = every_file(lived_in)
    damage(lived_in / "ledger.sqlite")
    (unfinished,) = recover(settings_of(lived_in)).unfinished
    draw_png(lived_in / "intake" / "copy of the first.png", 20)
    stub = StubClassifier()
    with stub_session(lived_in, stub) as session:
        (resumed,) = resume(session)
        _, summary = screen(session)
        assert session.ledger.take_over() is None
    assert resumed.batch_id == unfinished
    assert resumed.tally.reported >= 1
    outcomes = {f.name: f for batch in (resumed, summary) if batch is not None for f in batch.files}
    assert outcomes["reported.png"].outcome is Outcome.REPORTED
    assert outcomes["open.png"].outcome is Outcome.REPORTED
    assert outcomes["copy of the first.png"].outcome is Outcome.DUPLICATE
    assert sum(stub.calls) == 2  # open.png and failing.png; what was reported is not screened again
    assert not (lived_in / "intake" / "reported.png").exists()
    assert len(every_file(lived_in)) == len(files) + 1
    assert set(every_file(lived_in)) == set(files)


def test_what_can_still_be_read_of_a_damaged_ledger_is_used(lived_in: Path) -> None:
    ledger = lived_in / "ledger.sqlite"
    before = rows(ledger)
    with closing(sqlite3.connect(ledger)) as db:
        page_bytes = db.execute("PRAGMA page_size").fetchone()[0]
        index = db.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'file_by_content'").fetchone()[0]
    content = bytearray(ledger.read_bytes())
    content[page_bytes * (index - 1) : page_bytes * index] = bytes(page_bytes)
    ledger.write_bytes(bytes(content))
    done = recover(settings_of(lived_in))
    assert done.before == done.after
    assert done.lost == ()
    assert rows(ledger) == before


def test_a_damaged_page_does_not_hide_the_rows_behind_it(tmp_path: Path) -> None:
    with stub_session(tmp_path) as session:
        draw_png(tmp_path / "intake" / "one.png", 20)
        screen(session)
    ledger = tmp_path / "ledger.sqlite"
    with closing(sqlite3.connect(ledger)) as db, db:
        (batch_id,) = db.execute("SELECT batch_id FROM batch").fetchone()
        db.executemany(
            "INSERT INTO file (batch_id, name, sha256, outcome, detail) VALUES (?, ?, ?, 'failed', 'some trouble')",
            [(batch_id, f"{n:05}.png", f"{n:064x}") for n in range(5000)],
        )
        page_bytes = db.execute("PRAGMA page_size").fetchone()[0]
    content = bytearray(ledger.read_bytes())
    page = content.find(b"02500.png") // page_bytes
    content[page * page_bytes : (page + 1) * page_bytes] = bytes(page_bytes)
    ledger.write_bytes(bytes(content))
    done = recover(settings_of(tmp_path))
    assert 4900 < done.after["failed"] < 5000
    assert done.after["reported"] == 1


def test_the_damaged_ledger_and_its_journal_are_kept_unchanged(lived_in: Path) -> None:
    ledger = lived_in / "ledger.sqlite"
    pages_overwritten(ledger)
    journal = lived_in / "ledger.sqlite-journal"
    journal.write_bytes(b"what an interrupted change has left")
    damaged = ledger.read_bytes()
    done = recover(settings_of(lived_in))
    assert done.set_aside is not None
    assert done.set_aside.name.startswith("ledger.sqlite.damaged-")
    assert done.set_aside.read_bytes() == damaged
    assert (
        done.set_aside.with_name(f"{done.set_aside.name}-journal").read_bytes()
        == b"what an interrupted change has left"
    )
    assert not journal.exists()


def test_a_second_recovery_changes_nothing(lived_in: Path) -> None:
    zeroed(lived_in / "ledger.sqlite")
    first = recover(settings_of(lived_in))
    content = (lived_in / "ledger.sqlite").read_bytes()
    second = recover(settings_of(lived_in))
    assert not second.rewritten
    assert second.set_aside is None
    assert (second.before, second.unfinished) == (first.after, first.unfinished)
    assert (lived_in / "ledger.sqlite").read_bytes() == content
    assert len(list(lived_in.glob("ledger.sqlite.damaged-*"))) == 1


def test_a_sound_ledger_is_left_as_it_is(lived_in: Path) -> None:
    content = (lived_in / "ledger.sqlite").read_bytes()
    done = recover(settings_of(lived_in))
    assert (done.rewritten, done.set_aside, done.lost) == (False, None, ())
    assert (lived_in / "ledger.sqlite").read_bytes() == content


def test_a_sound_ledger_that_lost_its_last_night_gets_it_back(lived_in: Path) -> None:
    ledger = lived_in / "ledger.sqlite"
    old = ledger.read_bytes()
    with stub_session(lived_in) as session:
        resume(session)
        screen(session)
    now = rows(ledger)
    ledger.write_bytes(old)  # e.g. an older copy put back by hand
    done = recover(settings_of(lived_in))
    assert done.rewritten
    assert placed_or_reported(rows(ledger)) == placed_or_reported(now)


@pytest.mark.parametrize("step", ["salvage", "write_ledger", "_set_aside"])
def test_a_recovery_that_is_killed_can_be_repeated(lived_in: Path, step: str) -> None:
    ledger = lived_in / "ledger.sqlite"
    before = rows(ledger)
    pages_overwritten(ledger)
    killed_after(step, lived_in)
    recover(settings_of(lived_in))
    assert placed_or_reported(rows(ledger)) == placed_or_reported(before)
    assert [path.name for path in lived_in.glob("ledger.sqlite-*")] == []


def killed_after(step: str, root: Path) -> None:
    """Recover in a process that dies without warning once ``step`` is done."""
    if (child := os.fork()) == 0:
        from cxrscreen.upkeep import recover as recovering  # noqa: PLC0415  # patched in the child alone

        function = getattr(recovering, step)

        def last(*given: object, **named: object) -> object:
            result = function(*given, **named)
            os.kill(os.getpid(), signal.SIGKILL)
            return result

        setattr(recovering, step, last)
        try:
            recover(settings_of(root))
        finally:
            os._exit(3)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status)
    assert os.WTERMSIG(status) == signal.SIGKILL


def test_while_a_run_lives_nothing_is_recovered(lived_in: Path) -> None:
    with stub_session(lived_in) as session:
        assert session.ledger.take_over() is not None
        with pytest.raises(LedgerError):
            recover(settings_of(lived_in))


def test_a_batch_in_the_hands_of_another_machine_is_respected(lived_in: Path) -> None:
    with closing(sqlite3.connect(lived_in / "ledger.sqlite")) as db, db:
        db.execute(
            "UPDATE batch SET owner = 'elsewhere:1/2/3', lease_until = unixepoch() + 100 WHERE finished_at IS NULL"
        )
    with pytest.raises(LedgerError, match="in the hands of a run"):
        recover(settings_of(lived_in))


def test_while_the_workspace_is_served_nothing_is_recovered(lived_in: Path) -> None:
    handle = os.open(lived_in / "serve.lock", os.O_CREAT | os.O_RDWR, 0o600)
    fcntl.flock(handle, fcntl.LOCK_EX)
    try:
        with pytest.raises(LedgerError, match="Stop it first"):
            recover(settings_of(lived_in))
    finally:
        os.close(handle)


def test_a_process_that_has_the_ledger_open_keeps_it(lived_in: Path) -> None:
    with stub_session(lived_in), pytest.raises(LedgerError, match="has the ledger open"):
        recover(settings_of(lived_in))


def test_a_file_that_nothing_tells_of_is_said_and_kept(lived_in: Path) -> None:
    zeroed(lived_in / "ledger.sqlite")
    archived = next((lived_in / "archive").rglob("again.png"))
    for record in archived.parents[1].glob(f"{archived.parent.name}.records/*.json"):
        if record.name != "batch.json" and json.loads(record.read_text())["file"] == "again.png":
            record.unlink()
    letter = next(path for path in (lived_in / "quarantine").rglob("reason.json"))
    letter.write_text("{")
    done = recover(settings_of(lived_in))
    assert any("could not be read" in sentence for sentence in done.lost)
    kept = {row["destination"]: row for row in rows(lived_in / "ledger.sqlite")}
    assert kept[str(archived.relative_to(lived_in))]["outcome"] == "duplicate"
    assert archived.exists()


def test_a_record_that_points_out_of_the_workspace_is_not_believed(lived_in: Path) -> None:
    zeroed(lived_in / "ledger.sqlite")
    record = next((lived_in / "quarantine").rglob("reason.json"))
    told = json.loads(record.read_text()) | {"destination": "archive/../../../etc/passwd"}
    record.write_text(json.dumps(told))
    recover(settings_of(lived_in))
    assert not any(".." in str(row["destination"]) for row in rows(lived_in / "ledger.sqlite"))


def test_a_ledger_of_a_newer_version_is_not_touched(lived_in: Path) -> None:
    with closing(sqlite3.connect(lived_in / "ledger.sqlite")) as db:
        db.execute("PRAGMA user_version = 99")
    with pytest.raises(LedgerError, match="newer"):
        recover(settings_of(lived_in))


def test_a_folder_that_is_no_workspace_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WorkspaceError, match="no workspace"):
        recover(settings_of(tmp_path / "nowhere"))


def test_the_command_says_what_was_before_and_is_after(
    lived_in: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CXRSCREEN_MODEL", CARD.version)
    zeroed(lived_in / "ledger.sqlite")
    upkeep.recover(workspace=lived_in)
    said = capsys.readouterr().out
    assert "The old ledger is kept as ledger.sqlite.damaged-" in said
    assert "Read from the old ledger: 0 files" in said
    assert "6 reported" in said
    assert "The next run will finish:" in said
    upkeep.recover(workspace=lived_in)
    assert "Nothing was changed" in capsys.readouterr().out


@pytest.mark.parametrize("marked", [True, False])
def test_with_the_archive_not_mounted_nothing_is_recovered_backed_up_or_screened(
    lived_in: Path,
    tmp_path: Path,
    marked: bool,  # noqa: FBT001  # pytest hands it over by name
) -> None:
    if not marked:  # as an earlier version made it
        for folder in Workspace(lived_in).draft_places:
            (folder / FOLDER_MARK).unlink()
    before = rows(lived_in / "ledger.sqlite")
    (lived_in / "archive").rename(tmp_path / "archive")
    (lived_in / "archive").mkdir()
    for call in (
        lambda: recover(settings_of(lived_in)),
        lambda: backup(settings_of(lived_in), tmp_path / "backup.tar"),
        lambda: open_workspace(lived_in),
    ):
        with pytest.raises(WorkspaceError, match="archive is gone"):
            call()
    assert any("folder archive is gone" in need for need in status_of(settings_of(lived_in)).must_act)
    assert rows(lived_in / "ledger.sqlite") == before
    assert list((lived_in / "archive").iterdir()) == []
    (lived_in / "archive").rmdir()
    (tmp_path / "archive").rename(lived_in / "archive")
    assert not recover(settings_of(lived_in)).rewritten


@pytest.mark.parametrize("with_record", [True, False])
def test_a_file_too_large_to_be_read_is_known_again_unread(tmp_path: Path, *, with_record: bool) -> None:
    with stub_session(tmp_path) as session:
        with (tmp_path / "intake" / "movie.mp4").open("wb") as movie:
            movie.truncate(2**42)  # four terabytes that nobody has written
        screen(session)
    before = rows(tmp_path / "ledger.sqlite")
    if not with_record:
        (record,) = (tmp_path / "quarantine").rglob("reason.json")
        record.unlink()
    deleted(tmp_path / "ledger.sqlite")
    recover(settings_of(tmp_path))
    known = ("name", "outcome", "destination", "sha256") if with_record else ("name", "outcome", "destination")
    (again,) = rows(tmp_path / "ledger.sqlite")
    assert {name: again[name] for name in known} == {name: before[0][name] for name in known}


def test_a_study_that_was_reported_but_not_entered_any_more_is_brought_to_its_place(lived_in: Path) -> None:
    with closing(sqlite3.connect(lived_in / "ledger.sqlite")) as db, db:
        db.execute(
            "UPDATE file SET outcome = NULL, destination = NULL, score = NULL, positive = NULL, report = NULL "
            "WHERE name = 'reported.png'"
        )
    recover(settings_of(lived_in))
    with stub_session(lived_in) as session:
        resume(session)
        screen(session)
    (row,) = [row for row in rows(lived_in / "ledger.sqlite") if row["name"] == "reported.png"]
    assert (row["outcome"], row["placed"]) == ("reported", 1)


def test_a_sound_ledger_of_a_workspace_that_was_moved_is_left_as_it_is(lived_in: Path, tmp_path: Path) -> None:
    lived_in.rename(tmp_path / "elsewhere")
    done = recover(settings_of(tmp_path / "elsewhere"))
    assert (done.rewritten, done.lost) == (False, ())


def test_a_refused_file_that_was_taken_out_of_the_quarantine_keeps_its_outcome(lived_in: Path) -> None:
    zeroed(lived_in / "ledger.sqlite")
    letters = (lived_in / "quarantine").rglob("letter.txt/letter.txt")
    next(path for path in letters if path.read_text() == "no picture").unlink()  # of the other, the source is kept
    done = recover(settings_of(lived_in))
    assert done.after["refused"] == 3
    assert "1 files lie nowhere any more; their outcomes are kept." in done.lost


@pytest.mark.parametrize("damage", [None, zeroed])
def test_a_recovery_with_the_intakes_disk_away_gives_no_file_up(lived_in: Path, damage: Damage | None) -> None:
    with stub_session(lived_in) as session, pytest.MonkeyPatch.context() as blocked:
        blocked.setattr("cxrscreen.screening.placing._bring", fail_to_move)
        resume(session)
    content = hashlib.sha256((lived_in / "intake" / "reported.png").read_bytes()).hexdigest()
    (lived_in / "intake").rename(lived_in / "away")
    (lived_in / "intake").mkdir(mode=0o700)
    if damage is not None:
        damage(lived_in / "ledger.sqlite")
    done = recover(settings_of(lived_in))
    assert done.rewritten is (damage is not None)
    assert not any("lie nowhere" in sentence for sentence in done.lost)
    (lived_in / "intake").rmdir()
    (lived_in / "away").rename(lived_in / "intake")
    with stub_session(lived_in) as session:
        resume(session)
        screen(session)
    (row,) = [row for row in rows(lived_in / "ledger.sqlite") if row["name"] == "reported.png"]
    assert (row["sha256"], row["outcome"], row["placed"]) == (content, Outcome.REPORTED, 1)
    assert (lived_in / row["destination"]).exists()
    assert not (lived_in / "intake" / "reported.png").exists()


def fail_to_move(*_: object) -> None:
    raise PermissionError(13, "Permission denied")


def test_rows_that_cannot_be_true_are_counted(lived_in: Path) -> None:
    with closing(sqlite3.connect(lived_in / "ledger.sqlite")) as db, db:
        db.execute("UPDATE file SET placed = 7 WHERE file_id IN (1, 2)")
    file = lived_in.parent / "backup.tar"
    done = recover(settings_of(lived_in))
    assert "2 rows of the old ledger cannot be true: they do not count." in done.lost
    assert not any("cannot be true" in sentence for sentence in recover(settings_of(lived_in)).lost)
    with closing(sqlite3.connect(lived_in / "ledger.sqlite")) as db, db:
        db.execute("UPDATE file SET placed = 7 WHERE file_id = 1")
    backup(settings_of(lived_in), file)
    lost = restore(file, lived_in.parent / "new").lost
    assert "beside what can still be read of it" in lost[0]
    assert "1 rows of the old ledger cannot be true: they do not count." in lost
