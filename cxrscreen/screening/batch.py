"""Opening and closing a batch: claim what has settled, later sum up what came of it."""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path, PurePosixPath

from cxrscreen.classifier.operating_point import OperatingPoint, Prediction
from cxrscreen.errors import WorkspaceError
from cxrscreen.radiograph.identity import identify
from cxrscreen.radiograph.refusal import Reason
from cxrscreen.reporting.model import BatchReport, DuplicateRow, FailedRow, RefusedFile, StudyRow, Tally
from cxrscreen.screening.intake import Sighting, look, look_again
from cxrscreen.screening.placing import place_files
from cxrscreen.screening.records import BatchRecord, Claim, FileRecord, Outcome
from cxrscreen.screening.session import Session

STILL_WRITTEN = "still being written"


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedBatch:
    """What one look at a folder found.

    Attributes:
        batch_id: ``None`` where nothing can be screened now.
        pending: Files that are still being written or that another run has claimed.
    """

    batch_id: str | None
    pending: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchSummary:
    """A finished batch: its sums, where its report lies, its studies by falling score, and every file of it."""

    batch_id: str
    model: str
    tally: Tally
    report_html: Path
    report_pdf: Path
    studies: tuple[StudyRow, ...]
    files: tuple[FileRecord, ...]


def open_batch(
    session: Session, folder: Path | None = None, *, names: Sequence[str] = (), model: str | None = None
) -> OpenedBatch:
    """Claim the settled files of a folder for a new batch.

    Nothing is decoded here and no model is loaded: an empty intake costs one listing.

    Args:
        session: The open workspace.
        folder: A folder that is left untouched; ``None`` takes the workspace's own intake.
        names: Files of the folder that count, relative to it; none means all.
        model: Version to screen with; ``None`` takes the one that the settings name.

    Raises:
        WorkspaceError: The folder cannot be read, or it holds or lies in the workspace.
        ModelError: There is no such model.
    """
    folder, keeps_source = _checked(session, folder)
    first = look(folder, names)
    if not first:
        return OpenedBatch(batch_id=None)
    claimed = session.ledger.claimed_names(folder)
    free = [sighting for sighting in first if sighting.name not in claimed]
    arrivals = look_again(folder, free, session.settings.settle_seconds)
    claims, waiting = _claims(session, arrivals.settled)
    waiting |= {s.name: STILL_WRITTEN for s in arrivals.unsettled}
    if not claims:
        return OpenedBatch(batch_id=None, pending=tuple(waiting))
    batch = _new_batch(session, folder, keeps_source=keeps_source, model=model)
    session.ledger.open_batch(batch, claims, waiting)
    return OpenedBatch(batch_id=batch.batch_id, pending=tuple(waiting))


def release_batch(session: Session, batch_id: str) -> None:
    """Give up a batch that cannot go on, e.g. for want of a model: its open files may be claimed by the next run."""
    session.ledger.leave_pending(batch_id)
    session.ledger.finish_batch(batch_id, _now())


def close_batch(session: Session, batch_id: str) -> BatchSummary:
    """Finish a batch: whatever has no outcome stays pending; write the batch report. May be called again."""
    batch = session.ledger.batch(batch_id)
    place_files(session.workspace, session.ledger, batch, session.words)
    session.ledger.leave_pending(batch_id)
    finished_at = batch.finished_at or _now()
    files = session.ledger.files(batch_id)
    folder = session.workspace.reports / batch_id
    folder.mkdir(mode=0o700, exist_ok=True)
    report = _batch_report(session, batch, files, finished_at)
    written = session.writer.write_batch(report, folder)
    session.ledger.finish_batch(batch_id, finished_at)  # last: a run that dies before is taken over
    return BatchSummary(
        batch_id=batch_id,
        model=batch.model,
        tally=report.tally,
        report_html=written.html,
        report_pdf=written.pdf,
        studies=report.studies,
        files=tuple(files),
    )


def _checked(session: Session, folder: Path | None) -> tuple[Path, bool]:
    """Return the folder to look at, and whether its files stay there."""
    intake = session.workspace.intake.resolve()
    chosen = intake if folder is None else Path(os.path.realpath(folder))
    if chosen == intake:
        return intake, False
    root = session.workspace.root.resolve()
    if chosen.is_relative_to(root) or root.is_relative_to(chosen):
        raise WorkspaceError(
            f"{chosen} holds or lies in the workspace {root}. Name a folder outside it, "
            "or put the files into its intake."
        )
    return chosen, True


def _new_batch(session: Session, folder: Path, *, keeps_source: bool, model: str | None) -> BatchRecord:
    card = session.registry.card_of(model or session.settings.model)
    now = datetime.now().astimezone()
    return BatchRecord(
        batch_id=f"{now:%Y%m%dT%H%M%S}-{secrets.token_hex(2)}",
        folder=folder,
        keeps_source=keeps_source,
        model=card.version,
        started_at=now.isoformat(timespec="seconds"),
        finished_at=None,
    )


def _claims(session: Session, settled: Iterable[Sighting]) -> tuple[list[Claim], dict[str, str]]:
    """Return the files to claim, and those that cannot be opened now, each with the cause."""
    claims: list[Claim] = []
    waiting: dict[str, str] = {}
    for sighting in settled:
        try:
            content = sighting.path.read_bytes()
        except FileNotFoundError:
            continue  # taken away again: it has not arrived
        except OSError as exc:
            waiting[sighting.name] = f"cannot be opened: {exc.strerror}"
            continue
        sha256 = hashlib.sha256(content).hexdigest()
        key = session.pseudonyms.study(identify(content), sha256)
        claims.append(Claim(name=sighting.name, sha256=sha256, study_key=key))
    return claims, waiting


def _now() -> str:
    return datetime.now().astimezone().isoformat(timespec="seconds")


def _batch_report(session: Session, batch: BatchRecord, files: Sequence[FileRecord], finished_at: str) -> BatchReport:
    card = session.registry.card_of(batch.model)
    by_outcome: dict[Outcome, list[FileRecord]] = {outcome: [] for outcome in Outcome}
    for file in files:
        by_outcome[file.outcome or Outcome.PENDING].append(file)
    return BatchReport(
        batch_id=batch.batch_id,
        started_at=batch.started_at,
        finished_at=finished_at,
        site_name=session.settings.site_name,
        card=card,
        tally=Tally(**{str(outcome): len(files) for outcome, files in by_outcome.items()}),
        studies=_study_rows(by_outcome[Outcome.REPORTED], card.operating_point),
        refused=tuple(
            RefusedFile(file_name=f.name, sha256=f.sha256, reason=Reason(f.reason), detail=f.detail)
            for f in by_outcome[Outcome.REFUSED]
        ),
        duplicates=tuple(
            DuplicateRow(file_name=f.name, first_report=_from_batch_folder(f.report))
            for f in by_outcome[Outcome.DUPLICATE]
        ),
        failed=tuple(FailedRow(file_name=f.name, detail=f.detail) for f in by_outcome[Outcome.FAILED]),
        pending=tuple(f.name for f in by_outcome[Outcome.PENDING]),
        phantoms=session.settings.demonstration,
    )


def _study_rows(reported: Iterable[FileRecord], operating_point: OperatingPoint) -> tuple[StudyRow, ...]:
    by_study: dict[str, list[FileRecord]] = {}
    for file in reported:
        by_study.setdefault(file.study_key, []).append(file)
    rows = [
        StudyRow(
            study_key=key,
            files=tuple(f.name for f in files),
            prediction=Prediction(score=max(f.score or 0.0 for f in files), operating_point=operating_point),
            report_html=PurePosixPath(key, "report.html"),
            report_pdf=PurePosixPath(key, "report.pdf"),
        )
        for key, files in by_study.items()
    ]
    return tuple(sorted(rows, key=lambda row: (-row.prediction.score, row.study_key)))


def _from_batch_folder(report: str | None) -> str | None:
    """Return the link from a batch's index to a report folder given relative to the workspace."""
    return None if report is None else str(PurePosixPath("..", *PurePosixPath(report).parts[1:], "report.html"))
