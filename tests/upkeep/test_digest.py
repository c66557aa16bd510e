"""The digest on real workspaces: sums, folders, pages."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import datetime, timedelta, tzinfo
from html.parser import HTMLParser
from pathlib import Path

import pypdf
import pytest

from cxrscreen.errors import LedgerDamagedError, ReportError, WorkspaceError
from cxrscreen.reporting.digest import Digest
from cxrscreen.reporting.words import load_words
from cxrscreen.screening.batch import open_batch
from cxrscreen.screening.screen import resume, screen
from cxrscreen.screening.session import Session
from cxrscreen.settings import Language, Settings, load_settings
from cxrscreen.upkeep.digest import WrittenDigest, write_digest
from cxrscreen.upkeep.self_test import Finding, SelfTest
from cxrscreen.upkeep.status import status_of
from cxrscreen.workspace import open_workspace
from tests.fakes import StubClassifier, draw_png, stub_session
from tests.reporting.test_study_report import ENGLISH_DISCLAIMER, INDONESIAN_DISCLAIMER, pages_of

OUTCOMES = ("reported", "refused", "duplicate", "failed", "pending")


def settings_for(root: Path, **values: object) -> Settings:
    return load_settings(root, **{"min_free_megabytes": 0} | values)


def passed(_settings: Settings) -> SelfTest:
    now = datetime.now().astimezone().isoformat(timespec="seconds")
    return SelfTest(at=now, seconds=0.1, model="standard-2", healthy=True, findings=())


def written(root: Path, **values: object) -> WrittenDigest:
    return write_digest(settings_for(root, **values), self_test=passed)


class NoPages:
    """In place of page layout, which takes most of the time."""

    def __init__(self, language: Language) -> None:
        self.words = load_words(language)

    def render(self, *_: object) -> tuple[bytes, bytes]:
        return b"", b""


@pytest.fixture
def pages() -> None:
    """Lay out the pages of this test's digests."""


@pytest.fixture(autouse=True)
def _without_pages(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if "pages" not in request.fixturenames:
        monkeypatch.setattr("cxrscreen.upkeep.digest.report_writer", NoPages)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "w"


@pytest.fixture
def session(root: Path) -> Iterator[Session]:
    with stub_session(root, StubClassifier(breaks_on_grey=130)) as session:
        yield session


def as_of_yesterday(root: Path) -> None:
    """Let the digest that was just written be one of the day before."""
    (record,) = (root / "reports" / "digests").glob("*.json")
    earlier = (datetime.fromisoformat(record.stem) - timedelta(days=1)).date().isoformat()
    digest = Digest.model_validate_json(record.read_bytes())
    record.with_name(f"{earlier}.json").write_text(digest.model_copy(update={"date": earlier}).model_dump_json())
    record.unlink()


def test_each_file_counts_once_whatever_it_went_through(root: Path, session: Session) -> None:
    intake = root / "intake"
    draw_png(intake / "whole.png", 30)
    draw_png(intake / "copy.png", 30)
    draw_png(intake / "breaks.png", 130)
    (intake / "grows.png").symlink_to(intake / "whole.png")  # waits, until it is a file
    (intake / "cut.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    screen(session)  # breaks.png fails, grows.png is pending
    (intake / "grows.png").unlink()
    draw_png(intake / "grows.png", 60)
    screen(session)  # breaks.png fails again
    digest = written(root).digest
    assert digest.counts == {"reported": 2, "refused": 1, "duplicate": 1, "failed": 1, "pending": 0}
    assert digest.arrived == 5
    assert len(digest.batches) == 2
    assert sum(sum(batch.counts.values()) for batch in digest.batches) == 7
    assert {row.outcome: (row.archive, row.quarantine, row.source, row.missing) for row in digest.places} == {
        "reported": (2, 0, 0, 0),
        "refused": (0, 1, 0, 0),
        "duplicate": (1, 0, 0, 0),
        "failed": (0, 0, 1, 0),
        "pending": (0, 0, 0, 0),
    }
    assert digest.disagreements == ()
    assert digest.must_act == ()


def test_a_digest_begins_where_that_of_the_day_before_ended(root: Path, session: Session) -> None:
    draw_png(root / "intake" / "a.png", 30)
    screen(session)
    first = written(root).digest
    assert (first.since, first.arrived) == (None, 1)
    as_of_yesterday(root)
    nothing_new = written(root).digest
    assert (nothing_new.since, nothing_new.arrived, nothing_new.batches) == (first.until, 0, ())
    draw_png(root / "intake" / "b.png", 60)
    screen(session)
    again = written(root).digest
    assert (again.since, again.date) == (first.until, nothing_new.date)
    assert again.arrived == 1  # also where it was finished in the very second of the first digest
    assert {batch.batch for batch in again.batches}.isdisjoint(batch.batch for batch in first.batches)
    assert len(list((root / "reports" / "digests").glob("*.html"))) == 1


def test_files_in_hand_are_under_way_and_not_pending(root: Path, session: Session) -> None:
    (root / "intake" / "a.png").symlink_to("/etc/hostname")
    draw_png(root / "intake" / "first.png", 20)
    screen(session)
    (root / "intake" / "a.png").unlink()
    draw_png(root / "intake" / "a.png", 30)
    assert open_batch(session).batch_id is not None
    digest = written(root).digest
    assert (digest.counts["pending"], digest.under_way) == (0, 1)


def test_a_past_with_an_interrupted_batch_adds_up_before_and_after_it_is_finished(lived_in: Path) -> None:
    assert written(lived_in).digest.disagreements == ()
    with stub_session(lived_in) as session:
        session.ledger._write("UPDATE batch SET lease_until = 0 WHERE finished_at IS NULL", {})
        assert len(resume(session)) == 1
    digest = written(lived_in).digest
    assert digest.disagreements == ()
    assert all(row.missing == 0 for row in digest.places)
    assert digest.arrived == sum(row.archive + row.quarantine + row.source + row.explained for row in digest.places)


def test_flagged_studies_stand_by_falling_score(root: Path, session: Session) -> None:
    for number, grey in enumerate((90, 10, 200, 110)):
        draw_png(root / "intake" / f"{number}.png", grey)
    screen(session)
    digest = written(root).digest
    scores = [study.score for study in digest.flagged]
    assert digest.studies == 4
    assert len(scores) == 3
    assert scores == sorted(scores, reverse=True)


def test_folders_may_be_nested_deeper_than_python_calls_itself(root: Path, session: Session) -> None:
    assert session
    for area in ("intake", "archive/2026-01-02/20260102T030405-abcd"):
        (root / area).mkdir(parents=True, exist_ok=True)
        here = os.open(root / area, os.O_RDONLY)
        for _ in range(1200):
            os.mkdir("d", dir_fd=here)
            inner = os.open("d", os.O_RDONLY, dir_fd=here)
            os.close(here)
            here = inner
        os.close(os.open("x", os.O_CREAT | os.O_WRONLY, dir_fd=here))
        os.close(here)
    digest = written(root).digest
    assert sum(one.count for one in digest.disagreements) == 1
    remove_nested(root / "intake", root / "archive" / "2026-01-02")


def remove_nested(*folders: Path) -> None:
    """Python 3.11 removes no tree as deep as this one."""
    subprocess.run(["/bin/rm", "-rf", *folders], check=True)


def archived(root: Path) -> Path:
    return next(p for p in sorted(root.glob("archive/*/*/**/*.png")) if ".records" not in str(p))


def remove_archived(root: Path) -> None:
    archived(root).unlink()


def remove_quarantined(root: Path) -> None:
    next(iter(root.glob("quarantine/*/*/letter.txt/letter.txt"))).unlink()


def add_stray(root: Path) -> None:
    shutil.copy(archived(root), archived(root).with_name("stray.png"))


def add_unknown_batch(root: Path) -> None:
    stray = root / "quarantine" / "2026-01-02" / "20260102T030405-abcd" / "x.png" / "x.png"
    stray.parent.mkdir(parents=True)
    stray.write_bytes(b"x")


def remove_study_report(root: Path) -> None:
    next(iter(sorted(root.glob("reports/2*/S-*/report.pdf")))).unlink()


def add_unknown_report(root: Path) -> None:
    batch = next(p.parent for p in sorted(root.glob("reports/2*/index.html")))
    shutil.copytree(next(batch.parent.glob("2*/S-*")), batch / "S-AAAAAAAAAAAA")


def remove_index(root: Path) -> None:
    next(iter(sorted(root.glob("reports/2*/batch.csv")))).unlink()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (remove_archived, "neither in the archive"),
        (remove_quarantined, "neither in the archive"),
        (add_stray, "but not in the ledger"),
        (add_unknown_batch, "but not in the ledger"),
        (remove_study_report, "report is gone or incomplete"),
        (add_unknown_report, "that the ledger does not know"),
        (remove_index, "index is gone or incomplete"),
    ],
)
def test_whatever_does_not_agree_is_found_and_said_until_it_is_mended(
    lived_in: Path, change: object, words: str
) -> None:
    assert callable(change)
    saved = lived_in.with_name("saved")
    shutil.copytree(lived_in, saved)
    change(lived_in)
    digest = written(lived_in).digest
    (found,) = digest.disagreements
    assert words in found.what
    assert (found.count, len(found.examples)) == (1, 1)
    assert "Places where ledger and folders do not agree: 1." in digest.must_act[-1]
    assert any("found that ledger and folders do not agree" in n for n in status_of(settings_for(lived_in)).must_act)
    for folder in ("archive", "quarantine", "reports"):
        shutil.copytree(saved / folder, lived_in / folder, dirs_exist_ok=True)
    for extra in ("archive/*/*/**/stray.png", "quarantine/*/20260102T030405-abcd", "reports/*/S-AAAAAAAAAAAA"):
        for path in lived_in.glob(extra):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    assert written(lived_in).digest.must_act == ()
    assert not status_of(settings_for(lived_in)).must_act


def test_a_file_that_was_taken_away_unscreened_is_missed_but_one_that_its_sender_renamed_is_not(
    root: Path, session: Session
) -> None:
    intake = root / "intake"
    draw_png(intake / "a.png", 30)
    (intake / "link.png").symlink_to("/etc/hostname")
    (intake / "b.png.part").write_bytes(b"grows")
    screen(session)
    (intake / "b.png.part").unlink()
    draw_png(intake / "b.png", 60)
    screen(session)
    assert written(root).digest.counts["pending"] == 1
    (intake / "link.png").unlink()
    digest = written(root).digest
    (gone,) = digest.disagreements
    assert gone.examples == ("link.png",)
    assert "taken away before it could be screened" in gone.what


def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


@pytest.mark.usefixtures("pages")
@pytest.mark.parametrize(("language", "words"), [("en", "nothing was counted"), ("id", "tidak ada yang dihitung")])
def test_with_a_damaged_ledger_a_digest_compares_nothing_and_claims_nothing(
    lived_in: Path, language: str, words: str
) -> None:
    sound = written(lived_in, language=language)
    before = [path.read_bytes() for path in (sound.html, sound.pdf, sound.json)]
    agreement = "They agree." if language == "en" else "Semuanya cocok."
    assert agreement in text_of(sound.html)
    (lived_in / "ledger.sqlite").write_bytes(b"garbage" * 1000)
    found = written(lived_in, language=language)
    assert [path.read_bytes() for path in (sound.html, sound.pdf, sound.json)] == before
    assert any("cxrscreen recover" in need for need in found.digest.must_act)
    assert (found.digest.compared, found.digest.counts, found.digest.places) == (False, {}, ())
    assert "nothing was counted" in found.digest.equation()
    page = text_of(found.html)
    assert words in page
    assert "cxrscreen recover" in page
    assert agreement not in page
    assert "equation" not in page.partition("<body")[2]
    assert f'href="{found.pdf.name}"' in page


def test_the_night_of_an_unread_ledger_is_covered_by_the_next_digest_that_reads_it(
    root: Path, session: Session
) -> None:
    draw_png(root / "intake" / "a.png", 30)
    screen(session)
    (root / "away").mkdir()
    (root / "ledger.sqlite").rename(root / "away" / "ledger.sqlite")
    (root / "ledger.sqlite").write_bytes(b"garbage" * 1000)
    unread = written(root)
    yesterday = (datetime.fromisoformat(unread.digest.date) - timedelta(days=1)).date().isoformat()
    for path in (unread.html, unread.pdf, unread.json):
        path.rename(path.with_name(path.name.replace(unread.digest.date, yesterday)))
    assert status_of(settings_for(root)).digest is None
    (root / "away" / "ledger.sqlite").rename(root / "ledger.sqlite")
    digest = written(root).digest
    assert (digest.since, digest.arrived, digest.compared) == (None, 1, True)


def test_a_ledger_that_breaks_while_the_digest_is_written_is_said(
    lived_in: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise LedgerDamagedError("The ledger is damaged.")

    monkeypatch.setattr("cxrscreen.upkeep.digest.reconcile", broken)
    digest = written(lived_in).digest
    assert not digest.compared
    assert "The ledger is damaged." in digest.must_act


def test_what_an_earlier_digest_found_is_not_settled_by_one_that_compared_nothing(lived_in: Path) -> None:
    remove_archived(lived_in)
    written(lived_in)
    (lived_in / "ledger.sqlite").write_bytes(b"garbage" * 1000)
    assert any("found that ledger and folders do not agree" in need for need in written(lived_in).digest.must_act)


def test_before_anything_was_screened_there_is_nothing_to_disagree(root: Path) -> None:
    open_workspace(root)
    digest = written(root).digest
    assert (digest.compared, digest.arrived, digest.disagreements) == (True, 0, ())


@pytest.mark.usefixtures("pages")
@pytest.mark.parametrize("on_demand", [False, True])
def test_a_file_that_failed_and_went_nowhere_needs_a_person_and_is_named(
    root: Path, session: Session, *, on_demand: bool
) -> None:
    folder = root.parent / "asked" if on_demand else root / "intake"
    draw_png(folder / "breaks.png", 130)
    (folder / ".mark").touch()  # it is no empty mount point
    screen(session, folder if on_demand else None)
    assert written(root).digest.must_act == ()  # it is tried again
    (folder / "breaks.png").unlink()
    found = written(root)
    assert [(one.file, one.gone) for one in found.digest.failed] == [("breaks.png", True)]
    (need,) = found.digest.must_act
    assert "neither where they came from nor in the quarantine: 1." in need
    assert found.digest.disagreements == ()
    assert "Failed, and gone" in text_of(found.html)
    assert status_of(settings_for(root)).must_act == (need,)
    draw_png(root / "intake" / "again.png", 130)  # the same content
    screen(session)
    assert written(root).digest.must_act == ()


class Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value for name, value in attrs if tag == "a" and name == "href" and value]


@pytest.mark.usefixtures("pages")
def test_page_and_paper_lead_to_every_flagged_study_and_carry_the_disclaimer(lived_in: Path) -> None:
    found = written(lived_in)
    page = Links()
    page.feed(found.html.read_text(encoding="utf-8"))
    assert len(page.found) >= 1 + len(found.digest.flagged) + len(found.digest.batches)
    assert all((found.html.parent / link).is_file() for link in page.found)
    assert len(found.digest.flagged) >= 1
    on_paper = [
        annotation.get_object()["/A"]["/URI"]
        for sheet in pypdf.PdfReader(found.pdf).pages
        for annotation in sheet.get("/Annots", ())
    ]
    assert on_paper
    assert all(link.endswith(".pdf") and (found.pdf.parent / link).is_file() for link in on_paper)
    for sheet in pages_of(found.pdf):
        assert ENGLISH_DISCLAIMER in sheet
        assert INDONESIAN_DISCLAIMER in sheet
    counts = found.digest.counts
    sums = " + ".join(f"{counts[outcome]} {outcome}" for outcome in OUTCOMES)
    assert f"{found.digest.arrived} arrived = {sums}" in pages_of(found.pdf)[0]
    for path in (found.html, found.pdf, found.json):
        assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.usefixtures("pages")
def test_an_indonesian_digest_says_in_indonesian_what_must_be_done(root: Path, session: Session) -> None:
    draw_png(root / "intake" / "breaks.png", 130)
    (root / "intake" / os.fsdecode(b"\xe2\x80\xaefdp.png")).symlink_to("/etc/hostname")
    screen(session)
    archive = root / "archive" / "2026-01-02" / "20260102T030405-abcd"
    archive.mkdir(parents=True)
    (archive / "<script>.png").write_bytes(b"x")

    def failed(settings: Settings) -> SelfTest:
        finding = Finding("model", healthy=False, detail="gone")
        return passed(settings).model_copy(update={"healthy": False, "findings": (finding,)})

    time.sleep(0.2)
    settings = settings_for(root, language="id", waiting_hours=1e-9, min_free_megabytes=1_000_000)
    found = write_digest(settings, self_test=failed)
    html = found.html.read_text(encoding="utf-8")
    assert len(found.digest.must_act) == 4
    assert html.count('<li lang="id">') == 4
    assert 'lang="en">Place' not in html
    assert "Perlu tindakan" in html
    assert "[U+202E]fdp.png" in html
    assert "&lt;script&gt;.png" in html
    assert "<script>" not in html


def test_a_digest_that_cannot_be_written_is_said_in_words_and_the_next_one_misses_nothing(
    root: Path, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw_png(root / "intake" / "a.png", 30)
    screen(session)

    def full(_path: Path, _content: bytes) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("cxrscreen.upkeep.digest.write_file", full)
        with pytest.raises(ReportError, match="No space left on device"):
            written(root)
    digest = written(root).digest
    assert (digest.since, digest.arrived) == (None, 1)
    assert json.loads((root / "reports" / "digests" / f"{digest.date}.json").read_bytes())["counts"] == digest.counts


@pytest.mark.parametrize("mount_point", [False, True])
def test_without_the_reports_no_digest_is_written_in_their_stead(lived_in: Path, *, mount_point: bool) -> None:
    (lived_in / "reports").rename(lived_in / "elsewhere")
    if mount_point:
        (lived_in / "reports").mkdir()
    with pytest.raises(WorkspaceError, match="Mount its disk"):
        written(lived_in)
    assert not list(lived_in.glob("reports/*"))
    assert mount_point == (lived_in / "reports").exists()


@pytest.mark.parametrize("name", ["archive", "quarantine"])
def test_what_lies_on_a_disk_that_is_not_mounted_is_not_called_lost(lived_in: Path, name: str) -> None:
    (lived_in / name).rename(lived_in / "elsewhere")
    (lived_in / name).mkdir()
    digest = written(lived_in).digest
    assert (digest.compared, digest.disagreements, digest.name) == (False, (), f"{digest.date}-incomplete")
    assert digest.must_act == (
        f"The folder {name} is gone, or another one lies in its place. Mount its disk, or put it back.",
    )
    (lived_in / name).rmdir()
    (lived_in / "elsewhere").rename(lived_in / name)
    assert written(lived_in).digest.disagreements == ()


@pytest.mark.parametrize(
    ("name", "depth"),
    [("archive", 0), ("archive", 1), ("archive", 2), ("quarantine", 2), ("reports", 0), ("reports", 1)],
)
def test_what_lies_in_a_folder_that_cannot_be_read_is_not_called_lost(
    lived_in: Path, monkeypatch: pytest.MonkeyPatch, name: str, depth: int
) -> None:
    closed = min(path for path in lived_in.glob(f"{name}{'/2*' * depth}") if path.suffix != ".records")
    scandir = os.scandir

    def refused(path: Path) -> object:
        if Path(path) == closed:
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr("cxrscreen.upkeep.below.os.scandir", refused)
    digest = written(lived_in).digest
    assert (digest.compared, digest.disagreements) == (False, ())
    (need,) = digest.must_act
    assert "cannot be read: Permission denied." in need
    assert load_words("id").sentence(need).language == "id"
    assert closed.name == name or closed.name not in need


def test_of_an_intake_that_is_not_mounted_no_file_is_called_taken_away(root: Path, session: Session) -> None:
    draw_png(root / "intake" / "breaks.png", 130)
    (root / "intake" / "link.png").symlink_to("/etc/hostname")
    screen(session)
    (root / "intake").rename(root / "elsewhere")
    (root / "intake").mkdir()
    digest = written(root).digest
    assert (digest.disagreements, digest.must_act) == ((), ())
    assert status_of(settings_for(root)).must_act == ()


def test_a_source_that_may_not_be_looked_into_stops_neither_status_nor_digest(
    root: Path, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = root.parent / "asked"
    draw_png(asked / "breaks.png", 130)
    screen(session, asked)
    look = Path.stat

    def refused(path: Path, *, follow_symlinks: bool = True) -> os.stat_result:
        if asked in path.parents:
            raise PermissionError(13, "Permission denied", str(path))
        return look(path, follow_symlinks=follow_symlinks)

    monkeypatch.setattr(Path, "stat", refused)
    monkeypatch.setattr(Path, "lstat", lambda path: refused(path, follow_symlinks=False))
    ledger = status_of(settings_for(root)).ledger
    assert ledger is not None
    assert [(one.file, one.gone) for one in ledger.failed] == [("breaks.png", False)]
    assert written(root).digest.must_act == ()


class Clock:
    """The clock of a machine, some days off."""

    days = 0.0

    def now(self, zone: tzinfo | None = None) -> datetime:
        return datetime.now(zone) + timedelta(days=self.days)

    def fromisoformat(self, text: str) -> datetime:
        return datetime.fromisoformat(text)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    for module in ("cxrscreen.screening.batch", "cxrscreen.screening.records", "cxrscreen.upkeep.status"):
        monkeypatch.setattr(sys.modules[module], "datetime", clock)
    return clock


def morning(root: Path, clock: Clock) -> Digest:
    """Write the digest of the clock's day."""

    def passed_now(settings: Settings) -> SelfTest:
        return passed(settings).model_copy(update={"at": clock.now().astimezone().isoformat()})

    return write_digest(settings_for(root), self_test=passed_now).digest


@pytest.mark.parametrize("days", [-4000, 400])
@pytest.mark.parametrize("told_then", [False, True])
def test_what_came_under_a_wrong_clock_is_told_once(
    root: Path, session: Session, clock: Clock, *, days: int, told_then: bool
) -> None:
    draw_png(root / "intake" / "a.png", 30)
    screen(session)
    assert morning(root, clock).arrived == 1
    clock.days = days
    draw_png(root / "intake" / "b.png", 60)
    screen(session)
    assert not told_then or morning(root, clock).arrived == 1
    clock.days = 1
    draw_png(root / "intake" / "c.png", 90)
    screen(session)
    digest = morning(root, clock)
    assert (digest.arrived, digest.must_act) == (1 if told_then else 2, ())
    status = status_of(settings_for(root))
    assert status.digest is not None
    assert (status.digest.date, status.must_act) == (digest.date, ())
    assert morning(root, clock).arrived == digest.arrived  # the same day
    clock.days = 2
    assert morning(root, clock).arrived == 0


def test_a_file_that_waited_and_was_screened_after_the_clock_was_put_back_counts_once(
    root: Path, session: Session, clock: Clock
) -> None:
    draw_png(root / "intake" / "first.png", 60)
    (root / "intake" / "a.png").symlink_to("/etc/hostname")
    screen(session)
    (root / "intake" / "a.png").unlink()
    draw_png(root / "intake" / "a.png", 30)
    clock.days = -1
    screen(session)
    clock.days = 0
    digest = morning(root, clock)
    assert (digest.arrived, digest.counts["reported"], digest.disagreements) == (2, 2, ())


def test_what_a_digest_found_under_a_wrong_clock_does_not_call_for_a_person_for_years(
    lived_in: Path, clock: Clock
) -> None:
    lost = archived(lived_in)
    lost.rename(lived_in / "elsewhere")
    clock.days = 400
    assert morning(lived_in, clock).disagreements
    (lived_in / "elsewhere").rename(lost)
    clock.days = 0
    assert morning(lived_in, clock).disagreements == ()
    assert status_of(settings_for(lived_in)).must_act == ()


def test_the_status_shows_the_last_digest_and_what_the_workspace_holds(lived_in: Path) -> None:
    digest = written(lived_in).digest
    status = status_of(settings_for(lived_in))
    assert status.digest is not None
    assert status.digest.link == f"reports/digests/{digest.date}.html"
    assert status.disk is not None
    held = sum(p.stat().st_size for p in lived_in.rglob("*") if p.is_file() and not p.is_symlink())
    assert status.disk.workspace == pytest.approx(held, rel=0.3)
