"""What both screening flows do with a batch once it is open."""

from __future__ import annotations

from collections import Counter

from cxrscreen.errors import ModelError
from cxrscreen.screening.batch import BatchSummary, OpenedBatch
from cxrscreen.screening.screen import chunks
from cxrscreen.settings import Settings
from flows.artifacts import publish
from flows.growing_artifacts import Bar
from flows.tasks import close, list_studies, release, screen


def run_batch(settings: Settings, batch_id: str) -> BatchSummary:
    """Screen an open batch chunk by chunk, close it, and publish what came of it.

    Raises:
        ModelError: The model is missing or damaged; the files are given back first.
    """
    studies = list_studies(settings, batch_id)
    show = Bar(f"Batch {batch_id}").part(0, 100)
    done = 0
    for chunk in chunks(studies, settings.chunk_studies):
        try:
            screen(settings, batch_id, chunk, span=f"{done + 1} to {done + len(chunk)} of {len(studies)}")
        except ModelError:
            release(settings, batch_id)
            raise
        done += len(chunk)
        show("studies", done, len(studies))
    summary = close(settings, batch_id)
    publish(settings, summary)
    return summary


def nothing_to_screen(opened: OpenedBatch) -> str:
    """Say why a run has nothing to do, for the run's state."""
    causes = Counter(opened.pending.values())
    return "; ".join(["Nothing to screen", *(f"{count} pending ({cause})" for cause, count in causes.items())])
