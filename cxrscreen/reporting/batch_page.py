"""What the index of one batch shows, ready for its template."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence, Sized
from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import quote

from cxrscreen.classifier.card import ModelCard
from cxrscreen.classifier.operating_point import Finding
from cxrscreen.reporting.map_part import MapSpread, spread_of_maps
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

MOST_NAMED = 60  # studies of each reason to look again; all of them stand in the table with their reasons
MOST_ROWS = 500  # of each list without scores; a page costs 3 ms and 90 KB a row, and batch.csv has them all


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyLine:
    """One reported study."""

    study_key: str
    files: tuple[str, ...]
    flagged: bool
    uncertain: bool
    finding: str
    score: str
    score_at: float  # percent of the bar
    html: str
    pdf: str
    label: str
    review: tuple[Sentence, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewGroup:
    """All studies that a person is to look at for one reason."""

    reason: Sentence
    count: str
    studies: tuple[StudyLine, ...]
    more: str


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
    low_at: float  # of the uncertain band; without one, both are the operating point's
    high_at: float
    studies: tuple[StudyLine, ...]
    look_again: tuple[ReviewGroup, ...]
    maps: MapSpread | None
    refused: tuple[RefusalGroup, ...]
    duplicates: tuple[DuplicateLine, ...]
    failed: tuple[FileLine, ...]
    pending: tuple[FileLine, ...]
    more: Mapping[str, str]  # by the names above: what is said of the lines that are left out
    model: ModelSummary


def compose_batch_page(report: BatchReport, words: Words) -> BatchPage:
    """Turn a batch's report into the values that its index prints."""
    low, high = _limits(report.card)
    lists: dict[str, Sized] = {"refused": report.refused, "duplicates": report.duplicates}
    lists |= {"failed": report.failed, "pending": report.pending}
    lines = tuple(_study(row, words) for row in report.studies)
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
        summary=_summary(report, words),
        phantoms=report.phantoms,
        stands_in=report.meant and words.text("batch", "stands_in", meant=report.meant, used=report.card.version),
        low_at=round(100 * low, 2),
        high_at=round(100 * high, 2),
        studies=lines,
        look_again=_look_again(lines, words),
        maps=spread_of_maps([share for row in report.studies for share in row.lung_shares], report.card, words),
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


def _limits(card: ModelCard) -> tuple[float, float]:
    threshold = card.operating_point.threshold
    return (threshold, threshold) if card.band is None else (card.band.low, card.band.high)


def _summary(report: BatchReport, words: Words) -> str:
    found = Counter(row.prediction.finding for row in report.studies)
    low, high = (words.number(limit, 3) for limit in _limits(report.card))
    return words.text(
        "batch",
        "studies_summary" if report.card.band is None else "studies_summary_band",
        studies=words.count(len(report.studies)),
        flagged=words.count(found[Finding.POSITIVE]),
        uncertain=words.count(found[Finding.UNCERTAIN]),
        threshold=low,
        low=low,
        high=high,
    )


def _look_again(lines: Sequence[StudyLine], words: Words) -> tuple[ReviewGroup, ...]:
    """Put the studies that a person is to look at together by reason, the uncertain ones first."""
    groups: dict[Sentence, list[StudyLine]] = {}
    for line in lines:
        if line.uncertain:
            groups.setdefault(Sentence(line.finding, words.language), []).append(line)
    for line in lines:
        for why in line.review:
            groups.setdefault(why, []).append(line)
    return tuple(
        ReviewGroup(
            reason=why,
            count=words.count(len(studies)),
            studies=tuple(studies[:MOST_NAMED]),
            more=words.text("digest", "more", n=words.count(len(studies) - MOST_NAMED))
            if len(studies) > MOST_NAMED
            else "",
        )
        for why, studies in groups.items()
    )


def _study(row: StudyRow, words: Words) -> StudyLine:
    return StudyLine(
        study_key=row.study_key,
        files=row.files,
        flagged=row.prediction.finding is Finding.POSITIVE,
        uncertain=row.prediction.finding is Finding.UNCERTAIN,
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
