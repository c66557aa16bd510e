"""What a run has done, as the JSON object that scripts read."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from cxrscreen.reporting.model import Tally
from cxrscreen.screening.batch import BatchSummary, OpenedBatch
from cxrscreen.screening.outcomes import FileRecord, Outcome
from cxrscreen.screening.screen import Round
from cxrscreen.screening.session import Session


def summary_as_json(
    session: Session,
    rounds: Sequence[Round],
    *,
    folder: Path | None = None,
    resumed: Sequence[BatchSummary] = (),
    unfinished: Mapping[str, str] = MappingProxyType({}),
) -> dict[str, object]:
    """Return sums, model, batch reports and one entry a file; paths are absolute.

    A file that was never opened (still being written) has an entry, too; one that waits in several rounds has one.

    Args:
        session: The open workspace.
        rounds: What was screened of a folder; none where an error came before.
        folder: That folder; ``None`` is the workspace's own intake.
        resumed: Batches of dead runs that were finished before, of this folder or of others.
        unfinished: Those that could not be finished, each with the cause.
    """
    looked_at = Path(os.path.realpath(folder or session.workspace.intake))
    decided: list[dict[str, object]] = []
    waiting: dict[tuple[Path, str], dict[str, object]] = {}  # where a later batch may take them up again
    batches = [*resumed, *(summary for _, summary in rounds if summary is not None)]
    for summary in batches:
        place = session.ledger.batch(summary.batch_id).folder
        for file in summary.files:
            entry = _file_entry(session.workspace.root, file)
            waiting.pop((place, file.name), None)
            if file.outcome in (Outcome.PENDING, Outcome.FAILED) and file.destination is None:
                waiting[place, file.name] = entry
            else:
                decided.append(entry)
    for opened in (opened for opened, summary in rounds if summary is None):
        for name, cause in opened.pending.items():
            waiting[looked_at, name] = _entry(name, "pending") | {"reason": cause}
    entries = [*decided, *waiting.values()]
    sums = Counter(str(entry["outcome"]) for entry in entries)
    last = rounds[-1][0] if rounds else OpenedBatch(batch_id=None)
    model = batches[-1].model if batches else session.registry.card_of(session.settings.model).version
    return {
        **Tally(**sums).counts(),
        "beyond": last.beyond,
        "trouble": last.trouble or None,
        "model": model,
        "batch_report": str(batches[-1].report_html) if batches else None,
        "batch_reports": [str(batch.report_html) for batch in batches],
        "resumed": [str(batch.report_html) for batch in resumed],
        "unfinished": dict(unfinished),
        "workspace": str(session.workspace.root),
        "studies": entries,
    }


def _file_entry(root: Path, file: FileRecord) -> dict[str, object]:
    entry = _entry(file.name, str(file.outcome)) | {
        "reason": ": ".join(part for part in (file.reason, file.detail) if part) or None,
        "score": file.score,
        "positive": file.positive,
        "finding": file.finding,
        "strangeness": file.strangeness,
        "lung_share": file.lung_share,
        "review": list(file.review),
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
        "finding": None,
        "strangeness": None,
        "lung_share": None,
        "review": [],
        "report_html": None,
        "report_pdf": None,
    }
