"""The use case for one process: screen a folder from look to batch report."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from cxrscreen.errors import ModelError
from cxrscreen.screening.batch import BatchSummary, OpenedBatch, close_batch, open_batch, release_batch
from cxrscreen.screening.pipeline import screen_studies
from cxrscreen.screening.session import Session

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
    """Finish the batches whose runs have died."""
    summaries = []
    while (batch_id := session.ledger.take_over()) is not None:
        summaries.append(finish(session, batch_id, progress=progress))
    return summaries


def finish(session: Session, batch_id: str, *, progress: Progress = lambda _d, _a: None) -> BatchSummary:
    """Screen what an open batch has left, and close it.

    Raises:
        ModelError: The batch's model is missing or damaged; the batch is released first, its files wait in the intake.
    """
    studies = session.ledger.unscreened_studies(batch_id)
    done = 0
    for chunk in chunks(studies, session.settings.chunk_studies):
        progress(done, len(studies))
        try:
            screen_studies(session, batch_id, chunk)
        except ModelError:
            release_batch(session, batch_id)
            raise
        done += len(chunk)
    progress(done, len(studies))
    return close_batch(session, batch_id)


def chunks(studies: Sequence[str], size: int) -> Iterator[list[str]]:
    """Cut a list of studies into steps of at most ``size``."""
    for start in range(0, len(studies), size):
        yield list(studies[start : start + size])
