"""How an installation stands, on real workspaces, whole and broken."""

from __future__ import annotations

import fcntl
import http.server
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from rich.console import Console

from cxrscreen.cli import console, overview
from cxrscreen.errors import WorkspaceError
from cxrscreen.owner import this_process
from cxrscreen.screening.batch import open_batch
from cxrscreen.screening.screen import screen
from cxrscreen.screening.session import open_session
from cxrscreen.settings import Settings, load_settings
from cxrscreen.upkeep.self_test import Finding, SelfTest, read_self_test
from cxrscreen.upkeep.state import Status
from cxrscreen.upkeep.status import status_of
from tests.fakes import StubClassifier, draw_png, stub_session

PATIENT = "DOE^JANE"


def settings_for(root: Path, **values: object) -> Settings:
    return load_settings(root, **{"min_free_megabytes": 0} | values)


@pytest.fixture
def fresh(tmp_path: Path) -> Path:
    with open_session(settings_for(tmp_path / "w")):
        pass
    return tmp_path / "w"


def stand(root: Path, **values: object) -> Status:
    return status_of(settings_for(root, **values))


def everything_below(root: Path) -> dict[str, tuple[int, int]]:
    return {str(p): (p.lstat().st_mtime_ns, p.lstat().st_size) for p in [root, *root.rglob("*")]}


def test_a_fresh_installation_needs_nobody(fresh: Path) -> None:
    found = stand(fresh)
    assert found.must_act == ()
    assert found.waiting is not None
    assert found.waiting.files == 0
    assert found.model is not None
    assert (found.model.version, found.model.champion, found.model.verified) == ("standard-2", True, True)
    assert (found.self_test, found.digest, found.backup) == (None, None, None)


def test_where_there_is_no_workspace_none_is_made(tmp_path: Path) -> None:
    with pytest.raises(WorkspaceError, match="There is no workspace"):
        stand(tmp_path / "nowhere")
    assert not (tmp_path / "nowhere").exists()


def test_looking_changes_nothing(lived_in: Path) -> None:
    before = everything_below(lived_in)
    stand(lived_in)
    assert everything_below(lived_in) == before


def test_a_past_is_counted(lived_in: Path) -> None:
    ledger = stand(lived_in).ledger
    assert ledger is not None
    with closing(sqlite3.connect(lived_in / "ledger.sqlite")) as db:
        in_all = db.execute("SELECT COUNT(*) FROM file WHERE outcome IS NOT NULL").fetchone()[0]
        batches = db.execute("SELECT COUNT(*) FROM batch").fetchone()[0]
    assert (sum(ledger.counts.values()), ledger.batches) == (in_all, batches)
    (run,) = ledger.runs
    assert (run.done, run.files) == (1, 3)
    assert [file.file for file in ledger.failed] == ["failing.png"]
    assert not ledger.failed[0].quarantined


def test_how_long_a_file_has_waited_is_not_for_its_sender_to_say(fresh: Path) -> None:
    draw_png(fresh / "intake" / "old.png", 10)
    os.utime(fresh / "intake" / "old.png", (0, 0))
    found = stand(fresh)
    assert found.waiting is not None
    assert found.waiting.files == 1
    assert (found.waiting.oldest_seconds or 0) < 60
    assert not found.must_act


def test_a_file_that_waits_too_long_needs_a_person_and_is_not_named_to_prefect(fresh: Path) -> None:
    draw_png(fresh / "intake" / f"{PATIENT}.png", 10)
    time.sleep(0.2)
    found = stand(fresh, waiting_hours=1e-9)
    (need,) = found.must_act
    assert "have waited in the intake for more than" in need
    assert PATIENT not in need
    assert found.waiting is not None
    assert [(w.file, w.cause) for w in found.waiting.longest] == [(f"{PATIENT}.png", "no batch has taken it up yet")]


def test_the_cause_is_the_one_that_the_ledger_wrote_last(tmp_path: Path) -> None:
    root = tmp_path / "w"
    with stub_session(root) as session:
        draw_png(root / "intake" / "a.png", 30)
        (root / "intake" / "b.png.part").write_bytes(b"growing")
        screen(session)
    waiting = stand(root).waiting
    assert waiting is not None
    assert [(w.file, w.cause) for w in waiting.longest] == [("b.png.part", "still being written")]


def test_names_are_harmless_on_the_screen(fresh: Path) -> None:
    (fresh / "intake" / os.fsdecode(b"\xff\x1b[2J.png")).write_bytes(b"x")
    waiting = stand(fresh).waiting
    assert waiting is not None
    assert waiting.longest[0].file == "[U+DCFF][U+001B][2J.png"
    assert waiting.model_dump_json()


def test_a_living_run_is_told_from_one_that_died(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = tmp_path / "w"
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        ended.wait()
    with stub_session(root) as session:
        for name, owner in (("living", this_process()), ("dead", f"{this_process().split('/')[0]}/{ended.pid}/1")):
            draw_png(root / "intake" / f"{name}.png", 30 if name == "dead" else 90)
            with monkeypatch.context() as patch:
                patch.setattr("cxrscreen.screening.leases.this_process", lambda owner=owner: owner)
                assert open_batch(session).batch_id is not None
    found = stand(root)
    assert found.ledger is not None
    assert [(run.alive, run.done, run.files) for run in found.ledger.runs] == [(True, 0, 1), (False, 0, 1)]
    assert not found.must_act  # the next run finishes it
    later = status_of(settings_for(root, waiting_hours=1e-9))
    assert any("was interrupted and nobody has finished it" in need for need in later.must_act)


def test_a_failure_that_was_given_up_needs_a_person_until_the_file_is_gone(tmp_path: Path) -> None:
    root = tmp_path / "w"
    with stub_session(root, StubClassifier(breaks_on_grey=130), max_attempts=1) as session:
        draw_png(root / "intake" / "breaks.png", 130)
        screen(session)
    found = stand(root)
    assert found.ledger is not None
    assert [(file.file, file.quarantined) for file in found.ledger.failed] == [("breaks.png", True)]
    assert any("software failed on them: 1." in need for need in found.must_act)
    for day in (root / "quarantine").glob("[!.]*"):
        shutil.rmtree(day)
    assert not stand(root).must_act


@pytest.mark.parametrize("damage", [b"", b"no database at all" * 100, None])
def test_a_damaged_ledger_is_said_and_the_rest_is_told_all_the_same(lived_in: Path, damage: bytes | None) -> None:
    ledger = lived_in / "ledger.sqlite"
    content = ledger.read_bytes()
    middle = len(content) // 3
    ledger.write_bytes(content[:middle] + b"\xa5" * middle + content[2 * middle :] if damage is None else damage)
    found = stand(lived_in)
    assert found.ledger is None
    assert any("cxrscreen recover" in need for need in found.must_act)
    assert found.waiting is not None
    assert found.waiting.files >= 1
    assert found.disk is not None


def test_a_ledger_that_is_gone_while_files_are_archived_is_said(lived_in: Path) -> None:
    (lived_in / "ledger.sqlite").unlink()
    assert any("There is no ledger" in need for need in stand(lived_in).must_act)
    assert not (lived_in / "ledger.sqlite").exists()


def test_a_ledger_whose_writer_was_killed_in_the_middle_is_read(lived_in: Path, tmp_path: Path) -> None:
    torn = tmp_path / "torn"
    with closing(sqlite3.connect(lived_in / "ledger.sqlite", isolation_level=None)) as db:
        before = db.execute("SELECT COUNT(*) FROM file WHERE outcome = 'reported'").fetchone()[0]
        db.execute("PRAGMA cache_size = 1")
        db.execute("PRAGMA cache_spill = 1")
        db.execute("BEGIN")
        db.execute("UPDATE file SET outcome = 'pending', detail = ?", ("x" * 5000,))
        shutil.copytree(lived_in, torn)  # as the disk is when the power fails now
        db.execute("ROLLBACK")
    assert (torn / "ledger.sqlite-journal").stat().st_size > 0
    found = stand(torn).ledger
    assert found is not None
    assert found.counts["reported"] == before


@pytest.mark.parametrize("name", ["archive", "quarantine", "reports", "intake", "pseudonym.key"])
def test_what_is_gone_is_named(lived_in: Path, name: str) -> None:
    gone = lived_in / name
    gone.rename(lived_in / "elsewhere")
    needs = stand(lived_in).must_act
    assert any(name in need for need in needs)
    assert not gone.exists()


def test_reports_that_may_not_be_looked_into_hide_the_last_digest_and_nothing_else(
    lived_in: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(path: Path, _pattern: str) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "glob", refused)
    assert stand(lived_in).digest is None


@pytest.mark.parametrize("damaged_model", ["wait", "last-good"])  # there is no other model that could stand in
def test_a_model_whose_files_were_exchanged_is_found_by_its_hash(
    fresh: Path, monkeypatch: pytest.MonkeyPatch, damaged_model: str
) -> None:
    shipped = fresh.parent / "shipped"
    shutil.copytree(Path(__file__).parents[2] / "deployments" / "models", shipped)
    with (shipped / "standard-2" / "weights.npz").open("r+b") as weights:
        weights.seek(12_000_000)
        weights.write(b"\0\1\2\3")
    monkeypatch.setattr("cxrscreen.classifier.registry.SHIPPED_MODELS", shipped)
    (need,) = stand(fresh, damaged_model=damaged_model).must_act
    assert "damaged or were exchanged" in need
    assert need.endswith("Nothing is screened.")


def test_a_full_disk_needs_a_person(fresh: Path) -> None:
    (need,) = stand(fresh, min_free_megabytes=1_000_000).must_act
    assert "nothing is taken up" in need
    assert "1000000 MiB" in need


def test_a_disk_without_a_byte_left_needs_a_person_whatever_the_setting(
    fresh: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _folder: SimpleNamespace(total=2**30, used=2**30, free=0))
    assert stand(fresh).must_act == ("The disk is full. Make room, e.g. with cxrscreen expire.",)


def test_a_failed_file_that_has_gone_is_said_for_a_week(lived_in: Path) -> None:
    (lived_in / "intake" / "failing.png").unlink()
    assert any("nor in the quarantine: 1." in need for need in stand(lived_in).must_act)
    with closing(sqlite3.connect(lived_in / "ledger.sqlite")) as db, db:
        db.execute("PRAGMA foreign_keys = OFF")
        db.execute("UPDATE batch SET batch_id = '20200101' || substr(batch_id, 9)")
        db.execute("UPDATE file SET batch_id = '20200101' || substr(batch_id, 9)")
    assert not any("nor in the quarantine" in need for need in stand(lived_in).must_act)


def write_self_test(root: Path, *, at: datetime, healthy: bool) -> None:
    findings = (Finding("report fonts", healthy=healthy, detail="set in none"),)
    tested = SelfTest(at=at.isoformat(), seconds=1.0, model="standard-2", healthy=healthy, findings=findings)
    (root / "self-test.json").write_text(tested.model_dump_json())


def test_a_self_test_that_failed_or_is_old_needs_a_person(fresh: Path) -> None:
    now = datetime.now().astimezone()
    write_self_test(fresh, at=now, healthy=True)
    assert not stand(fresh).must_act
    write_self_test(fresh, at=now, healthy=False)
    assert "The self-test failed on report fonts" in stand(fresh).must_act[0]
    write_self_test(fresh, at=now - timedelta(days=8), healthy=True)
    assert "older than 7 days" in stand(fresh).must_act[0]
    write_self_test(fresh, at=now + timedelta(days=400), healthy=True)
    assert "dated in the future" in stand(fresh).must_act[0]
    (fresh / "self-test.json").write_text("{")
    assert read_self_test(fresh) is None
    assert not stand(fresh).must_act


@contextmanager
def serve_lock(root: Path) -> Iterator[None]:
    handle = os.open(root / "serve.lock", os.O_CREAT | os.O_RDWR)
    fcntl.flock(handle, fcntl.LOCK_EX)
    try:
        yield
    finally:
        os.close(handle)


class AsksForPassword(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(401)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


def test_serve_is_up_when_its_lock_is_held_and_prefect_when_it_answers(fresh: Path) -> None:
    with http.server.HTTPServer(("127.0.0.1", 0), AsksForPassword) as server, serve_lock(fresh):
        threading.Thread(target=server.serve_forever, daemon=True).start()
        answering = stand(fresh, ui_port=server.server_port, host="0.0.0.0")  # noqa: S104  # nothing is bound here
        server.shutdown()
    assert (answering.service.serving, answering.service.ui_answers) == (True, True)
    assert not answering.must_act
    with serve_lock(fresh):
        lost = stand(fresh, ui_port=server.server_port)
    assert "Prefect does not answer" in lost.must_act[0]
    assert not stand(fresh).service.serving


def test_files_that_nobody_will_screen_need_a_person(fresh: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    draw_png(fresh / "intake" / "a.png", 10)
    monkeypatch.setattr("cxrscreen.upkeep.waiting._age", lambda _path, _now: 7200.0)
    assert not stand(fresh).must_act  # this site has never used serve
    (fresh / "prefect").mkdir()
    assert stand(fresh).must_act == ("Files wait, and cxrscreen serve is not running. Start it again.",)


def test_a_status_fits_one_screen(lived_in: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.rmtree(lived_in / "models")
    write_self_test(lived_in, at=datetime.now().astimezone(), healthy=False)
    monkeypatch.setenv("CXRSCREEN_WAITING_HOURS", "1e-9")
    monkeypatch.setenv("CXRSCREEN_MIN_FREE_MEGABYTES", "1000000")
    screen_80 = Console(width=80, record=True, file=open(os.devnull, "w"))  # noqa: PTH123, SIM115  # ends with the test
    monkeypatch.setattr(console, "out", screen_80)
    monkeypatch.setattr(overview, "out", screen_80)
    with pytest.raises(overview.typer.Exit) as ended:
        overview.status(workspace=lived_in)
    screen_80.file.close()
    assert ended.value.exit_code == 4
    lines = screen_80.export_text().splitlines()
    assert lines[1] == "Someone must act:"
    assert len(lines) <= 24
    assert all(len(line.rstrip()) <= 80 for line in lines[1:])  # the first is a path, which is never broken


def test_its_lines_count_one_as_one_and_name_outcomes_in_the_order_of_reports(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path / "w"
    draw_png(root / "intake" / "a.png", 30)
    draw_png(root / "intake" / "copy.png", 30)
    (root / "intake" / "letter.txt").write_text("no picture")
    with stub_session(root) as session:
        screen(session)
    monkeypatch.setenv("CXRSCREEN_MIN_FREE_MEGABYTES", "0")
    monkeypatch.setattr(overview, "out", Console(width=120))
    overview.status(workspace=root)
    said = capsys.readouterr().out
    assert "1 reported, 1 refused, 1 duplicate" in said
    assert "3 files in 1 batch " in said


def test_the_status_of_a_script_is_one_json_object_and_imports_little(fresh: Path) -> None:
    program = (
        "import sys, types\n"
        "package = types.ModuleType('cxrscreen.cli')\n"
        f"package.__path__ = [{str(Path(overview.__file__).parent)!r}]\n"
        "sys.modules['cxrscreen.cli'] = package\n"  # other commands bring what they need
        "from pathlib import Path\n"
        "from cxrscreen.cli.overview import status\n"
        f"status(workspace=Path({str(fresh)!r}), as_json=True)\n"
        "heavy = {'tensorflow', 'keras', 'cv2', 'weasyprint', 'pydicom', 'prefect', 'jinja2'} & sys.modules.keys()\n"
        "assert not heavy, heavy\n"
    )
    environment = os.environ | {"CXRSCREEN_MIN_FREE_MEGABYTES": "0"}
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60, env=environment
    )
    assert done.returncode == 0, done.stderr
    assert Status.model_validate_json(done.stdout).must_act == ()
    assert {"waiting", "ledger", "disk", "model", "self_test", "service"} <= json.loads(done.stdout).keys()
