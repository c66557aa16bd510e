"""The scheduled flow: whatever has settled in the intake."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Completed

from cxrscreen.settings import load_settings
from flows.batches import nothing_to_screen, outcome_in_words, run_batch
from flows.tasks import claim, take_over


def _run_name() -> str:
    return f"intake {datetime.now().astimezone():%Y-%m-%d %H:%M:%S}"


@flow(name="screen-intake", flow_run_name=_run_name)
def screen_intake() -> State[Any]:
    """Screen the settled files of the intake and write their reports.

    First finishes the batches of runs that have died. An empty intake costs one listing.
    """
    settings = load_settings()
    summaries = []
    while (left_behind := take_over(settings)) is not None:
        summaries.append(run_batch(settings, left_behind))
    opened = claim(settings, folder=None, names=(), model=None)
    if opened.batch_id is not None:
        summaries.append(run_batch(settings, opened.batch_id))
    if not summaries:
        return Completed(message=nothing_to_screen(opened))
    return Completed(message="; ".join(outcome_in_words(summary) for summary in summaries))
