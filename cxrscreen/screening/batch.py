"""Opening and closing a batch: claim what has settled, later sum up what came of it."""

from __future__ import annotations

import logging
import os
import secrets
import shutil
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from cxrscreen.drafts import sweep_drafts
from cxrscreen.errors import ModelError, SelfTestError, WorkspaceError, loggable
from cxrscreen.reporting.model import StudyRow, Tally
from cxrscreen.reporting.writer import disk_errors_in_words
from cxrscreen.screening.claiming import FILES_IN_HAND, select, unchanged_since
from cxrscreen.screening.golden import check_golden
from cxrscreen.screening.intake import look, look_again
from cxrscreen.screening.ledger import cause_of_claim
from cxrscreen.screening.marking import mark_intake
from cxrscreen.screening.model_choice import choose_model, is_chosen
from cxrscreen.screening.opening import holds_anything
from cxrscreen.screening.outcomes import BatchRecord, FileRecord, Outcome
from cxrscreen.screening.placing import place_files
from cxrscreen.screening.records import write_batch_record
from cxrscreen.screening.room import WAITS_FOR_ROOM, want_of_room
from cxrscreen.screening.session import Session
from cxrscreen.screening.sums import sum_up

log = logging.getLogger(__name__)

CHECKED_BYTES = 2**26  # a larger ledger takes more than half a second to look over: the digest does it


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedBatch:
    """What one look at a folder found.

    Attributes:
        batch_id: ``None`` where nothing can be screened now.
        pending: Files that must wait, each with the cause.
        beyond: How many more could be screened, but are left to the next batch.
        trouble: Why nothing was taken up although files are there, and what a person must do.
    """

    batch_id: str | None
    pending: Mapping[str, str] = field(default_factory=dict)
    beyond: int = 0
    trouble: str = ""


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
    session: Session,
    folder: Path | None = None,
    *,
    names: Sequence[str] = (),
    model: str | None = None,
    but: Collection[str] = (),
) -> OpenedBatch:
    """Claim settled files of a folder for a new batch, as many as the settings allow.

    Nothing is decoded here: an empty intake costs one listing. Only where there is something to claim is the model
    loaded, and scores phantoms first.

    Args:
        session: The open workspace.
        folder: A folder that is left untouched; ``None`` takes the workspace's own intake.
        names: Files of the folder that count, relative to it; none means all.
        model: Version to screen with; ``None`` takes the one that the settings name.
        but: Names that are for a later run, e.g. what earlier batches of this one have left in the folder.

    Raises:
        WorkspaceError: The folder cannot be read, or it holds or lies in the workspace.
        ModelError: There is no such model, or its files are damaged.
        SelfTestError: It does not score as it did when it was made; nothing was claimed.
        LedgerDamagedError: The ledger is damaged.
    """
    folder, keeps_source = _checked(session, folder, names)
    wanted = model or session.settings.model
    if model:
        session.registry.card_of(model)  # what a person names must be there, also when nothing waits
    if not keeps_source:
        mark_intake(session.workspace)
    _sweep(session)  # also where nothing waits: a run that died at its very end left no batch behind
    _place_leftovers(session, folder)
    first = [s for s in look(folder, names) if s.name not in but]
    if first and not keeps_source:
        mark_intake(session.workspace)  # again: without a file in it, it was left unmarked
    claimed = session.ledger.claims(folder)
    waiting = {s.name: s.fault or cause_of_claim(held=claimed[s.name]) for s in first if s.fault or s.name in claimed}
    if len(waiting) == len(first):
        return OpenedBatch(batch_id=None, pending=waiting)
    if trouble := want_of_room(session):
        return OpenedBatch(
            batch_id=None, pending={s.name: waiting.get(s.name, WAITS_FOR_ROOM) for s in first}, trouble=trouble
        )
    card, meant = choose_model(session, wanted)
    if session.workspace.ledger.stat().st_size <= CHECKED_BYTES:
        session.ledger.check()
    arrivals = look_again(folder, first, session.settings.settle_seconds, names=names)
    chosen = select(session, folder, arrivals, but=but)
    if not chosen.claims:
        return OpenedBatch(batch_id=None, pending=waiting | chosen.waiting)
    check_golden(session, card)
    now = datetime.now().astimezone()
    batch = BatchRecord(
        batch_id=f"{now:%Y%m%dT%H%M%S}-{secrets.token_hex(2)}",
        folder=folder,
        keeps_source=keeps_source,
        card=card,
        meant=meant,
        language=session.settings.language,
        explanation=session.settings.explanation,
        started_at=now.isoformat(timespec="seconds"),
        finished_at=None,
    )
    still_there = unchanged_since(folder, arrivals.settled)
    if not session.ledger.open_batch(batch, chosen.claims, chosen.waiting, is_there=still_there):
        return OpenedBatch(batch_id=None, pending=chosen.waiting, beyond=chosen.beyond)
    _record_batch(session, batch)
    return OpenedBatch(batch_id=batch.batch_id, pending=chosen.waiting, beyond=chosen.beyond)


def take_over(session: Session, *, but: Iterable[str] = ()) -> str | None:
    """Take a batch whose run is dead, and remove what dead runs have left half written.

    The files of one whose model fails the self-test are given back where another model would screen them now. One that
    waits for its model holds up no other.

    Args:
        session: The open workspace.
        but: Batches that are not wanted, e.g. because finishing them failed.

    Raises:
        SelfTestError: The model of all batches that are left does not score as it did when it was made, and new ones
            would be screened with it, too; they wait.
    """
    left = set(but)
    failed: SelfTestError | None = None
    while (batch_id := session.ledger.take_over(but=left)) is not None:
        try:
            if _something_to_do(session, batch_id):
                _sweep(session)
                _record_batch(session, session.ledger.batch(batch_id))
                return batch_id
        except SelfTestError as exc:
            failed = exc
            left.add(batch_id)
    if failed is not None:
        raise failed
    return None


def release_batch(session: Session, batch_id: str, cause: str = "given back: its model cannot be used") -> None:
    """Give up a batch that cannot go on, e.g. for want of a model: its open files may be claimed by the next run.

    What it has done so far is reported.
    """
    if _give_back(session, batch_id, cause):
        close_batch(session, batch_id)


def close_batch(session: Session, batch_id: str) -> BatchSummary:
    """Finish a batch: whatever has no outcome stays pending; write the batch report. May be called again.

    Raises:
        LedgerError: Another run has taken the batch over; its report is left alone.
        ReportError: The report cannot be written.
        WorkspaceError: The folder of the reports is gone.
    """
    batch = session.ledger.batch(batch_id)
    place_files(session.workspace, session.ledger, batch, session.words)
    session.ledger.leave_pending(batch_id)
    finished_at = batch.finished_at or _now()
    files = session.ledger.files(batch_id)
    folder = session.workspace.reports / batch_id
    report = sum_up(session.settings, batch, files, finished_at)
    writer = session.writer(batch.language)
    content = writer.batch_files(report)
    with session.ledger.holding(batch_id):
        session.workspace.check_in_place(session.workspace.reports)
        with disk_errors_in_words(folder):
            folder.mkdir(mode=0o700, exist_ok=True)
            _remove_unrecorded(folder, files)
        written = writer.place_batch(content, folder)
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


def _give_back(session: Session, batch_id: str, cause: str) -> bool:
    """Let the next run claim the open files of a batch, and return whether it has anything to report."""
    session.ledger.leave_pending(batch_id, cause)
    if any(file.outcome is not Outcome.PENDING for file in session.ledger.files(batch_id)):
        return True
    session.ledger.finish_batch(batch_id, _now())
    return False


def _something_to_do(session: Session, batch_id: str) -> bool:
    """Test the model of a batch that has something left to screen, and return whether the batch is to be gone on with.

    Raises:
        SelfTestError: Its model fails the test, and is the one of new batches, too.
    """
    if not session.ledger.steps(batch_id, studies=session.settings.chunk_studies, files=FILES_IN_HAND):
        return True
    card = session.ledger.batch(batch_id).card
    try:
        with suppress(ModelError):  # screening says so at once, and gives the files back
            check_golden(session, card)
    except SelfTestError:
        if is_chosen(session, card):
            session.ledger.end_lease(batch_id)
            raise
        log.warning(
            "batch %s: its model %s fails the self-test, and another one screens now. Its files are given back.",
            batch_id,
            card.version,
        )
        return _give_back(session, batch_id, "given back: its model has failed the self-test")
    return True


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


def _record_batch(session: Session, batch: BatchRecord) -> None:
    """Record a batch in the archive; where that cannot be written to, whatever is placed there later does it."""
    try:
        session.workspace.check_in_place(session.workspace.archive)  # it is not made anew
        write_batch_record(session.workspace, batch)
    except (OSError, WorkspaceError) as exc:
        log.warning("batch %s cannot be recorded in the archive: %s", batch.batch_id, loggable(exc))


def _place_leftovers(session: Session, folder: Path) -> None:
    """Try again to move what earlier batches could not, but nothing of a folder whose disk has been taken out.

    A folder on demand is left alone until it is screened again: another disk may lie under its name meanwhile.
    """
    for batch_id in session.ledger.batches_with_leftovers():
        batch = session.ledger.batch(batch_id)
        if (folder == batch.folder or not batch.keeps_source) and holds_anything(batch.folder):
            place_files(session.workspace, session.ledger, batch, session.words)


def _sweep(session: Session) -> None:
    sweep_drafts(*session.workspace.draft_places)


def _remove_unrecorded(folder: Path, files: Sequence[FileRecord]) -> None:
    """Remove what a run wrote that died before it was recorded, where another batch reported the content since."""
    recorded = {file.report for file in files}  # of a duplicate: in the folder of whichever batch reported it
    for study in folder.glob("S-*"):
        if f"reports/{folder.name}/{study.name}" not in recorded:
            shutil.rmtree(study)


def _now() -> str:
    return datetime.now().astimezone().isoformat(timespec="seconds")
