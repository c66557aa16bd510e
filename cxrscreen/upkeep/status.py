"""How an installation stands, told at a glance: what waits, what runs, what failed, and what a person must do.

Works where screening does not: with a damaged ledger, a full disk, a folder that is gone. It only reads. Nothing is
made, moved or repaired, and neither TensorFlow nor the page layout is started.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypeVar

from cxrscreen import __version__
from cxrscreen.drafts import drafts_in
from cxrscreen.errors import CxrscreenError, WorkspaceError
from cxrscreen.reporting.page_parts import printable
from cxrscreen.screening.opening import holds_anything
from cxrscreen.settings import Settings
from cxrscreen.upkeep import needs
from cxrscreen.upkeep.backup import last_backup
from cxrscreen.upkeep.below import entries, is_gone
from cxrscreen.upkeep.champion import model_state, stop_of_model
from cxrscreen.upkeep.digest_files import last_digest
from cxrscreen.upkeep.ledger_view import LedgerView
from cxrscreen.upkeep.self_test import SelfTest, read_self_test
from cxrscreen.upkeep.service import service_state
from cxrscreen.upkeep.state import Disk, FailedFile, FinishedBatch, LedgerState, Run, Status, Waiting
from cxrscreen.upkeep.waiting import waiting_files
from cxrscreen.workspace import Workspace

GONE_OF_LATE = timedelta(days=7)  # after that nobody will hand a file in again
NOTHING_YET = LedgerState(batches=0, counts={}, quarantined=0, leftovers=0, runs=(), last=None, failed=())

Part = TypeVar("Part")


def status_of(settings: Settings, *, self_test: SelfTest | None = None) -> Status:
    """Tell how the installation stands.

    Args:
        settings: Of the installation.
        self_test: One that has just been run; otherwise the last one that was kept.

    Raises:
        WorkspaceError: There is no workspace of that name.
    """
    workspace, now = Workspace(settings.workspace), datetime.now().astimezone()
    if not workspace.root.is_dir():
        raise WorkspaceError(
            f"There is no workspace {workspace.root}. Name another one with --workspace; "
            "cxrscreen doctor makes one that is missing."
        )
    troubles = list(_missing(workspace))
    ledger, waiting = _files_of(workspace, settings, troubles)
    model, service, tested = model_state(settings), service_state(settings), self_test or read_self_test(workspace.root)
    digest = last_digest(workspace.reports, f"{now:%Y-%m-%d}")
    stopped = stop_of_model(settings, model)
    disk = disk_state(settings, None if digest is None else digest.workspace_bytes)
    if waiting is not None:
        troubles += needs.of_waiting(waiting, settings)
    if ledger is not None:
        troubles += needs.of_ledger(ledger, settings, now)
    troubles += [
        *needs.of_disk(disk),
        *needs.of_model(model),
        *needs.of_stop(stopped),
        *needs.of_self_test(tested, now),
        *needs.of_service(service, waiting, ledger, settings),
        *needs.of_digest(digest),
    ]
    return Status(
        at=now.isoformat(timespec="seconds"),
        software=__version__,
        workspace=str(workspace.root),
        must_act=tuple(dict.fromkeys(troubles)),
        waiting=waiting,
        ledger=ledger,
        disk=disk,
        model=model,
        self_test=tested,
        stopped=stopped,
        service=service,
        drafts=len(drafts_in(*workspace.draft_places)),
        digest=digest,
        backup=last_backup(workspace),
    )


def ledger_state(view: LedgerView, root: Path) -> LedgerState:
    """Ask the ledger for what a person wants to know.

    Raises:
        LedgerError: It cannot be read, or is damaged.
    """
    last = view.last_finished()
    return LedgerState(
        batches=view.batch_count(),
        counts=view.counts(),
        quarantined=view.quarantined(),
        leftovers=view.leftovers(),
        runs=tuple(
            Run(
                batch=line.batch_id,
                started_at=line.started_at,
                files=line.claimed,
                done=line.done,
                alive=line.alive,
                stuck=line.stuck,
            )
            for line in view.unfinished()
        ),
        last=None
        if last is None
        else FinishedBatch(
            batch=last.batch_id,
            finished_at=last.finished_at or "",
            model=last.model,
            counts=view.counts(last.batch_id),
        ),
        failed=tuple(_failed(view, root)),
    )


def disk_state(settings: Settings, workspace_bytes: int | None) -> Disk:
    """Measure the room that is left; what the workspace holds is as the last digest has measured it."""
    usage = shutil.disk_usage(settings.workspace)
    return Disk(
        free=usage.free, total=usage.total, at_least=settings.min_free_megabytes * 2**20, workspace=workspace_bytes
    )


def _failed(view: LedgerView, root: Path) -> Iterator[FailedFile]:
    """Files that the software failed on and that are still there, or have gone of late without being kept."""
    of_late = f"{datetime.now().astimezone() - GONE_OF_LATE:%Y%m%d}"
    for file, folder in view.open_failures():
        there = not is_gone(folder / file.name if file.destination is None else root / file.destination)
        unkept = file.destination is None and not file.placed  # a person may take away what is in the quarantine
        gone = not there and unkept and file.batch_id >= of_late and holds_anything(folder)
        if there or gone:
            yield FailedFile(
                file=str(printable(file.name)),
                batch=file.batch_id,
                detail=str(printable(file.detail)),
                quarantined=file.destination is not None,
                gone=gone,
            )


def _missing(workspace: Workspace) -> Iterator[str]:
    yield from needs.of_folders(workspace.out_of_place)
    if _has_begun(workspace) and not workspace.key.is_file():
        yield f"{workspace.key.name} is missing: nothing may be screened without it. Restore it from the backup."


def _has_begun(workspace: Workspace) -> bool:
    """Return whether anything was screened here, so that there must be a ledger."""
    try:
        return workspace.ledger.exists() or any(entries(folder) for folder in (workspace.archive, workspace.quarantine))
    except OSError:
        return True  # what may not be looked into is in use


def _files_of(
    workspace: Workspace, settings: Settings, troubles: list[str]
) -> tuple[LedgerState | None, Waiting | None]:
    """Ask ledger and intake; the intake is looked at without a ledger, too."""

    def of_ledger() -> LedgerState:
        with LedgerView(workspace.ledger) as view:
            view.check()
            return ledger_state(view, workspace.root)

    def of_intake() -> Waiting:
        if ledger is None or ledger is NOTHING_YET:
            return waiting_files(workspace.intake, None, hours=settings.waiting_hours)
        with LedgerView(workspace.ledger) as view:
            return waiting_files(workspace.intake, view, hours=settings.waiting_hours)

    ledger = _tried(of_ledger, troubles) if _has_begun(workspace) else NOTHING_YET
    return ledger, _tried(of_intake, troubles)


def _tried(part: Callable[[], Part], troubles: list[str]) -> Part | None:
    """Return a part of the status, or note why it cannot be told."""
    try:
        return part()
    except CxrscreenError as exc:
        troubles.append(str(exc))
        return None
