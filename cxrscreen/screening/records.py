"""What the ledger holds: batches, files and what came of them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path


class Outcome(StrEnum):
    """What came of a file."""

    REPORTED = "reported"
    REFUSED = "refused"
    DUPLICATE = "duplicate"
    FAILED = "failed"
    PENDING = "pending"


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchRecord:
    """One batch, as the ledger has it."""

    batch_id: str
    folder: Path
    keeps_source: bool
    model: str
    started_at: str
    finished_at: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A file to be claimed."""

    name: str
    sha256: str
    study_key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What came of a file, and where it is to go; ``None`` leaves it where it is."""

    outcome: Outcome
    destination: str | None = None
    reason: str = ""
    detail: str = ""
    score: float | None = None
    positive: bool | None = None
    report: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRecord:
    """One file, as the ledger has it."""

    file_id: int
    batch_id: str
    name: str
    sha256: str
    study_key: str
    outcome: Outcome | None
    reason: str
    detail: str
    score: float | None
    positive: bool | None
    report: str | None
    destination: str | None
    placed: bool
