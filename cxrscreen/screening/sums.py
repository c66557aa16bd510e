"""What a finished batch amounts to: its sums, its studies by falling score, and every file without a score."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath

from cxrscreen.classifier.card import ModelCard
from cxrscreen.classifier.operating_point import Prediction
from cxrscreen.radiograph.refusal import Reason
from cxrscreen.reporting.model import BatchReport, DuplicateRow, FailedRow, PendingRow, RefusedFile, StudyRow, Tally
from cxrscreen.screening.outcomes import BatchRecord, FileRecord, Outcome
from cxrscreen.settings import Settings


def sum_up(settings: Settings, batch: BatchRecord, files: Sequence[FileRecord], finished_at: str) -> BatchReport:
    """Return what the report of a batch says."""
    card = batch.card
    by_outcome: dict[Outcome, list[FileRecord]] = {outcome: [] for outcome in Outcome}
    for file in files:
        by_outcome[file.outcome or Outcome.PENDING].append(file)
    return BatchReport(
        batch_id=batch.batch_id,
        started_at=batch.started_at,
        finished_at=finished_at,
        site_name=settings.site_name,
        card=card,
        meant=batch.meant,
        tally=Tally(**{str(outcome): len(files) for outcome, files in by_outcome.items()}),
        studies=_study_rows(by_outcome[Outcome.REPORTED], card),
        refused=tuple(
            RefusedFile(file_name=f.name, sha256=f.sha256, reason=Reason(f.reason), detail=f.detail)
            for f in by_outcome[Outcome.REFUSED]
        ),
        duplicates=tuple(
            DuplicateRow(file_name=f.name, first_report=_from_batch_folder(f.report))
            for f in by_outcome[Outcome.DUPLICATE]
        ),
        failed=tuple(FailedRow(file_name=f.name, detail=f.detail) for f in by_outcome[Outcome.FAILED]),
        pending=tuple(PendingRow(file_name=f.name, cause=f.detail) for f in by_outcome[Outcome.PENDING]),
        phantoms=settings.demonstration,
    )


def _study_rows(reported: Iterable[FileRecord], card: ModelCard) -> tuple[StudyRow, ...]:
    by_study: dict[str, list[FileRecord]] = {}
    for file in reported:
        by_study.setdefault(file.study_key, []).append(file)
    rows = [
        StudyRow(
            study_key=key,
            files=tuple(f.name for f in files),
            prediction=Prediction(
                score=max(f.score or 0.0 for f in files), operating_point=card.operating_point, band=card.band
            ),
            report_html=PurePosixPath(key, "report.html"),
            report_pdf=PurePosixPath(key, "report.pdf"),
            review=tuple(dict.fromkeys(why for f in files for why in f.review)),
            lung_shares=tuple(f.lung_share for f in files if f.lung_share is not None),
            strangeness=max((f.strangeness for f in files if f.strangeness is not None), default=None),
        )
        for key, files in by_study.items()
    ]
    return tuple(sorted(rows, key=lambda row: (-row.prediction.score, row.study_key)))


def _from_batch_folder(report: str | None) -> str | None:
    """Return the link from a batch's index to a report folder given relative to the workspace."""
    return None if report is None else str(PurePosixPath("..", *PurePosixPath(report).parts[1:], "report.html"))
