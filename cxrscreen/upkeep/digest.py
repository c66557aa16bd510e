"""The daily digest: sums that are checked against the folders, what needs a person, and a self-test."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from cxrscreen.classifier.registry import Registry
from cxrscreen.durable import write_file
from cxrscreen.errors import LedgerError, ModelError, WorkspaceError
from cxrscreen.reporting.digest import (
    ChampionMove,
    CheckedInstallation,
    Digest,
    Disagreement,
    DriftCheck,
    NamedFile,
)
from cxrscreen.reporting.digest_page import compose_digest_page
from cxrscreen.reporting.page_parts import printable
from cxrscreen.reporting.writer import disk_errors_in_words, report_writer
from cxrscreen.screening.outcomes import Outcome
from cxrscreen.settings import Settings
from cxrscreen.upkeep import needs
from cxrscreen.upkeep.digest_files import digest_folder, digests_but
from cxrscreen.upkeep.ledger_view import LedgerView
from cxrscreen.upkeep.night import Night, sum_up_night
from cxrscreen.upkeep.reconcile import EXAMPLES, folder_bytes, reconcile
from cxrscreen.upkeep.self_test import SelfTest, run_self_test
from cxrscreen.upkeep.state import LastDigest, Status
from cxrscreen.upkeep.status import status_of
from cxrscreen.workspace import PRIVATE_FOLDER, Workspace

NOTHING = Night(batches=(), places=(), under_way=0, vanished=(), refused=(), studies=0, flagged=())
UNREADABLE = (
    "Archive, quarantine or reports cannot be read: {why}. Check their disk, and that all in them belongs to the user "
    "who runs cxrscreen."
)


@dataclass(slots=True)
class _Told:
    """What was told before: up to when, and of what."""

    until: str | None = None
    batches: set[str] = field(default_factory=set)
    moves: set[ChampionMove] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class _Compared:
    """What ledger and folders say together; without a ledger, nothing was screened yet."""

    night: Night = NOTHING
    checked: int = 0
    disagreements: tuple[Disagreement, ...] = ()
    drift: DriftCheck | None = None


@dataclass(frozen=True, slots=True)
class WrittenDigest:
    """A digest and its files."""

    digest: Digest
    html: Path
    pdf: Path
    json: Path


def write_digest(settings: Settings, *, self_test: Callable[[Settings], SelfTest] = run_self_test) -> WrittenDigest:
    """Run the self-test, sum up what no digest of another day has told of, and write the digest of today.

    Written again on the same day, it takes the place of the earlier one and reaches up to now. Where the ledger or what
    it tells of cannot be read it lies beside that one and says so, and the next digest tells of that time, too.

    Args:
        settings: Of the installation.
        self_test: How to test the installation; starts TensorFlow.

    Raises:
        WorkspaceError: There is no workspace, or its reports are not mounted: former digests are not to be seen, and
            this one would be hidden as soon as they are.
        ReportError: The digest cannot be written.
    """
    tested = self_test(settings)
    status = status_of(settings, self_test=tested)
    workspace = Workspace(settings.workspace)
    workspace.check_in_place(workspace.reports)
    digest = _digest(settings, status, tested)
    writer = report_writer(settings.language)
    html, pdf = writer.render("digest.html.j2", compose_digest_page(digest, writer.words), {})
    folder = digest_folder(workspace.reports)
    files = {suffix: folder / f"{digest.name}.{suffix}" for suffix in ("pdf", "html", "json")}
    with disk_errors_in_words(files["html"]):
        folder.mkdir(mode=PRIVATE_FOLDER, exist_ok=True)
        write_file(files["pdf"], pdf)
        write_file(files["html"], html)
        # Last: the next digest begins where this record ends.
        write_file(files["json"], (digest.model_dump_json(indent=2) + "\n").encode())
    return WrittenDigest(digest, html=files["html"], pdf=files["pdf"], json=files["json"])


def _digest(settings: Settings, status: Status, tested: SelfTest) -> Digest:
    workspace = Workspace(settings.workspace)
    told = _told_before(workspace, status.at[:10])
    ledger, waiting = status.ledger, status.waiting
    troubles = list(status.must_act)
    found = None if ledger is None else _reconciled(settings, told.batches, troubles)
    compared = found or _Compared()
    night = compared.night
    by_outcome = {row.outcome: row.ledger for row in night.places}
    return Digest(
        date=status.at[:10],
        since=told.until,
        until=status.at,
        site=settings.site_name,
        phantoms=settings.demonstration,
        must_act=_needs(troubles, status.digest if found else None, compared),
        compared=found is not None,
        counts={str(outcome): by_outcome.get(str(outcome), 0) for outcome in Outcome} if found else {},
        under_way=night.under_way,
        in_intake=None if waiting is None else waiting.files,
        places=night.places,
        files_checked=compared.checked,
        disagreements=compared.disagreements,
        failed=tuple(
            NamedFile(file=one.file, note=one.detail, quarantined=one.quarantined, gone=one.gone)
            for one in (ledger.failed if ledger else ())
        ),
        waiting=tuple(
            NamedFile(file=one.file, note=one.cause)
            for one in (waiting.longest if waiting else ())
            if one.seconds > 3600 * settings.waiting_hours
        ),
        refused=night.refused,
        studies=night.studies,
        flagged=night.flagged,
        uncertain=night.uncertain,
        review=night.review,
        batches=night.batches,
        model=status.model.version if status.model else settings.model,
        model_verified=bool(status.model and status.model.verified),
        moves=tuple(move for move in _moves(settings) if move not in told.moves),
        self_test=CheckedInstallation(
            at=tested.at,
            healthy=tested.healthy,
            failed=tuple(NamedFile(file=one.subject, note=one.detail) for one in tested.failed),
        ),
        drift=compared.drift,
        free_bytes=status.disk.free if status.disk else 0,
        folder_bytes=folder_bytes(workspace),
    )


def _told_before(workspace: Workspace, date: str) -> _Told:
    """Return what the digests of other days have told of.

    By name, not by time: a clock that was wrong for a night has dated what came then years before or after. Names are
    a few hundred kilobytes a year.
    """
    told = _Told()
    for former in digests_but(workspace.reports, date):
        if told.until is None and former.date < date:
            told.until = former.until
        told.batches.update(batch.batch for batch in former.batches)
        told.moves.update(former.moves)
    return told


def _reconciled(settings: Settings, told: set[str], troubles: list[str]) -> _Compared | None:
    """Sum up and compare, or note why ledger or folders cannot be read."""
    from cxrscreen.upkeep.drifting import drift_of_days  # noqa: PLC0415  # SciPy costs other commands half a second

    workspace = Workspace(settings.workspace)
    if not workspace.ledger.exists():  # the status would say that one is missing: nothing was screened yet
        return _Compared()
    intake = Path(os.path.realpath(workspace.intake))
    try:
        with LedgerView(workspace.ledger) as view:
            _check_kept(workspace)
            night = sum_up_night(workspace.root, view, but=told)
            checked, disagreements = reconcile(workspace, view)
            drift = (
                None
                if settings.demonstration
                else drift_of_days(intake, view, told=told, prevalence=settings.prevalence)
            )
            _check_kept(workspace)  # a disk may have been taken out meanwhile
    except (LedgerError, WorkspaceError) as exc:
        troubles.append(str(exc))
        return None
    except OSError as exc:
        troubles.append(UNREADABLE.format(why=exc.strerror))
        return None
    if night.vanished:
        names = tuple(str(printable(name)) for name in night.vanished[:EXAMPLES])
        gone = "Waited in the intake, and was taken away before it could be screened."
        disagreements = (*disagreements, Disagreement(what=gone, count=len(night.vanished), examples=names))
    return _Compared(night, checked, disagreements, drift)


def _needs(troubles: Iterable[str], earlier: LastDigest | None, compared: _Compared) -> tuple[str, ...]:
    """What the status says, but of now: what an earlier digest found has just been looked at again."""
    looked_at = set(needs.of_digest(earlier))
    found = [sentence for sentence in troubles if sentence not in looked_at]
    count = sum(one.count for one in compared.disagreements)
    if count:
        found.append(f"Places where ledger and folders do not agree: {count:,}. They are listed in the digest.")
    found.extend(needs.of_drift(compared.drift))
    return tuple(dict.fromkeys(found))


def _check_kept(workspace: Workspace) -> None:
    """See that what the ledger tells of is there to be looked at.

    Raises:
        WorkspaceError: Archive, quarantine or reports are not in their place, in the words of the status.
    """
    looked_at = (workspace.archive, workspace.quarantine, workspace.reports)
    for sentence in needs.of_folders(folder for folder in workspace.out_of_place if folder in looked_at):
        raise WorkspaceError(sentence)


def _moves(settings: Settings) -> Iterable[ChampionMove]:
    try:
        moves = Registry.at_site(Workspace(settings.workspace).models).log()
    except ModelError:  # the status says that the log is damaged
        return
    for move in moves:
        yield ChampionMove(at=move.at, version=move.version, former=move.former, who=move.who, why=move.why)
