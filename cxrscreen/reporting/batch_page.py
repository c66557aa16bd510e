"""What the index of one batch shows, ready for its template."""

from __future__ import annotations

from collections.abc import Mapping, Sized
from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import quote

from cxrscreen.classifier.operating_point import Finding
from cxrscreen.reporting.model import BatchReport, StudyRow
from cxrscreen.reporting.page_parts import (
    Fact,
    FileLine,
    ModelSummary,
    RefusalGroup,
    group_refusals,
    summarise_model,
)
from cxrscreen.reporting.words import Sentence, Words

MOST_ROWS = 500  # of each list without scores; a page costs 3 ms and 90 KB a row, and batch.csv has them all


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
    review: tuple[Sentence, ...]


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
    stands_in: str  # where the model is not the one that was meant
    threshold_at: float
    studies: tuple[StudyLine, ...]
    refused: tuple[RefusalGroup, ...]
    duplicates: tuple[DuplicateLine, ...]
    failed: tuple[FileLine, ...]
    pending: tuple[FileLine, ...]
    more: Mapping[str, str]  # by the names above: what is said of the lines that are left out
    model: ModelSummary


def compose_batch_page(report: BatchReport, words: Words) -> BatchPage:
    """Turn a batch's report into the values that its index prints."""
    threshold = report.card.operating_point.threshold
    lists: dict[str, Sized] = {"refused": report.refused, "duplicates": report.duplicates}
    lists |= {"failed": report.failed, "pending": report.pending}
    flagged = sum(row.prediction.finding is Finding.POSITIVE for row in report.studies)
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
        equation=tuple((words.count(n), words.text("batch", key)) for key, n in report.tally.counts().items()),
        summary=words.text(
            "batch",
            "studies_summary",
            studies=words.count(len(report.studies)),
            flagged=words.count(flagged),
            threshold=words.number(threshold, 3),
        ),
        phantoms=report.phantoms,
        stands_in=report.meant and words.text("batch", "stands_in", meant=report.meant, used=report.card.version),
        threshold_at=round(100 * threshold, 2),
        studies=tuple(_study(row, words) for row in report.studies),
        refused=group_refusals(report.refused[:MOST_ROWS], words),
        duplicates=tuple(
            DuplicateLine(file=row.file_name, first=None if row.first_report is None else quote(row.first_report))
            for row in report.duplicates[:MOST_ROWS]
        ),
        failed=tuple(
            FileLine(file=row.file_name, detail=words.sentence(row.detail)) for row in report.failed[:MOST_ROWS]
        ),
        pending=tuple(
            FileLine(file=row.file_name, detail=words.sentence(row.cause)) for row in report.pending[:MOST_ROWS]
        ),
        more={
            name: words.text("batch", "more", n=words.count(len(rows) - MOST_ROWS)) if len(rows) > MOST_ROWS else ""
            for name, rows in lists.items()
        },
        model=summarise_model(report.card, words),
    )


def _study(row: StudyRow, words: Words) -> StudyLine:
    return StudyLine(
        study_key=row.study_key,
        files=row.files,
        flagged=row.prediction.finding is Finding.POSITIVE,
        finding=words.text("finding", row.prediction.finding.value),
        score=words.number(row.prediction.score, 3),
        score_at=round(100 * row.prediction.score, 1),
        html=_link(row.report_html),
        pdf=_link(row.report_pdf),
        label=words.text("batch", "open_report", study=row.study_key),
        review=tuple(words.sentence(why) for why in row.review),
    )


def _link(path: PurePosixPath) -> str:
    return quote(path.as_posix())
