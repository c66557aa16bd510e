"""What both screening flows do with a batch once it is open."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed

from cxrscreen.errors import ModelError
from cxrscreen.screening.batch import BatchSummary, OpenedBatch
from cxrscreen.settings import Settings
from flows.artifacts import publish
from flows.growing_artifacts import Bar
from flows.tasks import claim, close, leave, list_steps, release, screen


def drain(
    settings: Settings, *, folder: Path | None, names: tuple[str, ...], model: str | None
) -> tuple[list[BatchSummary], OpenedBatch]:
    """Screen a folder batch after batch; return what was done, and what the last look found."""
    summaries: list[BatchSummary] = []
    while True:
        opened = claim(settings, folder=folder, names=names, model=model, after=[s.batch_id for s in summaries])
        if opened.batch_id is not None:
            summaries.append(run_batch(settings, opened.batch_id))
        if opened.batch_id is None or not opened.beyond:
            return summaries, opened


def outcome(summaries: Sequence[BatchSummary], opened: OpenedBatch, unfinished: Sequence[str] = ()) -> State[Any]:
    """Return the run's state: failed where a person must act, so that it shows."""
    stuck = [f"Batch {batch_id} cannot be finished now: its failed step says why" for batch_id in unfinished]
    if stuck or opened.trouble:
        return Failed(message="; ".join([*stuck, *([opened.trouble] if opened.trouble else [])]))
    return Completed(message="; ".join(s.tally.equation() for s in summaries) or nothing_to_screen(opened))


def run_batch(settings: Settings, batch_id: str) -> BatchSummary:
    """Screen an open batch chunk by chunk, close it, and publish what came of it.

    Raises:
        ModelError: The model is missing or damaged; the files are given back first.
        LedgerError: The ledger cannot be used, or another run has taken the batch over.
    """
    try:
        steps = list_steps(settings, batch_id)
        total, done = sum(map(len, steps)), 0
        show = Bar(f"Batch {batch_id}").part(0, 100)
        for step in steps:
            screen(settings, batch_id, step, span=f"{done + 1} to {done + len(step)} of {total}")
            done += len(step)
            show("studies", done, total)
        summary = close(settings, batch_id)
    except ModelError:
        release(settings, batch_id)
        raise
    except BaseException:  # also where the run is cancelled or told to end
        leave(settings, batch_id)
        raise
    publish(settings, summary)
    return summary


def nothing_to_screen(opened: OpenedBatch) -> str:
    """Say why a run has nothing to do, for the run's state."""
    causes = Counter(opened.pending.values())
    return "; ".join(["Nothing to screen", *(f"{count} pending ({cause})" for cause, count in causes.items())])
