"""Opening and closing a batch: claim what has settled, later sum up what came of it."""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path, PurePosixPath

from cxrscreen.classifier.card import ModelCard
from cxrscreen.classifier.operating_point import OperatingPoint, Prediction
from cxrscreen.errors import WorkspaceError
from cxrscreen.radiograph.identity import identify
from cxrscreen.radiograph.radiograph import Identity
from cxrscreen.radiograph.refusal import Reason
from cxrscreen.reporting.model import BatchReport, DuplicateRow, FailedRow, PendingRow, RefusedFile, StudyRow, Tally
from cxrscreen.screening.intake import STILL_WRITTEN, Arrivals, Sighting, look, look_again
from cxrscreen.screening.ledger import OTHER_RUN
from cxrscreen.screening.outcomes import BatchRecord, Claim, FileRecord, Outcome
from cxrscreen.screening.placing import content_hash, place_files
from cxrscreen.screening.session import Session


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedBatch:
    """What one look at a folder found.

    Attributes:
        batch_id: ``None`` where nothing can be screened now.
        pending: Files that must wait, each with the cause.
    """

    batch_id: str | None
    pending: Mapping[str, str]


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
    folder, keeps_source = _checked(session, folder, names)
    card = session.registry.card_of(model or session.settings.model)
    _place_leftovers(session, folder)
    first = look(folder, names)
    claimed = session.ledger.claimed_names(folder)
    waiting = {s.name: s.fault or OTHER_RUN for s in first if s.fault or s.name in claimed}
    if len(waiting) == len(first):
        return OpenedBatch(batch_id=None, pending=waiting)
    arrivals = look_again(folder, first, session.settings.settle_seconds, names=names)
    waiting = {s.name: s.fault or STILL_WRITTEN for s in arrivals.waiting}
    claims = _claims(session, folder, arrivals, waiting)
    if not claims:
        return OpenedBatch(batch_id=None, pending=waiting)
    batch = _new_batch(session, folder, card, keeps_source=keeps_source)
    session.ledger.open_batch(batch, claims, waiting)
    return OpenedBatch(batch_id=batch.batch_id, pending=waiting)


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
    written = session.writer(batch.language).write_batch(report, folder)
    session.ledger.finish_batch(batch_id, finished_at)  # last: a run that dies before is taken over
    return BatchSummary(
        batch_id=batch_id,
        model=batch.card.version,
        tally=report.tally,
        report_html=written.html,
        report_pdf=written.pdf,
        studies=report.studies,
        files=tuple(files),
    )


def check_apart(root: Path, folder: Path) -> None:
    """See that a folder and the workspace at ``root`` do not lie in one another.

    Raises:
        WorkspaceError: They do.
    """
    root, folder = Path(os.path.realpath(root)), Path(os.path.realpath(folder))
    if folder != root / "intake" and (folder.is_relative_to(root) or root.is_relative_to(folder)):
        raise WorkspaceError(
            f"{folder} holds or lies in the workspace {root}. Name a folder outside it, or put the files into its "
            "intake, or choose another workspace with --workspace."
        )


def _checked(session: Session, folder: Path | None, names: Sequence[str]) -> tuple[Path, bool]:
    """Return the folder to look at, and whether its files stay there."""
    intake = Path(os.path.realpath(session.workspace.intake))
    chosen = intake if folder is None else Path(os.path.realpath(folder))
    for place in [(chosen / name).parent for name in names] or [chosen]:
        check_apart(session.workspace.root, place)
    return chosen, chosen != intake


def _place_leftovers(session: Session, folder: Path) -> None:
    """Try again to move what earlier batches could not."""
    for batch_id in session.ledger.batches_with_leftovers(folder):
        place_files(session.workspace, session.ledger, session.ledger.batch(batch_id), session.words)


def _new_batch(session: Session, folder: Path, card: ModelCard, *, keeps_source: bool) -> BatchRecord:
    now = datetime.now().astimezone()
    return BatchRecord(
        batch_id=f"{now:%Y%m%dT%H%M%S}-{secrets.token_hex(2)}",
        folder=folder,
        keeps_source=keeps_source,
        card=card,
        language=session.settings.language,
        explanation=session.settings.explanation,
        started_at=now.isoformat(timespec="seconds"),
        finished_at=None,
    )


def _claims(session: Session, folder: Path, arrivals: Arrivals, waiting: dict[str, str]) -> list[Claim]:
    """Return the files to claim; add those that cannot be claimed now to ``waiting``, each with its cause."""
    claimed = session.ledger.claimed_names(folder)
    stuck = {
        (file.name, file.sha256)
        for batch_id in session.ledger.batches_with_leftovers(folder)
        for file in session.ledger.unplaced(batch_id)
    }
    arriving = {claim.study_key for s in arrivals.waiting if (claim := _claim(session, s, waiting)) is not None}
    claims = []
    for sighting in arrivals.settled:
        if sighting.name in claimed:
            waiting[sighting.name] = OTHER_RUN
            continue
        claim = _claim(session, sighting, waiting)
        if claim is None:
            continue
        if (claim.name, claim.sha256) in stuck:
            waiting[claim.name] = "screened, but it cannot be moved: check who owns it and its folder"
        elif claim.study_key in arriving:
            waiting[claim.name] = "another file of its study is still arriving"
        else:
            claims.append(claim)
    return claims


def _claim(session: Session, sighting: Sighting, waiting: dict[str, str]) -> Claim | None:
    """Return the file's hash and study, or ``None`` where it cannot be opened."""
    if sighting.fault:
        return None
    try:
        if sighting.size > session.settings.max_file_bytes:
            sha256, identity = content_hash(sighting.path), Identity()
        else:
            content = sighting.path.read_bytes()
            sha256, identity = hashlib.sha256(content).hexdigest(), identify(content)
    except FileNotFoundError:
        return None  # taken away again: it has not arrived
    except (OSError, MemoryError) as exc:
        waiting[sighting.name] = f"cannot be opened: {getattr(exc, 'strerror', None) or type(exc).__name__}"
        return None
    return Claim(name=sighting.name, sha256=sha256, study_key=session.pseudonyms.study(identity, sha256))


def _now() -> str:
    return datetime.now().astimezone().isoformat(timespec="seconds")


def _batch_report(session: Session, batch: BatchRecord, files: Sequence[FileRecord], finished_at: str) -> BatchReport:
    card = batch.card
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
        pending=tuple(PendingRow(file_name=f.name, cause=f.detail) for f in by_outcome[Outcome.PENDING]),
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
