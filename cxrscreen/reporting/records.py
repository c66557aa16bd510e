"""The machine-readable side of a report: JSON and CSV."""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import asdict
from typing import Any

from cxrscreen.classifier.operating_point import Finding, Prediction
from cxrscreen.reporting.model import BatchReport, ReadRadiograph, RefusedFile, StudyReport
from cxrscreen.reporting.page_parts import printable

SCHEMA_VERSION = 2
CSV_COLUMNS = (
    "file", "outcome", "reason", "detail", "study", "score", "operating_point", "positive", "finding", "lung_share",
    "strangeness", "review", "report_html", "report_pdf",
)  # fmt: skip  # two lines read better than fourteen

_STARTS = r"=+\-@\t\r"
_ALIKE = "\uff1d\uff0b\uff0d\uff20\ufe66\ufe62\ufe63\ufe6b\u2212"  # full-width and small forms, and the minus of print
_FORMULA = re.compile(rf"(^|;)(\s*[{_STARTS}{_ALIKE}])")


def study_record(report: StudyReport) -> dict[str, Any]:
    """Return a study's report without its pictures; the map's cells, rounded, stand for the overlay."""
    patient = report.patient
    return {
        "schema_version": SCHEMA_VERSION,
        "disclaimer": "Prototype, not for medical use, cannot yet be used for diagnosis.",
        "study": report.study_key,
        "patient": report.patient_key,
        "identity": None
        if patient is None
        else {"name": patient.name, "patient_id": patient.patient_id, "birth_date": patient.birth_date},
        "batch": report.batch_id,
        "screened_at": report.screened_at,
        "site": report.site_name,
        **_prediction(report.radiographs[0].prediction),
        "explanation": report.explanation,
        "overlay_alpha": report.overlay_alpha,
        "phantoms": report.phantoms,
        "prevalence": report.prevalence,
        "radiographs": [_radiograph(radiograph) for radiograph in report.radiographs],
        "refused": [_refused(file) for file in report.refused],
        "model": report.card.model_dump(mode="json"),
    }


def batch_record(report: BatchReport) -> dict[str, Any]:
    """Return a batch's report; studies in the order of the index."""
    return {
        "schema_version": SCHEMA_VERSION,
        "disclaimer": "Prototype, not for medical use, cannot yet be used for diagnosis.",
        "batch": report.batch_id,
        "started_at": report.started_at,
        "finished_at": report.finished_at,
        "site": report.site_name,
        "phantoms": report.phantoms,
        "meant": report.meant,
        **report.tally.counts(),
        "studies": [
            {
                "study": row.study_key,
                "files": list(row.files),
                **_prediction(row.prediction),
                "review": list(row.review),
                "lung_shares": list(row.lung_shares),
                "strangeness": row.strangeness,
                "report_html": row.report_html.as_posix(),
                "report_pdf": row.report_pdf.as_posix(),
            }
            for row in report.studies
        ],
        "refused_files": [_refused(file) for file in report.refused],
        "duplicates": [{"file": row.file_name, "first_report": row.first_report} for row in report.duplicates],
        "failed_files": [{"file": row.file_name, "detail": row.detail} for row in report.failed],
        "pending_files": [{"file": row.file_name, "detail": row.cause} for row in report.pending],
        "model": report.card.model_dump(mode="json"),
    }


def write_json(record: dict[str, Any]) -> bytes:
    """Serialise a record; ASCII escapes keep file names that are no text readable for scripts."""
    return (json.dumps(record, indent=2, allow_nan=False) + "\n").encode()


def batch_table(report: BatchReport) -> bytes:
    """Return one line per file that arrived, as CSV (RFC 4180) with the mark that tells spreadsheets it is UTF-8."""
    table = io.StringIO(newline="")
    writer = csv.DictWriter(table, CSV_COLUMNS, restval="")
    writer.writeheader()
    for line in _table_lines(report):
        writer.writerow({column: disarm(printable(str(value))) for column, value in line.items()})
    return table.getvalue().encode("utf-8-sig")


def disarm(cell: str) -> str:
    """Keep a cell from becoming a formula: an apostrophe before =, +, -, @, tab or carriage return (OWASP).

    Also after blanks; after a semicolon, which begins a new cell where decimals are written with a comma; and before
    the full-width and small forms of these signs, which some spreadsheets take for the same.
    """
    return _FORMULA.sub(r"\1'\2", cell)


def _table_lines(report: BatchReport) -> list[dict[str, object]]:
    lines: list[dict[str, object]] = [
        {
            "file": file,
            "outcome": "reported",
            "study": row.study_key,
            "score": repr(row.prediction.score),
            "operating_point": repr(row.prediction.operating_point.threshold),
            "positive": str(row.prediction.finding is Finding.POSITIVE).lower(),
            "finding": row.prediction.finding.value,
            "lung_share": "; ".join(map(repr, row.lung_shares)),
            "strangeness": "" if row.strangeness is None else repr(row.strangeness),
            "review": "; ".join(row.review),
            "report_html": row.report_html.as_posix(),
            "report_pdf": row.report_pdf.as_posix(),
        }
        for row in report.studies
        for file in row.files
    ]
    lines += [
        {"file": row.file_name, "outcome": "refused", "reason": row.reason.value, "detail": row.detail}
        for row in report.refused
    ]
    lines += [
        {"file": row.file_name, "outcome": "duplicate", "report_html": row.first_report or ""}
        for row in report.duplicates
    ]
    lines += [{"file": row.file_name, "outcome": "failed", "detail": row.detail} for row in report.failed]
    lines += [{"file": row.file_name, "outcome": "pending", "detail": row.cause} for row in report.pending]
    return lines


def _prediction(prediction: Prediction) -> dict[str, Any]:
    return {
        "score": prediction.score,
        "operating_point": prediction.operating_point.threshold,
        "band": None if prediction.band is None else [prediction.band.low, prediction.band.high],
        "finding": prediction.finding.value,
        "positive": prediction.finding is Finding.POSITIVE,
    }


def _radiograph(radiograph: ReadRadiograph) -> dict[str, Any]:
    return {
        "file": radiograph.file_name,
        "sha256": radiograph.sha256,
        **_prediction(radiograph.prediction),
        "acquisition": asdict(radiograph.acquisition),
        "notices": list(radiograph.notices),
        "review": list(radiograph.review),
        "strangeness": radiograph.strangeness,
        "lung_share": radiograph.lung_share,
        "lung_fault": None if radiograph.fields is None else radiograph.fields.fault,
        "map_audit": None if radiograph.audit is None else asdict(radiograph.audit),
        "map_box": list(radiograph.box),
        "activation_map": [[round(float(cell), 4) for cell in row] for row in radiograph.activation_map],
    }


def _refused(file: RefusedFile) -> dict[str, Any]:
    return {"file": file.file_name, "sha256": file.sha256, "reason": file.reason.value, "detail": file.detail}
