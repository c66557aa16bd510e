"""A finished batch as the JSON object that scripts read."""

from __future__ import annotations

from pathlib import Path

from cxrscreen.reporting.model import Tally
from cxrscreen.screening.batch import BatchSummary, OpenedBatch
from cxrscreen.screening.outcomes import FileRecord
from cxrscreen.screening.session import Session


def summary_as_json(session: Session, opened: OpenedBatch, summary: BatchSummary | None) -> dict[str, object]:
    """Return sums, model, batch report and one entry a file; paths are absolute.

    A file that was never opened (still being written) has an entry, too.
    """
    if summary is None:
        tally = Tally(pending=len(opened.pending))
        studies = [_entry(name, "pending") | {"reason": cause} for name, cause in opened.pending.items()]
        model, report = session.registry.card_of(session.settings.model).version, None
    else:
        tally, model, report = summary.tally, summary.model, str(summary.report_html)
        studies = [_file_entry(session.workspace.root, file) for file in summary.files]
    return {
        **tally.counts(),
        "model": model,
        "batch_report": report,
        "workspace": str(session.workspace.root),
        "studies": studies,
    }


def _file_entry(root: Path, file: FileRecord) -> dict[str, object]:
    entry = _entry(file.name, str(file.outcome)) | {
        "reason": ": ".join(part for part in (file.reason, file.detail) if part) or None,
        "score": file.score,
        "positive": file.positive,
    }
    if file.report is not None:
        folder = root / file.report
        entry |= {"report_html": str(folder / "report.html"), "report_pdf": str(folder / "report.pdf")}
    return entry


def _entry(name: str, outcome: str) -> dict[str, object]:
    return {
        "file": name,
        "outcome": outcome,
        "reason": None,
        "score": None,
        "positive": None,
        "report_html": None,
        "report_pdf": None,
    }
