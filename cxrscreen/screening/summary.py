"""What a run has done, as the JSON object that scripts read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from cxrscreen.reporting.model import Tally
from cxrscreen.screening.outcomes import FileRecord
from cxrscreen.screening.screen import Round
from cxrscreen.screening.session import Session


def summary_as_json(session: Session, rounds: Sequence[Round]) -> dict[str, object]:
    """Return sums, model, batch reports and one entry a file; paths are absolute.

    A file that was never opened (still being written) has an entry, too; one that waits in several rounds has one.
    """
    entries: dict[str, dict[str, object]] = {}
    for opened, summary in rounds:
        if summary is None:
            entries |= {n: _entry(n, "pending") | {"reason": cause} for n, cause in opened.pending.items()}
        else:
            entries |= {file.name: _file_entry(session.workspace.root, file) for file in summary.files}
    sums = Counter(str(entry["outcome"]) for entry in entries.values())
    batches = [summary for _, summary in rounds if summary is not None]
    model = batches[-1].model if batches else session.registry.card_of(session.settings.model).version
    return {
        **Tally(**sums).counts(),
        "beyond": rounds[-1][0].beyond,
        "trouble": rounds[-1][0].trouble or None,
        "model": model,
        "batch_report": str(batches[-1].report_html) if batches else None,
        "batch_reports": [str(batch.report_html) for batch in batches],
        "workspace": str(session.workspace.root),
        "studies": list(entries.values()),
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
