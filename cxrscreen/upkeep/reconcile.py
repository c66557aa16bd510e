"""Do ledger and folders agree? Every row's file must lie where the row says, and every file must have a row."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from cxrscreen.reporting.digest import Disagreement
from cxrscreen.reporting.page_parts import printable
from cxrscreen.screening.records import REASON_FILE
from cxrscreen.upkeep.below import entries, is_gone, walk
from cxrscreen.upkeep.ledger_view import FileLine, LedgerView
from cxrscreen.workspace import Workspace

EXAMPLES = 20
REPORT_FILES = ("report.html", "report.pdf", "report.json")
INDEX_FILES = ("index.html", "index.pdf", "batch.csv", "batch.json")


@dataclass(slots=True)
class _Found:
    lost: list[str] = field(default_factory=list)
    strays: list[str] = field(default_factory=list)
    reports: list[str] = field(default_factory=list)
    unknown_reports: list[str] = field(default_factory=list)
    indices: list[str] = field(default_factory=list)


def reconcile(workspace: Workspace, view: LedgerView) -> tuple[int, tuple[Disagreement, ...]]:
    """Compare the whole ledger with archive, quarantine and reports; may run while files are screened.

    A batch at a time, so that memory does not grow with the archive. Folders are listed before the ledger is asked:
    a file's destination is written before the file moves, so whatever is found has its row by then.

    Returns:
        Files that were compared, and what does not agree.

    Raises:
        LedgerError: The ledger cannot be read.
        OSError: A folder cannot be listed, so that nothing can be said of what lies in it.
    """
    found, checked = _Found(), 0
    folders = _batch_folders(workspace)
    reports = {entry.name for entry in entries(workspace.reports)}
    days = view.batch_days()
    for batch_id in folders.keys() - days.keys():
        found.strays += [file for folder in folders[batch_id] for file in _kept_files(workspace.root, folder)]
    for batch_id, day in days.items():
        on_disk = {file for folder in folders.get(batch_id, ()) for file in _kept_files(workspace.root, folder)}
        rows = view.files(batch_id)
        checked += len(rows)
        _compare_files(workspace.root, on_disk, rows, found)
        if day:  # finished: its reports are complete
            _compare_reports(workspace, batch_id, rows, found, listed=batch_id in reports)
    return checked, tuple(_disagreements(found))


def folder_bytes(workspace: Workspace) -> dict[str, int]:
    """Return what each folder of the workspace holds, in bytes; links are not followed.

    A figure for orientation: of a folder in which one cannot be listed, it is what was found until then.
    """
    return {
        entry.name: _bytes_below(entry) if entry.is_dir(follow_symlinks=False) else _size(entry)
        for entry in entries(workspace.root)
    }


def _compare_files(root: Path, on_disk: set[str], rows: list[FileLine], found: _Found) -> None:
    expected = {row.destination for row in rows if row.destination is not None}
    found.strays += sorted(on_disk - expected)
    for row in rows:
        gone = row.destination is not None and row.placed and row.destination not in on_disk
        if gone and is_gone(root / (row.destination or "")):
            found.lost.append(row.destination or "")


def _compare_reports(workspace: Workspace, batch_id: str, rows: list[FileLine], found: _Found, *, listed: bool) -> None:
    written = {row.report for row in rows if row.outcome == "reported" and row.report is not None}
    found.reports += sorted(
        report for report in written if not all((workspace.root / report / name).is_file() for name in REPORT_FILES)
    )
    folder = workspace.reports / batch_id
    if any(row.outcome not in (None, "pending") for row in rows) and not all(
        (folder / name).is_file() for name in INDEX_FILES
    ):
        found.indices.append(f"reports/{batch_id}")
    if listed:
        studies = {f"reports/{batch_id}/{entry.name}" for entry in entries(folder) if entry.name.startswith("S-")}
        found.unknown_reports += sorted(studies - {row.report for row in rows})


def _disagreements(found: _Found) -> Iterator[Disagreement]:
    for what, names in (
        ("In the ledger, but neither in the archive nor in the quarantine.", found.lost),
        ("In the archive or the quarantine, but not in the ledger.", found.strays),
        ("Reported in the ledger, but the report is gone or incomplete.", found.reports),
        ("A study's report that the ledger does not know.", found.unknown_reports),
        ("A batch whose index is gone or incomplete.", found.indices),
    ):
        if names:
            examples = tuple(str(printable(name)) for name in names[:EXAMPLES])
            yield Disagreement(what=what, count=len(names), examples=examples)


def _batch_folders(workspace: Workspace) -> dict[str, list[Path]]:
    """Folders that hold files of each batch: its own and, for names that were too long, the one beside it."""
    folders: dict[str, list[Path]] = {}
    for area in (workspace.archive, workspace.quarantine):
        for day in entries(area):
            for entry in () if day.name.startswith(".") else entries(Path(day.path)):  # hidden: a file server's
                batch_id, _, what = entry.name.partition(".")
                if batch_id and what != "records":
                    folders.setdefault(batch_id, []).append(Path(entry.path))
    return folders


def _kept_files(root: Path, folder: Path) -> Iterator[str]:
    """Name what is kept below a batch's folder, relative to the workspace; not the records beside it."""
    quarantined = folder.is_relative_to(root / "quarantine")
    if not folder.is_dir():
        yield folder.relative_to(root).as_posix()
    prefix = len(str(root)) + 1
    for _, entry in walk(folder):
        if not entry.is_dir(follow_symlinks=False) and not (quarantined and entry.name == REASON_FILE):
            yield entry.path[prefix:]


def _bytes_below(folder: os.DirEntry[str]) -> int:
    total = 0
    with suppress(OSError):
        for _, entry in walk(Path(folder.path)):
            total += 0 if entry.is_dir(follow_symlinks=False) else _size(entry)
    return total


def _size(entry: os.DirEntry[str]) -> int:
    try:
        return entry.stat(follow_symlinks=False).st_size
    except OSError:
        return 0
