"""The steps of a screening run. Each takes and returns names and sums, never pixels or identifiers."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State, TaskRun

from cxrscreen.errors import CxrscreenError, LedgerError, ReportError, TakenOverError, WorkspaceError
from cxrscreen.screening import batch
from cxrscreen.screening.batch import BatchSummary, OpenedBatch, close_batch, open_batch, release_batch
from cxrscreen.screening.pipeline import screen_studies
from cxrscreen.screening.screen import steps_of
from cxrscreen.screening.session import open_session
from cxrscreen.settings import Settings
from flows.nameless import nameless

PASSING = (LedgerError, ReportError, WorkspaceError, OSError)  # a share that is gone for a moment, a busy ledger


def _may_pass(_task: object, _run: TaskRun, state: State[Any]) -> bool:
    """Retry what a second try can help; a missing model stays as it is, and so does a batch that is another run's."""
    outcome = state.result(raise_on_failure=False)
    return isinstance(outcome, PASSING) and not isinstance(outcome, TakenOverError)


@task(
    name="claim files",
    task_run_name="claim files",
    retries=2,
    retry_delay_seconds=[2, 10],
    retry_condition_fn=_may_pass,
    cache_policy=NO_CACHE,
)
def claim(
    settings: Settings, folder: Path | None, names: tuple[str, ...], model: str | None, after: list[str]
) -> OpenedBatch:
    """Claim what has settled, but what the batches ``after`` have left; ``folder`` None is the intake."""
    with nameless(), open_session(settings) as session:
        left = set().union(*map(session.ledger.left_in_place, after))
        return open_batch(session, folder, names=names, model=model, but=left)


@task(name="take over", task_run_name="take over what a dead run left", cache_policy=NO_CACHE)
def take_over(settings: Settings, but: list[str]) -> str | None:
    """Take a batch whose run has died, none of those in ``but``."""
    with nameless(), open_session(settings) as session:
        return batch.take_over(session, but=but)


@task(name="list studies", task_run_name="list studies", cache_policy=NO_CACHE)
def list_steps(settings: Settings, batch_id: str) -> list[list[str]]:
    """Return the studies of a batch that are still to be screened, cut into steps."""
    with nameless(), open_session(settings) as session:
        return steps_of(session, batch_id)


@task(
    name="screen studies",
    task_run_name="screen studies {span}",
    retries=2,
    retry_delay_seconds=[2, 30],
    retry_condition_fn=_may_pass,
    cache_policy=NO_CACHE,
)
def screen(settings: Settings, batch_id: str, study_keys: list[str], span: str) -> None:  # noqa: ARG001  # names the run
    """Screen one chunk; a second try goes on with the studies that have no outcome yet."""
    with nameless(), open_session(settings) as session:
        screen_studies(session, batch_id, study_keys)


@task(
    name="close batch",
    task_run_name="close batch {batch_id}",
    retries=2,
    retry_delay_seconds=[2, 10],
    retry_condition_fn=_may_pass,
    cache_policy=NO_CACHE,
)
def close(settings: Settings, batch_id: str) -> BatchSummary:
    """Sum up and write the batch report."""
    with nameless(), open_session(settings) as session:
        return close_batch(session, batch_id)


@task(name="release batch", task_run_name="release batch {batch_id}", cache_policy=NO_CACHE)
def release(settings: Settings, batch_id: str) -> None:
    """Give the files of a batch that cannot go on back to the next run."""
    with nameless(), open_session(settings) as session:
        release_batch(session, batch_id)


def leave(settings: Settings, batch_id: str, *, stuck: bool = False) -> None:
    """Say that this run does no more for a batch: the next goes on at once. No task, for a run that ends has none."""
    with suppress(CxrscreenError, OSError), open_session(settings) as session:
        session.ledger.end_lease(batch_id, stuck=stuck)
