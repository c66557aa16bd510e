"""The use case for one process: screen a folder from look to batch report."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from cxrscreen.errors import CxrscreenError, ModelError, SelfTestError, TakenOverError, loggable
from cxrscreen.screening.batch import BatchSummary, OpenedBatch, close_batch, open_batch, release_batch, take_over
from cxrscreen.screening.claiming import FILES_IN_HAND
from cxrscreen.screening.intake import Sighting, look
from cxrscreen.screening.pipeline import screen_studies
from cxrscreen.screening.session import Session

log = logging.getLogger(__name__)

Progress = Callable[[int, int], None]  # studies done, studies in all
Round = tuple[OpenedBatch, BatchSummary | None]


def screen(
    session: Session,
    folder: Path | None = None,
    *,
    model: str | None = None,
    progress: Progress = lambda _d, _a: None,
    but: Collection[str] = (),
) -> Round:
    """Screen settled files of a folder, one batch of them; ``None`` takes the workspace's own intake.

    Args:
        session: The open workspace.
        folder: A folder that is left untouched.
        model: Version to screen with; ``None`` takes the one that the settings name.
        progress: Told how far it is.
        but: Names that are for a later run, e.g. what earlier batches of this one have left in the folder.

    Returns:
        What was found, and the finished batch if there was anything to screen.

    Raises:
        WorkspaceError: The folder cannot be read.
        ModelError: There is no such model, or it is damaged.
        SelfTestError: It does not score as it did when it was made; nothing was claimed.
        LedgerError: The ledger cannot be used, or another run has taken the batch over.
    """
    opened = open_batch(session, folder, model=model, but=but)
    if opened.batch_id is None:
        return opened, None
    return opened, finish(session, opened.batch_id, progress=progress)


def drain(
    session: Session, folder: Path | None = None, *, model: str | None = None, progress: Progress = lambda _d, _a: None
) -> Iterator[Round]:
    """Screen a folder batch after batch, until a batch has left nothing to the next; at least one round.

    What one batch leaves in the folder, such as a file that failed, is not taken up again by the next.

    Raises:
        CxrscreenError: See ``screen``.
    """
    done: set[str] = set()  # what the batches so far have left
    first = True
    while True:
        opened, summary = screen(session, folder, model=model, progress=progress, but=done)
        if first or summary is not None or opened.trouble:
            yield opened, summary
        if summary is None or not opened.beyond:
            return
        done |= session.ledger.left_in_place(summary.batch_id)
        first = False


def resume(
    session: Session,
    *,
    progress: Progress = lambda _d, _a: None,
    report: Callable[[str, BatchSummary | str], None] = lambda _b, _s: None,
) -> list[BatchSummary]:
    """Finish the batches whose runs have died; one that cannot be finished is left to a later run.

    Args:
        session: The open workspace.
        progress: Told how far it is.
        report: Told of each batch at once: its summary, or why it cannot be finished.

    Raises:
        SelfTestError: A batch's model does not score as it did when it was made; that batch waits. The others are
            finished first.
    """
    summaries: list[BatchSummary] = []
    tried: list[str] = []
    while (batch_id := take_over(session, but=tried)) is not None:
        tried.append(batch_id)
        try:
            summaries.append(finish(session, batch_id, progress=progress))
            report(batch_id, summaries[-1])
        except (ModelError, TakenOverError) as exc:  # its files are free again; or another run finishes it
            log.warning("batch %s: %s", batch_id, exc)
        except Exception as exc:  # noqa: BLE001  # whatever it is, the others go on
            log.error("batch %s cannot be finished now: %s", batch_id, loggable(exc))  # noqa: TRY400  # no traceback
            with suppress(CxrscreenError):
                session.ledger.end_lease(batch_id, stuck=True)
            report(batch_id, loggable(exc))
    return summaries


def finish(session: Session, batch_id: str, *, progress: Progress = lambda _d, _a: None) -> BatchSummary:
    """Screen what an open batch has left, and close it.

    Raises:
        ModelError: The batch's model is missing or damaged; the batch is released first, its files wait in the intake.
        LedgerError: The ledger cannot be used, or another run has taken the batch over.
    """
    try:
        steps = steps_of(session, batch_id)
        total, done = sum(map(len, steps)), 0
        for step in steps:
            progress(done, total)
            screen_studies(session, batch_id, step)
            done += len(step)
        progress(done, total)
        return close_batch(session, batch_id)
    except ModelError:
        release_batch(session, batch_id)
        raise
    except BaseException:
        with suppress(CxrscreenError):  # the next run goes on at once, if this is told
            session.ledger.end_lease(batch_id)
        raise


def steps_of(session: Session, batch_id: str) -> list[list[str]]:
    """Return the studies that a batch has left, cut into steps that are screened together."""
    return session.ledger.steps(batch_id, studies=session.settings.chunk_studies, files=FILES_IN_HAND)


def watch(session: Session, report: Callable[[OpenedBatch, BatchSummary | None], None]) -> None:
    """Screen whatever arrives in the intake, and what was left there, until interrupted.

    A change of the intake starts a screening, and so does the settings' interval; trouble is logged, once as long as it
    stays the same, and tried again.

    Args:
        session: The open workspace.
        report: Told of each round, and of each interrupted batch that was finished.
    """

    def report_resumed(batch_id: str, done: BatchSummary | str) -> None:
        if isinstance(done, BatchSummary):
            report(OpenedBatch(batch_id=batch_id), done)

    seen: Sequence[Sighting] = ()
    last = float("-inf")
    told = ""
    while True:
        try:
            now = look(session.workspace.intake)
            due = time.monotonic() - last >= 60 * session.settings.screen_every_minutes
            if due or (now and now != seen):
                session.workspace.check_in_place()
                try:
                    resume(session, report=report_resumed)
                    for opened, summary in drain(session) if now else ():
                        report(opened, summary)
                except SelfTestError:  # it will not pass at the next look either
                    seen, last = now, time.monotonic()
                    raise
                # As it was before: what has arrived since is a change.
                seen, last, told = now, time.monotonic(), ""
        except Exception as exc:  # noqa: BLE001  # e.g. no memory for the model: in a while there may be
            if told != (told := loggable(exc)):
                log.error("%s", told)  # noqa: TRY400  # no traceback
        time.sleep(session.settings.watch_seconds)
