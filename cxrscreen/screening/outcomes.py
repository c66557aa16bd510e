"""Batches, files and what comes of them, as the ledger holds them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from cxrscreen.classifier.card import ModelCard
from cxrscreen.classifier.operating_point import Finding
from cxrscreen.settings import ExplanationVariant, Language

TOLD_BY_REPORT = ("score", "positive", "report", "finding", "strangeness", "lung_share", "review")
TAKEN_AWAY = "taken away before it could be read"


class Outcome(StrEnum):
    """What came of a file."""

    REPORTED = "reported"
    REFUSED = "refused"
    DUPLICATE = "duplicate"
    FAILED = "failed"
    PENDING = "pending"


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchRecord:
    """One batch, with all that must stay the same for its whole length, whichever run finishes it."""

    batch_id: str
    folder: Path
    keeps_source: bool
    card: ModelCard  # of the model that screens, whatever the champion is by now
    language: Language
    explanation: ExplanationVariant
    started_at: str
    finished_at: str | None
    meant: str = ""  # version that was meant, where an earlier champion stands in for it because it is damaged


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A file to be claimed."""

    name: str
    sha256: str
    study_key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What came of a file.

    Attributes:
        outcome: What.
        destination: Where it is to go; ``None`` leaves it where it is.
        reason: Of a refusal or failure.
        detail: What was found.
        score: Of a reported one, and so on.
        positive: Whether the finding is that.
        report: Folder of the report, relative to the workspace.
        finding: What the score says.
        strangeness: How unlike the radiographs of the model it is; a refused one may have that, too.
        lung_share: Energy of the map inside the lung fields over their share of area.
        review: Why a person should look, beyond the finding.
    """

    outcome: Outcome
    destination: str | None = None
    reason: str = ""
    detail: str = ""
    score: float | None = None
    positive: bool | None = None
    report: str | None = None
    finding: Finding | None = None
    strangeness: float | None = None
    lung_share: float | None = None
    review: tuple[str, ...] = ()

    def as_first_reported(self, first: FileRecord) -> Verdict:
        """Return the verdict on a copy of content that was reported before."""
        known = {name: getattr(first, name) for name in TOLD_BY_REPORT}
        return replace(self, outcome=Outcome.DUPLICATE, **known)


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
    tries: int = 0  # how often it was taken in hand without an end
    finding: Finding | None = None  # these four as in ``Verdict``
    strangeness: float | None = None
    lung_share: float | None = None
    review: tuple[str, ...] = ()
