"""Digests on disk: ``reports/digests/DATE.html``, ``.pdf`` and ``.json``, one a day.

One that could not read the ledger lies beside them as ``DATE-incomplete``, for people alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from pydantic import ValidationError

from cxrscreen.reporting.digest import Digest
from cxrscreen.upkeep.state import LastDigest

FOLDER = "digests"


def digest_folder(reports: Path) -> Path:
    """Return where digests lie: below the reports, so that their links and the served pages reach them."""
    return reports / FOLDER


def digests_but(reports: Path, date: str) -> Iterator[Digest]:
    """Yield the digests of all other days that can be read, the latest first; a wrong clock dates some ahead."""
    return _readable([path for path in _records(reports) if path.stem != date])


def last_digest(reports: Path, today: str) -> LastDigest | None:
    """Return what a status says of the last digest, or ``None`` where there is none that can be read.

    One of a day to come was written when the clock was wrong: there would be no newer one for as long.
    """
    digest = next(_readable([path for path in _records(reports) if path.stem <= today]), None)
    if digest is None:
        return None
    return LastDigest(
        date=digest.date,
        until=digest.until,
        must_act=len(digest.must_act),
        disagreements=sum(one.count for one in digest.disagreements),
        workspace_bytes=sum(digest.folder_bytes.values()),
        link=f"{reports.name}/{FOLDER}/{digest.date}.html",
        drift=digest.drift,
    )


def _records(reports: Path) -> list[Path]:
    with suppress(OSError):  # may not be looked into: the status says so, and no digest can be written there
        return sorted(digest_folder(reports).glob("????-??-??.json"))
    return []


def _readable(records: list[Path]) -> Iterator[Digest]:
    for path in reversed(records):
        with suppress(OSError, ValidationError):  # damaged, or of another version: the one before it will do
            yield Digest.model_validate_json(path.read_bytes())
