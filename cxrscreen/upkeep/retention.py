"""Deleting archived and quarantined files that are older than the settings allow; never by itself."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path, PurePosixPath

from cxrscreen.errors import LedgerDamagedError, LedgerError, WorkspaceError
from cxrscreen.screening.outcomes import BatchRecord, FileRecord
from cxrscreen.screening.placing import archive_path, quarantine_path
from cxrscreen.screening.records import REASON_FILE, records_folder
from cxrscreen.screening.session import Session
from cxrscreen.upkeep.below import below, folders

EXPIRED = "expired on"  # what the ledger says of a file that was deleted, with the date


@dataclass(frozen=True, slots=True, kw_only=True)
class Expired:
    """What has expired in the archive or in the quarantine.

    Attributes:
        place: "archive" or "quarantine".
        keep_days: As the settings say; 0 keeps everything.
        before: Only what was screened and placed before this day, local time, has expired.
        batches: How many batches the files come from.
        files: How many files.
        bytes: How much they are, without their records.
        unknown: Files as old that the ledger does not know; they are kept.
    """

    place: str
    keep_days: int
    before: date
    batches: int = 0
    files: int = 0
    bytes: int = 0
    unknown: int = 0


@dataclass(frozen=True, slots=True)
class _Old:
    """The files of one batch that have expired, each with its place and its record; how many are unknown."""

    files: tuple[tuple[FileRecord, Path, Path], ...]
    unknown: int


def expire(
    session: Session, *, delete: bool, even_all: bool = False, today: date | None = None
) -> tuple[Expired, Expired]:
    """Delete what the settings no longer keep, or only count it.

    Reports and the ledger's rows stay: a copy of a deleted file is still recognised as a duplicate. The row loses its
    destination and says "expired on DATE" before the file is deleted, so that a run that is killed in between leaves a
    file that the next one deletes. A batch that is not finished is left alone, and so is a file that the ledger does
    not know.

    Args:
        session: The open workspace.
        delete: Delete; otherwise nothing is changed.
        even_all: Delete also where the newest files have expired, as where nothing was screened for so long; else that
            is taken for a clock that is wrong.
        today: Local date to count from; ``None`` takes the present one.

    Returns:
        What has expired in the archive, and in the quarantine.

    Raises:
        LedgerError: The ledger cannot be used.
        WorkspaceError: Something cannot be listed or deleted; called again, it goes on. Or ``even_all`` is missing.
    """
    today = today or datetime.now().astimezone().date()
    settings, workspace = session.settings, session.workspace
    try:
        if delete and not even_all:
            _check_clock(session, today)
        archive = _expire(session, workspace.archive, settings.keep_archive_days, today, delete=delete)
        quarantine = _expire(session, workspace.quarantine, settings.keep_quarantine_days, today, delete=delete)
        for top, expired in ((workspace.archive, archive), (workspace.quarantine, quarantine)):
            for day in _old_days(top, expired.before) if delete and expired.keep_days else ():
                _tidy(session, day)
    except OSError as exc:
        raise WorkspaceError(
            f"What has expired cannot be listed or deleted: {exc.strerror}. Give the workspace's owner the right to "
            "write in archive and quarantine, and call expire again: it goes on."
        ) from exc
    return archive, quarantine


def _check_clock(session: Session, today: date) -> None:
    """See that something is kept that is young enough to stay: else it may be the clock that has leapt."""
    settings, workspace = session.settings, session.workspace
    shortest = min(filter(None, (settings.keep_archive_days, settings.keep_quarantine_days)), default=0)
    days = [day.name for top in (workspace.archive, workspace.quarantine) for day in _old_days(top, date.max)]
    if shortest and days and date.fromisoformat(max(days)) < today - timedelta(days=shortest):
        raise WorkspaceError(
            f"By this machine's clock it is {today}, and even the files of {max(days)} have expired. If it is "
            "right and all of them are to go, call expire with --yes --even-all."
        )


def _expire(session: Session, top: Path, keep_days: int, today: date, *, delete: bool) -> Expired:
    before = today - timedelta(days=keep_days)
    batches = files = size = unknown = 0
    for day in _old_days(top, before) if keep_days else ():
        for batch_id, paths in _by_batch(day).items():
            old = _expired(session, batch_id, paths, before)
            unknown += old.unknown
            batches += bool(old.files)
            files += len(old.files)
            size += sum(path.lstat().st_size for _, path, _ in old.files)
            if delete and old.files:
                _delete(session, old, today)
    return Expired(
        place=top.name, keep_days=keep_days, before=before, batches=batches, files=files, bytes=size, unknown=unknown
    )


def _old_days(top: Path, before: date) -> Iterator[Path]:
    """Yield the folders of days before ``before``; others are not ours."""
    for day in folders(top):
        with suppress(ValueError):
            if date.fromisoformat(day.name) < before:
                yield day


def _by_batch(day: Path) -> dict[str, list[Path]]:
    """Return the files below a day's folder, without their records, by batch."""
    found: dict[str, list[Path]] = {}
    for folder in folders(day):
        batch_id, _, ending = folder.name.partition(".")
        if ending != "records":
            found.setdefault(batch_id, []).extend(_files(folder))
    return found


def _expired(session: Session, batch_id: str, paths: list[Path], before: date) -> _Old:
    """Return which of a batch's files have expired; of one that is not finished, none."""
    try:
        batch = session.ledger.batch(batch_id)
    except LedgerDamagedError:
        raise
    except LedgerError:
        return _Old((), len(paths))  # no batch of this ledger
    if batch.finished_at is None:
        return _Old((), 0)
    by_place = {place: file for file in session.ledger.files(batch_id) for place in _places(batch, file)}
    records, unknown, expired = records_folder(session.workspace, batch), 0, []
    for path in paths:
        file = by_place.get(path.relative_to(session.workspace.root).as_posix())
        if file is None:
            unknown += 1
            continue
        in_archive = path.is_relative_to(session.workspace.archive)
        record = records / f"{file.file_id}.json" if in_archive else path.with_name(REASON_FILE)
        if _placed_on(record, batch.finished_at) < before:
            expired.append((file, path, record))
    return _Old(tuple(expired), unknown)


def _places(batch: BatchRecord, file: FileRecord) -> Iterator[str]:
    """Yield where a file lies; of one that has expired already, where it may be left by a run that was killed."""
    if file.destination is not None and file.placed:
        yield file.destination
    elif file.destination is None and EXPIRED in file.detail:
        yield from (archive_path(batch, file.name), quarantine_path(batch, file.name))
        for top, last in (("archive", ()), ("quarantine", ("file",))):
            yield str(PurePosixPath(top, batch.started_at[:10], f"{batch.batch_id}.short", str(file.file_id), *last))


def _placed_on(record: Path, finished_at: str) -> date:
    """Return the local date on which a file was brought to its place; without its record, its batch's end."""
    placed_at = finished_at
    with suppress(OSError, ValueError, KeyError, TypeError, RecursionError):
        placed_at = str(json.loads(record.read_bytes())["placed_at"])
    try:
        return datetime.fromisoformat(placed_at).astimezone().date()
    except (ValueError, OverflowError):
        return date.max  # nothing is deleted on the word of a record that makes no sense


def _delete(session: Session, old: _Old, today: date) -> None:
    session.ledger.expire([file.file_id for file, _, _ in old.files if file.placed], today.isoformat())
    for _, path, record in old.files:
        record.unlink(missing_ok=True)  # first: without it, the ledger still tells whose the file is
        path.unlink(missing_ok=True)


def _tidy(session: Session, day: Path) -> None:
    """Remove the folders in which nothing is left, and the records of batches of which nothing is left."""
    for folder in folders(day):
        batch_id, _, ending = folder.name.partition(".")
        if ending == "records" and not any(_remains(session, day.name, batch_id)):
            for record in folder.glob("*.json"):
                record.unlink(missing_ok=True)
    for name in (*reversed(below(day).folders), ""):
        with suppress(OSError):  # something is in it
            (day / name).rmdir()


def _remains(session: Session, day: str, batch_id: str) -> Iterator[Path]:
    """Yield what lies in archive and quarantine of a batch, or may come to lie there."""
    for top in (session.workspace.archive, session.workspace.quarantine):
        for ending in ("", ".short"):
            yield from _files(top / day / f"{batch_id}{ending}")
    with suppress(LedgerError):
        if session.ledger.batch(batch_id).finished_at is None or session.ledger.unplaced(batch_id):
            yield session.workspace.ledger


def _files(folder: Path) -> list[Path]:
    """Return the files below a batch's folder, without the reasons that lie beside those in the quarantine."""
    reasons = REASON_FILE if folder.parts[-3] == "quarantine" else None
    return [folder / name for name in below(folder).files if PurePosixPath(name).name != reasons]
