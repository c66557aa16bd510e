"""The use case for one process: screen a folder from look to batch report."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from cxrscreen.errors import CxrscreenError, ModelError
from cxrscreen.screening.batch import BatchSummary, OpenedBatch, close_batch, open_batch, release_batch
from cxrscreen.screening.intake import Sighting, look
from cxrscreen.screening.pipeline import screen_studies
from cxrscreen.screening.session import Session

log = logging.getLogger(__name__)

Progress = Callable[[int, int], None]  # studies done, studies in all


def screen(
    session: Session, folder: Path | None = None, *, model: str | None = None, progress: Progress = lambda _d, _a: None
) -> tuple[OpenedBatch, BatchSummary | None]:
    """Screen the settled files of a folder; ``None`` takes the workspace's own intake.

    Returns:
        What was found, and the finished batch if there was anything to screen.

    Raises:
        WorkspaceError: The folder cannot be read.
        ModelError: There is no such model, or it is damaged.
    """
    opened = open_batch(session, folder, model=model)
    if opened.batch_id is None:
        return opened, None
    return opened, finish(session, opened.batch_id, progress=progress)


def resume(session: Session, *, progress: Progress = lambda _d, _a: None) -> list[BatchSummary]:
    """Finish the batches whose runs have died; one that cannot be finished is left to a later run."""
    summaries: list[BatchSummary] = []
    tried: list[str] = []
    while (batch_id := session.ledger.take_over(but=tried)) is not None:
        tried.append(batch_id)
        try:
            summaries.append(finish(session, batch_id, progress=progress))
        except CxrscreenError as exc:
            log.error("batch %s cannot be finished now: %s", batch_id, exc)  # noqa: TRY400  # its words, no traceback
    return summaries


def finish(session: Session, batch_id: str, *, progress: Progress = lambda _d, _a: None) -> BatchSummary:
    """Screen what an open batch has left, and close it.

    Raises:
        ModelError: The batch's model is missing or damaged; the batch is released first, its files wait in the intake.
    """
    studies = session.ledger.unscreened_studies(batch_id)
    done = 0
    try:
        for chunk in chunks(studies, session.settings.chunk_studies):
            progress(done, len(studies))
            screen_studies(session, batch_id, chunk)
            done += len(chunk)
        progress(done, len(studies))
        return close_batch(session, batch_id)
    except ModelError:
        release_batch(session, batch_id)
        raise
    except KeyboardInterrupt:
        session.ledger.end_lease(batch_id)  # the next run goes on at once
        raise


def watch(session: Session, report: Callable[[OpenedBatch, BatchSummary | None], None]) -> None:
    """Screen whatever arrives in the intake, and what was left there, until interrupted.

    A change of the intake starts a screening, and so does the settings' interval; trouble is logged and tried again.
    """
    seen: Sequence[Sighting] = ()
    last = float("-inf")
    while True:
        try:
            now = look(session.workspace.intake)
            due = time.monotonic() - last >= 60 * session.settings.screen_every_minutes
            if now and (now != seen or due):
                resume(session)
                report(*screen(session))
                # As it was before: what has arrived since is a change.
                seen, last = now, time.monotonic()
        except CxrscreenError as exc:
            log.error("%s", exc)  # noqa: TRY400  # its words, no traceback
        time.sleep(session.settings.watch_seconds)


def chunks(studies: Sequence[str], size: int) -> Iterator[list[str]]:
    """Cut a list of studies into steps of at most ``size``."""
    for start in range(0, len(studies), size):
        yield list(studies[start : start + size])
