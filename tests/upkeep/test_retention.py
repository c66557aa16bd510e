"""Only what is old enough goes, only when a person says so, and it is remembered."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from contextlib import nullcontext
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cxrscreen.cli.commands import app
from cxrscreen.errors import WorkspaceError
from cxrscreen.screening.outcomes import Outcome
from cxrscreen.screening.screen import screen
from cxrscreen.upkeep.recover import recover
from cxrscreen.upkeep.retention import Expired, expire
from cxrscreen.workspace import FOLDER_MARK
from tests.fakes import StubClassifier, draw_png, stub_session
from tests.upkeep.lived_in import every_file, rows, settings_of

TODAY = datetime.now().astimezone().date()


def expire_in(root: Path, *, delete: bool = True, in_days: int, **keep: int) -> tuple[Expired, Expired]:
    with stub_session(root, **keep) as session:
        return expire(session, delete=delete, even_all=True, today=TODAY + timedelta(days=in_days))


def kept_in(root: Path, top: str) -> list[Path]:
    return [path for path in (root / top).rglob("*") if path.is_file() and not path.name.startswith(".")]


def archived_in(root: Path) -> list[Path]:
    return [path for path in kept_in(root, "archive") if not path.parent.name.endswith(".records")]


def test_without_a_setting_nothing_ever_expires(lived_in: Path) -> None:
    before = every_file(lived_in)
    archive, quarantine = expire_in(lived_in, in_days=40_000)
    assert (archive.files, quarantine.files) == (0, 0)
    assert every_file(lived_in) == before


def test_a_dry_run_counts_and_deletes_nothing(lived_in: Path) -> None:
    before, told = every_file(lived_in), rows(lived_in / "ledger.sqlite")
    archive, quarantine = expire_in(lived_in, delete=False, in_days=31, keep_archive_days=30, keep_quarantine_days=30)
    there = [path for path in kept_in(lived_in, "archive") if path.suffix != ".json"]
    assert archive.files == len(there)
    assert archive.bytes == sum(path.stat().st_size for path in there)
    assert quarantine.files == 3
    assert quarantine.batches == 2
    assert every_file(lived_in) == before
    assert rows(lived_in / "ledger.sqlite") == told


@pytest.mark.parametrize(("in_days", "gone"), [(30, False), (31, True)])
def test_a_file_goes_once_it_is_older_than_the_setting_and_not_a_day_before(
    lived_in: Path, in_days: int, *, gone: bool
) -> None:
    reports = len(kept_in(lived_in, "reports"))
    expire_in(lived_in, in_days=in_days, keep_archive_days=30)
    assert (archived_in(lived_in) == []) is gone
    assert len(kept_in(lived_in, "quarantine")) == 6  # three files, three reasons
    assert len(kept_in(lived_in, "reports")) == reports


@pytest.mark.parametrize(
    ("keep", "refused"),
    [
        ({"keep_archive_days": 30}, True),
        ({"keep_archive_days": 60, "keep_quarantine_days": 30}, True),
        ({"keep_archive_days": 31}, False),
        ({}, False),
    ],
)
def test_where_even_the_newest_files_have_expired_the_clock_is_doubted(
    lived_in: Path, keep: dict[str, int], *, refused: bool
) -> None:
    before, leapt = every_file(lived_in), TODAY + timedelta(days=31)
    with stub_session(lived_in, **keep) as session:
        expire(session, delete=False, today=leapt)
        with pytest.raises(WorkspaceError, match="--even-all") if refused else nullcontext():
            expire(session, delete=True, today=leapt)
    assert every_file(lived_in) == before


def test_beside_files_that_stay_old_ones_go_without_a_further_word(lived_in: Path) -> None:
    (lived_in / "quarantine" / (TODAY + timedelta(days=20)).isoformat()).mkdir()
    with stub_session(lived_in, keep_archive_days=30) as session:
        archive, _ = expire(session, delete=True, today=TODAY + timedelta(days=31))
    assert archive.files
    assert archived_in(lived_in) == []


def test_expire_makes_no_workspace_where_there_is_none(tmp_path: Path) -> None:
    for folder in (tmp_path / "typo", tmp_path):
        for command in (["expire"], ["rotate-key", "--yes"]):
            done = CliRunner().invoke(app, [*command, "--workspace", str(folder)])
            assert isinstance(done.exception, WorkspaceError)
            assert "There is no workspace" in str(done.exception)
    assert list(tmp_path.iterdir()) == []


def test_the_ledger_remembers_what_has_expired_and_knows_a_copy_of_it(lived_in: Path) -> None:
    before = rows(lived_in / "ledger.sqlite")
    now = TODAY + timedelta(days=31)
    expire_in(lived_in, in_days=31, keep_archive_days=30, keep_quarantine_days=30)
    for old, new in zip(before, rows(lived_in / "ledger.sqlite"), strict=True):
        if old["placed"]:
            assert new["destination"] is None
            assert new["detail"].startswith(old["detail"])
            assert f"expired on {now.isoformat()}" in new["detail"]
            assert (new["outcome"], new["report"], new["score"]) == (old["outcome"], old["report"], old["score"])
        else:
            assert new == old
    draw_png(lived_in / "intake" / "copy.png", 20)
    with stub_session(lived_in, StubClassifier()) as session:
        _, summary = screen(session)
    assert summary is not None
    (copy,) = [file for file in summary.files if file.name == "copy.png"]
    assert copy.outcome is Outcome.DUPLICATE


def test_an_unfinished_batch_is_left_alone(lived_in: Path) -> None:
    with stub_session(lived_in) as session:
        (batch_id,) = {row["batch_id"] for row in rows(lived_in / "ledger.sqlite") if row["outcome"] is None}
        batch = session.ledger.batch(batch_id)
    waiting = lived_in / "archive" / batch.started_at[:10] / batch_id / "reported.png"
    waiting.parent.mkdir()
    waiting.write_bytes((lived_in / "intake" / "reported.png").read_bytes())
    expire_in(lived_in, in_days=31, keep_archive_days=30)
    assert waiting.exists()


def test_a_file_that_was_placed_late_stays_as_long_as_the_others(lived_in: Path) -> None:
    record = next(
        path for path in kept_in(lived_in, "archive")
        if path.parent.name.endswith(".records") and path.name != "batch.json"
    )  # fmt: skip  # reads better so
    told = json.loads(record.read_text())
    late = datetime.now().astimezone() + timedelta(days=10)
    record.write_text(json.dumps(told | {"placed_at": late.isoformat()}))
    expire_in(lived_in, in_days=31, keep_archive_days=30)
    assert (lived_in / told["destination"]).exists()
    assert record.exists()
    expire_in(lived_in, in_days=41, keep_archive_days=30)
    assert not (lived_in / told["destination"]).exists()


def test_a_file_that_the_ledger_does_not_know_is_kept_and_counted(lived_in: Path) -> None:
    day = next(path for path in (lived_in / "archive").iterdir() if path.name[0].isdigit())
    foreign = day / "20200101T000000-abcd" / "foreign.png"
    foreign.parent.mkdir()
    foreign.write_bytes(b"somebody put it here")
    archive, _ = expire_in(lived_in, in_days=31, keep_archive_days=30)
    assert archive.unknown == 1
    assert foreign.exists()


def test_nothing_is_deleted_through_a_link(lived_in: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside" / "2020-01-01" / "batch"
    outside.mkdir(parents=True)
    (outside / "precious.png").write_bytes(b"mine")
    (lived_in / "archive" / "2020-01-01").symlink_to(outside.parent)
    day = next(path for path in (lived_in / "archive").iterdir() if path.name[0].isdigit() and not path.is_symlink())
    (day / "linked").symlink_to(outside)
    expire_in(lived_in, in_days=31, keep_archive_days=30)
    assert (outside / "precious.png").read_bytes() == b"mine"


def test_a_deletion_that_is_killed_is_finished_by_the_next(lived_in: Path) -> None:
    if (child := os.fork()) == 0:
        Path.unlink = die_after(Path.unlink, calls=3)  # type: ignore[method-assign]  # in the child alone
        expire_in(lived_in, in_days=31, keep_archive_days=30, keep_quarantine_days=30)
        os._exit(0)
    assert os.WIFSIGNALED(os.waitpid(child, 0)[1])
    assert archived_in(lived_in)
    expire_in(lived_in, in_days=32, keep_archive_days=30, keep_quarantine_days=30)
    assert archived_in(lived_in) == []
    assert [path.name for path in (lived_in / "quarantine").iterdir()] == [FOLDER_MARK]
    (left,) = kept_in(lived_in, "archive")
    assert left.name == "batch.json"  # of the batch that is not finished
    assert not any(row["destination"] for row in rows(lived_in / "ledger.sqlite") if "expired on" in row["detail"])


def die_after(function: Callable[..., None], *, calls: int) -> Callable[..., None]:
    left = calls

    def last(path: Path, *, missing_ok: bool = False) -> None:
        nonlocal left
        function(path, missing_ok=missing_ok)
        left -= "archive" in path.parts
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    return last


def test_recovering_after_an_expiry_brings_no_row_back_to_a_file_that_is_gone(lived_in: Path) -> None:
    expire_in(lived_in, in_days=31, keep_archive_days=30)
    (lived_in / "ledger.sqlite").unlink()
    recover(settings_of(lived_in))
    for row in rows(lived_in / "ledger.sqlite"):
        lies = row["destination"] is not None and row["placed"]
        assert not lies or (lived_in / row["destination"]).exists()
    draw_png(lived_in / "intake" / "copy.png", 20)
    with stub_session(lived_in, StubClassifier()) as session:
        _, summary = screen(session)
    assert summary is not None
    (copy,) = [file for file in summary.files if file.name == "copy.png"]
    assert copy.outcome is Outcome.DUPLICATE


def test_a_day_is_the_day_of_the_folder_and_other_folders_are_not_ours(lived_in: Path) -> None:
    foreign = lived_in / "archive" / "not a day" / "batch" / "file.png"
    foreign.parent.mkdir(parents=True)
    foreign.write_bytes(b"somebody put it here")
    archive, _ = expire_in(lived_in, in_days=40_000, keep_archive_days=1)
    assert archive.before == TODAY + timedelta(days=39_999)
    assert foreign.exists()


def test_after_an_expiry_a_sound_ledger_agrees_with_the_folders(lived_in: Path) -> None:
    expire_in(lived_in, in_days=31, keep_archive_days=30, keep_quarantine_days=30)
    done = recover(settings_of(lived_in))
    assert (done.rewritten, done.set_aside, done.lost) == (False, None, ())


def test_a_record_of_odd_content_neither_ends_an_expiry_nor_makes_a_file_older(lived_in: Path) -> None:
    first, second = [
        path for path in kept_in(lived_in, "archive")
        if path.parent.name.endswith(".records") and path.name != "batch.json"
    ][:2]  # fmt: skip  # reads better so
    kept = json.loads(second.read_text())["destination"]
    first.write_text("[" * 100_000)  # counts as placed with its batch
    second.write_text(json.dumps({"placed_at": "9999-12-31T23:59:59-23:00"}))
    expire_in(lived_in, in_days=31, keep_archive_days=30)
    assert not first.exists()
    assert (lived_in / kept).exists()
