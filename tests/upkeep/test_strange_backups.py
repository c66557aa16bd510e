"""Backups that were not written by us, or not whole: refused or read with care, and nothing written elsewhere."""

from __future__ import annotations

import hashlib
import io
import json
import os
import signal
import sqlite3
import tarfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote

import pytest

from cxrscreen.errors import WorkspaceError
from cxrscreen.screening.screen import resume, screen
from cxrscreen.upkeep.backup import backup, verify
from cxrscreen.upkeep.restore import restore
from tests.fakes import StubClassifier, draw_png, stub_session
from tests.reporting.report_samples import CARD
from tests.upkeep.lived_in import rows, settings_of

KEY = {"pseudonym.key": bytes(32)}
LETTER = b"no picture"
LETTER_HASH = hashlib.sha256(LETTER).hexdigest()
Change = Callable[[dict[str, object]], dict[str, object]]


def written(file: Path, contents: Mapping[str, bytes], change: Change = lambda manifest: manifest) -> Path:
    """Write a tar as ``backup`` would, of any contents, with a list that is changed afterwards."""
    members = [
        {"name": quote(name), "sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content), "mtime_ns": 10**18}
        for name, content in contents.items()
    ]
    manifest = change({"format": 1, "made_at": "2026-11-23T06:00:00+00:00", "members": members})
    with tarfile.open(file, "w", format=tarfile.PAX_FORMAT) as tar:
        for name, content in {**contents, "MANIFEST.json": json.dumps(manifest).encode()}.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return file


def reason(**told: object) -> dict[str, object]:
    own = {"batch": "B", "file": "letter.txt", "outcome": "refused", "reason": "damaged", "detail": "", "study": "S-1"}
    return own | {"sha256": LETTER_HASH, "destination": BESIDE} | told


def index(**told: object) -> dict[str, object]:
    lists = dict.fromkeys(("studies", "duplicates", "failed_files", "pending_files"), ())
    refused = {"file": "letter.txt", "sha256": LETTER_HASH, "reason": "damaged", "detail": ""}
    times = {"started_at": "2026-11-23T06:00:00+00:00", "finished_at": None}
    return {"batch": "B", "refused_files": [refused], **lists, **times} | told


REASON, INDEX = "quarantine/2026-11-23/B/letter.txt/reason.json", "reports/B/batch.json"
BESIDE = "quarantine/2026-11-23/B/letter.txt/letter.txt"
STUDY, RECORD = "reports/B/S-1/report.json", "archive/2026-11-23/B.records/1.json"
BATCH = "archive/2026-11-23/B.records/batch.json"
OUTWARD = {
    "the day of a batch": {INDEX: index(started_at="../../../escaped")},
    "the place of a file": {REASON: reason(destination="quarantine/../../escaped")},
    "a place from the root": {REASON: reason(destination="/escaped")},
    "the name of a file": {REASON: reason(file="../../../escaped/letter.txt")},
    "the name of a batch": {REASON: reason(batch="../../../escaped")},
    "a study": {REASON: reason(study="../../escaped")},
    "a report": {REASON: reason(report="reports/../../escaped")},
}


@pytest.mark.parametrize("what", OUTWARD)
def test_a_record_that_leads_out_of_the_workspace_is_not_believed(tmp_path: Path, what: str) -> None:
    records = {name: json.dumps(record).encode() for name, record in OUTWARD[what].items()}
    letters = {"intake/letter.txt": LETTER} | ({BESIDE: LETTER} if REASON in records else {})
    file = written(tmp_path / "backup.tar", {**KEY, **letters, **records})
    (tmp_path / "deep" / "er").mkdir(parents=True)
    new = tmp_path / "deep" / "er" / "new"
    back = restore(file, new)
    assert "1 records and reports could not be read." in back.lost
    with closing(sqlite3.connect(new / "ledger.sqlite")) as ledger:
        assert not [line for line in ledger.iterdump() if "escaped" in line]
    with stub_session(new) as session:
        resume(session)
        screen(session)
    assert not [path for path in tmp_path.rglob("escaped*") if path.exists()]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["backup.tar", "deep"]


def test_of_a_batch_its_record_tells_nothing_else_than_ours_do(tmp_path: Path) -> None:
    record = {"batch": "B", "batch_id": "../../escaped", "card": CARD.model_dump(mode="json"), "owner": "escaped"}
    contents = {name: json.dumps(told).encode() for name, told in ((BATCH, record), (INDEX, index()))}
    restore(written(tmp_path / "backup.tar", {**KEY, "intake/letter.txt": LETTER, **contents}), tmp_path / "new")
    with closing(sqlite3.connect(tmp_path / "new" / "ledger.sqlite")) as ledger:
        assert ledger.execute("SELECT batch_id, owner FROM batch").fetchall() == [("B", "recovered")]


def test_a_ledger_that_leads_out_of_the_workspace_is_not_believed(lived_in: Path, tmp_path: Path) -> None:
    file, new = tmp_path / "backup.tar", tmp_path / "deep" / "new"
    new.parent.mkdir()
    with closing(sqlite3.connect(lived_in / "ledger.sqlite")) as ledger, ledger:
        ledger.execute("UPDATE file SET study_key = '../../../escaped' WHERE outcome IS NULL")
        ledger.execute("UPDATE batch SET started_at = '../../../escaped' WHERE finished_at IS NULL")
    backup(settings_of(lived_in), file)
    back = restore(file, new)
    assert back.lost[0].startswith("The ledger in the backup is damaged")
    with stub_session(new, StubClassifier()) as session:
        resume(session)
        screen(session)
    assert not list(tmp_path.rglob("*escaped*"))


ODD = {
    "studies that are no list": (INDEX, json.dumps(index(studies=5)).encode()),
    "a study without files": (INDEX, json.dumps(index(studies=[{"files": None}])).encode()),
    "an index without its times": (INDEX, json.dumps({"batch": "B"}).encode()),
    "a report without a time": (STUDY, json.dumps({"batch": "B", "radiographs": [], "study": 5}).encode()),
    "brackets without end": (RECORD, b"[" * 100_000),
    "a number beyond 64 bits": (RECORD, json.dumps(reason(outcome="duplicate", tries=10**30)).encode()),
    "the last number of a row": (RECORD, json.dumps(reason(outcome="duplicate", file_id=2**63 - 1)).encode()),
    "names that are none": (RECORD, json.dumps(reason(outcome="duplicate", file=["a"], batch={})).encode()),
    "half a letter": (RECORD, json.dumps(reason(outcome="duplicate", file="\ud800")).encode()),
    "a score that is none": (RECORD, json.dumps(reason(outcome="duplicate", score=float("nan"))).encode()),
    "a year before all years": (INDEX, json.dumps(index(started_at="0001-01-01T00:00:00")).encode()),
}


@pytest.mark.parametrize("what", ODD)
def test_a_record_of_odd_content_is_counted_and_passed_over(
    tmp_path: Path, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "Asia/Jakarta")
    name, content = ODD[what]
    good = {REASON: json.dumps(reason()).encode(), BESIDE: LETTER}
    back = restore(written(tmp_path / "backup.tar", {**KEY, **good, name: content}), tmp_path / "new")
    assert "1 records and reports could not be read." in back.lost
    assert back.sums["refused"] == 1


@pytest.mark.parametrize("key", [{}, {"pseudonym.key": b"short"}])
def test_without_its_key_no_backup_is_restored(tmp_path: Path, key: dict[str, bytes]) -> None:
    file = written(tmp_path / "backup.tar", {**key, "intake/letter.txt": LETTER})
    with pytest.raises(WorkspaceError, match="holds no sound"):
        restore(file, tmp_path / "new")
    assert [path.name for path in tmp_path.iterdir()] == ["backup.tar"]


def a_view() -> bytes:
    with closing(sqlite3.connect(":memory:")) as db:
        endless = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n"
        for table in ("file", "batch"):
            db.execute(f"CREATE VIEW {table} AS {endless}")
        return db.serialize()


@pytest.mark.parametrize("ledger", [b"junk" * 1000, a_view()])
def test_that_the_ledger_in_a_backup_is_none_is_said(tmp_path: Path, ledger: bytes) -> None:
    with within_seconds(20):
        back = restore(written(tmp_path / "backup.tar", {**KEY, "ledger.sqlite": ledger}), tmp_path / "new")
    assert "The ledger in the backup is damaged" in back.lost[0]
    with stub_session(tmp_path / "new") as session:
        session.ledger.check()


@contextmanager
def within_seconds(seconds: int) -> Iterator[None]:
    """What hangs ends the test run; it must not hang for good."""
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)


def test_a_pipe_is_no_backup_and_nobody_waits_for_it(lived_in: Path, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with within_seconds(20):
        for read in (lambda file: restore(file, tmp_path / "new"), lambda file: verify(settings_of(lived_in), file)):
            for name in ("pipe", "nothing"):
                with pytest.raises(WorkspaceError, match="no regular file"):
                    read(tmp_path / name)


def change_first(**told: object) -> Change:
    def change(manifest: dict[str, object]) -> dict[str, object]:
        first, *others = manifest["members"]  # type: ignore[misc]  # a list of ours
        return manifest | {"members": [first | told, *others]}

    return change


LISTS: dict[str, Change] = {
    "a list longer than the files need": lambda manifest: manifest | {"made_at": "2" * 5000},
    "a time that steers the terminal": lambda manifest: manifest | {"made_at": "\x1b[31m2026"},
    "a time beyond the system's": change_first(mtime_ns=10**30),
    "a file twice": lambda manifest: manifest | {"members": manifest["members"] * 2},  # type: ignore[operator]  # a list of ours
}


@pytest.mark.parametrize("what", LISTS)
def test_a_list_that_none_of_our_backups_has_is_refused(tmp_path: Path, what: str) -> None:
    file = written(tmp_path / "backup.tar", {**KEY, "intake/letter.txt": LETTER}, LISTS[what])
    with pytest.raises(WorkspaceError):
        restore(file, tmp_path / "new")
    assert [path.name for path in tmp_path.iterdir()] == ["backup.tar"]


def test_what_is_too_large_to_be_screened_stays_out_and_is_counted(tmp_path: Path) -> None:
    old, file = tmp_path / "old", tmp_path / "backup.tar"
    draw_png(old / "intake" / "whole.png", 20)
    with stub_session(old):
        pass
    with (old / "intake" / "sparse.dcm").open("wb") as sparse:
        sparse.truncate(2**40)
    with within_seconds(60):
        taken = backup(settings_of(old), file)
    assert taken.left_out == 1
    assert restore(file, tmp_path / "new").left_out == 1
    assert [row["name"] for row in rows(tmp_path / "new" / "ledger.sqlite")] == []
