"""A workspace with a past: nights of every outcome, a folder on demand, and a batch whose run has died."""

from __future__ import annotations

import hashlib
import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from cxrscreen.screening.batch import open_batch
from cxrscreen.screening.pipeline import screen_studies
from cxrscreen.screening.screen import screen
from cxrscreen.screening.session import Session
from cxrscreen.settings import Settings, load_settings
from tests.fakes import StubClassifier, draw_png, stub_session
from tests.reporting.report_samples import CARD
from tests.screening.test_hard_nights import study_file

FAILING_GREY = 133


def live(root: Path) -> None:
    """Fill a workspace: two finished nights, one folder on demand, one interrupted batch."""
    intake = root / "intake"
    draw_png(intake / "first.png", 20)
    draw_png(intake / os.fsdecode(b"ward 7/M\xfcller.png"), 40)
    draw_png(intake / "copy.png", 20)
    (intake / "letter.txt").write_text("no picture")
    study_file(intake / "study" / "pa.dcm", grey=1000)
    study_file(intake / "study" / "lateral.dcm", grey=1100, ViewPosition="LL")
    draw_png(intake / "failing.png", FAILING_GREY)
    stub = StubClassifier(breaks_on_grey=FAILING_GREY)
    with stub_session(root, stub) as session:
        screen(session)
        draw_png(intake / "first.png", 60)
        draw_png(intake / "again.png", 20)
        draw_png(intake / "growing.png.part", 70)
        screen(session)
        asked = root.parent / "asked"
        draw_png(asked / "first.png", 60)
        draw_png(asked / "new.png", 80)
        (asked / "letter.txt").write_text("another letter")
        screen(session, asked)
        interrupt(session)


def interrupt(session: Session) -> str:
    """Leave a batch as a dying run does: one study reported, none of it moved, one not yet looked at."""
    draw_png(session.workspace.intake / "reported.png", 90)
    draw_png(session.workspace.intake / "open.png", 110)
    opened = open_batch(session)
    assert opened.batch_id is not None
    with pytest.MonkeyPatch.context() as dying:
        dying.setattr("cxrscreen.screening.pipeline.place_files", lambda *_: None)
        studies = {f.name: f.study_key for f in session.ledger.files(opened.batch_id)}
        screen_studies(session, opened.batch_id, [studies["reported.png"]])
    session.ledger.end_lease(opened.batch_id)
    return opened.batch_id


def settings_of(root: Path, **further: object) -> Settings:
    """Return the settings of a workspace that screens with the stub."""
    return load_settings(root, **{"model": CARD.version, "settle_seconds": 0} | further)


def rows(ledger: Path) -> list[dict[str, Any]]:
    """Return the table of files, without what a rebuilding may number or count anew."""
    with closing(sqlite3.connect(ledger)) as db:
        db.row_factory = sqlite3.Row
        found = [dict(row) for row in db.execute("SELECT * FROM file ORDER BY batch_id, CAST(name AS BLOB)")]
    for row in found:
        row.pop("tries", None)
    return found


def every_file(root: Path) -> list[str]:
    """Return the content hashes of all that lies in intake, archive and quarantine, without our records."""
    return sorted(
        hashlib.sha256(path.read_bytes()).hexdigest()
        for top in ("intake", "archive", "quarantine")
        for path in (root / top).rglob("*")
        if path.is_file() and path.suffix != ".json" and not path.name.startswith(".")
    )
