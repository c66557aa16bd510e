"""The scheduled flow: whatever has settled in the intake."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State

from cxrscreen.errors import ModelError, TakenOverError
from cxrscreen.screening.batch import BatchSummary
from cxrscreen.settings import load_settings
from flows.batches import drain, outcome, run_batch
from flows.tasks import leave, take_over


def _run_name() -> str:
    return f"intake {datetime.now().astimezone():%Y-%m-%d %H:%M:%S}"


@flow(name="screen-intake", flow_run_name=_run_name)
def screen_intake() -> State[Any]:
    """Screen the settled files of the intake, batch after batch, and write their reports.

    First finishes the batches of runs that have died. An empty intake costs one listing. Fails where a batch
    cannot be finished, and where nothing can be taken up until a person has acted, e.g. made room on the disk.
    """
    settings = load_settings()
    summaries: list[BatchSummary] = []
    tried: list[str] = []
    unfinished: list[str] = []
    while (left_behind := take_over(settings, but=tried)) is not None:
        tried.append(left_behind)
        try:
            summaries.append(run_batch(settings, left_behind))
        except (ModelError, TakenOverError):
            pass  # its files are free again; or another run finishes it
        except Exception:  # noqa: BLE001  # its step has failed and says why; what has arrived since does not wait for it
            leave(settings, left_behind, stuck=True)
            unfinished.append(left_behind)
    arrived, opened = drain(settings, folder=None, names=(), model=None)
    return outcome([*summaries, *arrived], opened, unfinished)
