"""What the index of one batch shows, ready for its template."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import quote

from cxrscreen.reporting.model import BatchReport, StudyRow
from cxrscreen.reporting.page_parts import (
    Fact,
    FileLine,
    ModelSummary,
    RefusalGroup,
    group_refusals,
    is_flagged,
    summarise_model,
)
from cxrscreen.reporting.words import Words


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyLine:
    """One reported study."""

    study_key: str
    files: tuple[str, ...]
    flagged: bool
    finding: str
    score: str
    score_at: float  # percent of the bar
    html: str
    pdf: str
    label: str
    review: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DuplicateLine:
    """One file whose content was known."""

    file: str
    first: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchPage:
    """Everything that ``batch.html.j2`` prints."""

    document_title: str
    created: str
    site: str
    batch_id: str
    head: tuple[Fact, ...]
    equation: tuple[tuple[str, str], ...]  # (number, word), the sum first
    summary: str
    phantoms: bool
    threshold_at: float
    studies: tuple[StudyLine, ...]
    refused: tuple[RefusalGroup, ...]
    duplicates: tuple[DuplicateLine, ...]
    failed: tuple[FileLine, ...]
    pending: tuple[str, ...]
    model: ModelSummary


def compose_batch_page(report: BatchReport, words: Words) -> BatchPage:
    """Turn a batch's report into the values that its index prints."""
    outcomes = ("arrived", "reported", "refused", "duplicate", "failed", "pending")
    threshold = report.card.operating_point.threshold
    flagged = sum(is_flagged(row.prediction) for row in report.studies)
    return BatchPage(
        document_title=words.text("batch", "document_title", batch=report.batch_id),
        created=report.finished_at,
        site=report.site_name,
        batch_id=report.batch_id,
        head=(
            Fact(label=words.text("field", "batch"), value=report.batch_id),
            Fact(label=words.text("batch", "started"), value=words.moment(report.started_at)),
            Fact(label=words.text("batch", "finished"), value=words.moment(report.finished_at)),
        ),
        equation=tuple((words.count(getattr(report.tally, key)), words.text("batch", key)) for key in outcomes),
        summary=words.text(
            "batch",
            "studies_summary",
            studies=words.count(len(report.studies)),
            flagged=words.count(flagged),
            threshold=words.number(threshold, 3),
        ),
        phantoms=report.phantoms,
        threshold_at=round(100 * threshold, 2),
        studies=tuple(_study(row, words) for row in by_falling_score(report.studies)),
        refused=group_refusals(report.refused, words),
        duplicates=tuple(
            DuplicateLine(file=row.file_name, first=None if row.first_report is None else quote(row.first_report))
            for row in report.duplicates
        ),
        failed=tuple(FileLine(file=row.file_name, detail=row.detail) for row in report.failed),
        pending=report.pending,
        model=summarise_model(report.card, words),
    )


def by_falling_score(studies: tuple[StudyRow, ...]) -> list[StudyRow]:
    """Sort studies as the index lists them; equal scores by their key, so that the order never depends on the run."""
    return sorted(studies, key=lambda row: (-row.prediction.score, row.study_key))


def _study(row: StudyRow, words: Words) -> StudyLine:
    return StudyLine(
        study_key=row.study_key,
        files=row.files,
        flagged=is_flagged(row.prediction),
        finding=words.text("finding", row.prediction.finding.value),
        score=words.number(row.prediction.score, 3),
        score_at=round(100 * row.prediction.score, 1),
        html=_link(row.report_html),
        pdf=_link(row.report_pdf),
        label=words.text("batch", "open_report", study=row.study_key),
        review=row.review,
    )


def _link(path: PurePosixPath) -> str:
    return quote(path.as_posix())
