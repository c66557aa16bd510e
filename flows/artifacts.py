"""What a run leaves in the Prefect UI: sums, studies and links. Study keys only, never file names."""

from __future__ import annotations

from prefect.artifacts import create_markdown_artifact, create_table_artifact

from cxrscreen.reporting.model import StudyRow
from cxrscreen.screening.batch import BatchSummary
from cxrscreen.screening.outcomes import FileRecord
from cxrscreen.settings import Settings
from flows.environment import reports_url
from flows.publishing import never_fatal

MOST_ROWS = 500  # the batch report has them all


@never_fatal("the outcome of this batch")
def publish(settings: Settings, summary: BatchSummary) -> None:
    """Write the batch's table and the page with its links."""
    tally = summary.tally
    rows = [
        {
            "study": file.study_key,
            "outcome": str(file.outcome),
            "score": None if file.score is None else round(file.score, 4),
            "finding": file.finding,
            "reason": file.reason,
        }
        for file in sorted(summary.files, key=_by_falling_score)[:MOST_ROWS]
    ]
    key = summary.batch_id.lower()
    create_table_artifact(rows, key=f"outcome-{key}", description=f"Batch {summary.batch_id}, model {summary.model}")
    base = f"{reports_url(settings)}/{summary.batch_id}"
    studies = "\n".join(_study_line(base, study) for study in summary.studies[:MOST_ROWS])
    create_markdown_artifact(
        f"# Batch {summary.batch_id}\n\n"
        f"**[Batch report]({base}/index.html)** ([PDF]({base}/index.pdf))\n\n"
        "| arrived | reported | refused | duplicate | failed | pending |\n|--|--|--|--|--|--|\n"
        f"| {tally.arrived} | {tally.reported} | {tally.refused} | {tally.duplicate} | {tally.failed} "
        f"| {tally.pending} |\n\n"
        "A prototype: not for medical use, not for diagnosis.\n\n"
        f"| study | | score | finding |\n|--|--|--|--|\n{studies}\n\n"
        "The links work while `cxrscreen serve` runs on this machine.\n",
        key=f"report-{key}",
        description=f"Reports of batch {summary.batch_id}",
    )


def _study_line(base: str, study: StudyRow) -> str:
    html, pdf = f"{base}/{study.report_html}", f"{base}/{study.report_pdf}"
    prediction = study.prediction
    return f"| [{study.study_key}]({html}) | [PDF]({pdf}) | {prediction.score:.3f} | {prediction.finding} |"


def _by_falling_score(file: FileRecord) -> tuple[float, str]:
    return -(file.score if file.score is not None else -1.0), file.study_key
