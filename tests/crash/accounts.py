"""Every file accounted for once: what the ledger says, what lies in the folders, and what was reported, compared.

Reads the database and the folders by itself, not through the code that is under test.
"""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pypdf

REPORT = {"report.html", "report.pdf", "report.json", "radiograph.jpg"}
INDEX = {"index.html", "index.pdf", "batch.csv", "batch.json"}
RECORDED = ("sha256", "outcome", "reason", "detail", "score", "positive", "report", "destination")


def check_at_any_moment(root: Path, intake: Path, arrived: Mapping[str, bytes], *, copied: bool = False) -> None:
    """See that no file is lost, none lies in two places, and no half report is seen.

    Args:
        root: The workspace, whose run has just died.
        intake: Where files arrive.
        arrived: All files that ever did.
        copied: The intake is on another file system: for a moment a file lies in both.
    """
    expected = Counter(_hash(content) for content in arrived.values())
    lying = Counter(_hash(file.read_bytes()) for file in [*_files(intake), *kept_files(root)])
    lost = [name for name, content in arrived.items() if lying[_hash(content)] < expected[_hash(content)]]
    assert not lost, f"lost: {lost}"
    surplus = lying - expected
    assert not surplus or (copied and surplus.total() == 1), "in two places at once"
    for folder in study_folders(root):
        check_report(folder, parse=False)


def check_in_the_end(root: Path, intake: Path, arrived: Mapping[str, bytes]) -> Counter[str]:
    """See that every file has one outcome, lies where the ledger says, and is reported once; return the outcomes."""
    with closing(sqlite3.connect(root / "ledger.sqlite")) as db:
        db.row_factory = sqlite3.Row
        assert db.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
        assert not db.execute("SELECT batch_id FROM batch WHERE finished_at IS NULL").fetchall(), "an open batch"
        rows = [dict(row) for row in db.execute("SELECT * FROM file WHERE outcome IS NOT 'pending'")]
        batches = [row["batch_id"] for row in db.execute("SELECT batch_id FROM batch")]
    assert Counter(os.fsdecode(row["name"]) for row in rows) == Counter(arrived.keys()), "each file has one outcome"
    for row in rows:
        assert row["sha256"] == _hash(arrived[os.fsdecode(row["name"])])
        _check_place(root, row)
    destinations = {str(root / os.fsdecode(row["destination"])) for row in rows}
    assert {str(file) for file in kept_files(root)} == destinations, "what lies there is what the ledger says"
    assert not list(_files(intake)), "nothing is left over"
    reported = Counter(row["sha256"] for row in rows if row["outcome"] == "reported")
    assert set(reported.values()) <= {1}, "a content is reported once"
    reports = {row["report"] for row in rows if row["outcome"] == "reported"}
    assert {str(folder.relative_to(root)) for folder in study_folders(root)} == reports, "no report but the recorded"
    assert len({Path(report).name for report in reports}) == len(reports), "no study has two reports"
    for folder in study_folders(root):
        check_report(folder)
    for batch in batches:
        _check_index(root / "reports" / batch, [row for row in rows if row["batch_id"] == batch])
    assert not [path for path in root.rglob("*") if path.name.startswith(".draft-")], "no draft is left"
    return Counter(row["outcome"] for row in rows)


def kept_files(root: Path) -> list[Path]:
    """Return the files in archive and quarantine that once arrived; the records beside them did not."""
    return [
        file
        for top in ("archive", "quarantine")
        for file in _files(root / top)
        if not file.parent.name.endswith(".records") and file.name != "reason.json"
    ]


def study_folders(root: Path) -> list[Path]:
    """Return the folders of all study reports."""
    return [folder for folder in (root / "reports").glob("[!.]*/[!.]*") if folder.is_dir()]


def check_report(folder: Path, *, parse: bool = True) -> None:
    """See that a study's report is whole."""
    assert {file.name for file in folder.iterdir()} >= REPORT, f"half a report: {folder.name}"
    assert (folder / "report.pdf").read_bytes().rstrip().endswith(b"%%EOF")
    assert not parse or pypdf.PdfReader(folder / "report.pdf").pages
    assert (folder / "report.html").read_text().rstrip().endswith("</html>")
    json.loads((folder / "report.json").read_text())


def _check_index(folder: Path, rows: list[dict[str, Any]]) -> None:
    assert {file.name for file in folder.iterdir() if file.is_file()} >= INDEX, f"half an index: {folder.name}"
    assert pypdf.PdfReader(folder / "index.pdf").pages
    assert (folder / "index.html").read_text().rstrip().endswith("</html>")
    told = json.loads((folder / "batch.json").read_text())
    counted = Counter(row["outcome"] for row in rows)
    assert {name: told[name] for name in counted} == dict(counted), f"the sums of {folder.name}"


def _check_place(root: Path, row: Mapping[str, Any]) -> None:
    assert row["placed"], f"{row['outcome']} but not placed"
    destination = root / os.fsdecode(row["destination"])
    assert _hash(destination.read_bytes()) == row["sha256"]
    if row["outcome"] in ("refused", "failed"):
        record = destination.with_name("reason.json")
    else:
        _, day, batch, *_ = Path(os.fsdecode(row["destination"])).parts
        record = root / "archive" / day / f"{batch}.records" / f"{row['file_id']}.json"
    told = json.loads(record.read_text())
    for column in RECORDED:
        assert told[column] == row[column], f"{column} in the record"


def _files(folder: Path) -> Iterator[Path]:
    for file in folder.rglob("*"):
        hidden = any(part.startswith(".") for part in file.relative_to(folder).parts)
        if not hidden and file.is_file():
            yield file


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
