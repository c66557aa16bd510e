"""The steps of retraining and evaluation. What they return holds no pixels.

Nothing here is tried again by itself: whatever a run has finished is kept, so a person starts it again when the
cause is mended, and it goes on. The use cases are imported where they are called: the process that serves all
flows, and the screening runs, have no need of what they bring along.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.runtime import deployment

from cxrscreen.classifier.bias_report import BiasReport
from cxrscreen.classifier.making import GridPoint
from cxrscreen.durable import write_file
from cxrscreen.errors import DataSetError, WorkspaceError
from cxrscreen.labelled.site import site_of
from cxrscreen.settings import Settings
from cxrscreen.types import Progress
from cxrscreen.workspace import open_workspace
from flows.nameless import nameless
from flows.training_artifacts import link_faults

if TYPE_CHECKING:
    from cxrscreen.labelled.evaluate import Evaluated
    from cxrscreen.labelled.site_acceptance import JudgedSite
    from cxrscreen.training.retraining import Retrained, Retraining

NICE = 10  # a tenth of the cores' time where a screening run wants them, all of it where none does


def step_back() -> None:
    """Let screening runs have the cores first; only in a process that was started for this run alone."""
    if deployment.id is not None:
        os.nice(NICE)


def labelled_folder(typed: str) -> Path:
    """Return the folder that a person typed.

    Raises:
        WorkspaceError: It is no absolute path of a folder.
    """
    folder = Path(typed.strip())
    if not (folder.is_absolute() and folder.is_dir()):
        named = f"{folder} is" if typed.strip() else "An empty field names"
        raise WorkspaceError(f"{named} no absolute path of a folder on this machine. Correct it and run again.")
    return folder


@task(name="examine data", task_run_name="examine data", cache_policy=NO_CACHE)
def examine(settings: Settings, retraining: Retraining, progress: Progress) -> BiasReport:
    """Read the labelled folder and look for leaks and biases."""
    with nameless(), files_named_aside(settings):
        return retraining.examine(progress).bias


@task(name="compute feature maps", task_run_name="compute feature maps", cache_policy=NO_CACHE)
def compute_feature_maps(retraining: Retraining, progress: Progress) -> int:
    """Compute what the cache does not hold, and return how many that were."""
    with nameless():
        return retraining.compute_feature_maps(progress)


@task(name="search", task_run_name="search: {stage}", cache_policy=NO_CACHE)
def search_stage(retraining: Retraining, stage: str, progress: Progress) -> tuple[GridPoint, ...]:
    """Measure the points of one stage that no earlier run has finished."""
    with nameless():
        return retraining.search_stage(stage, progress)


@task(name="fit and judge", task_run_name="fit and judge", cache_policy=NO_CACHE)
def finish(settings: Settings, retraining: Retraining, progress: Progress) -> Retrained:
    """Fit the model, score the held-out part once, compare it with the champion, and write the report."""
    with nameless(), files_named_aside(settings):
        return retraining.finish(progress)


@task(name="evaluate model", task_run_name="evaluate model", cache_policy=NO_CACHE)
def evaluate_model(settings: Settings, folder: Path, bundle: Path, progress: Progress) -> Evaluated:
    """Score a labelled folder with one model, and write the report."""
    from cxrscreen.labelled.evaluate import evaluate  # noqa: PLC0415  # see the top

    with nameless(), files_named_aside(settings):
        site = site_of(settings)
        return evaluate(
            folder,
            bundle=bundle,
            limits=site.limits,
            cache=site.cache,
            into=site.reports,
            segmenters=site.segmenters,
            prevalence=settings.prevalence,
            progress=progress,
        )


@task(name="judge site", task_run_name="judge site", cache_policy=NO_CACHE)
def judge_site(settings: Settings, folder: Path, bundle: Path, progress: Progress) -> JudgedSite:
    """Evaluate a model on local radiographs, judge it by the rules, and write the paper and the report."""
    from cxrscreen.labelled.site_acceptance import accept_at_site  # noqa: PLC0415  # see the top

    with nameless(), files_named_aside(settings):
        site = site_of(settings)
        return accept_at_site(
            folder,
            bundle=bundle,
            limits=site.limits,
            cache=site.cache,
            into=site.reports,
            segmenters=site.segmenters,
            prevalence=settings.prevalence,
            progress=progress,
        )


@contextmanager
def files_named_aside(settings: Settings) -> Iterator[None]:
    """Write the files that an error names to a page beside the reports; Prefect gets the words and the link."""
    try:
        yield
    except DataSetError as exc:
        if not exc.files:
            raise
        now = datetime.now().astimezone()
        page = open_workspace(settings.workspace).reports / f"faults-{now:%Y%m%d-%H%M%S-%f}.txt"
        write_file(page, "\n".join([exc.words, "", *exc.files, ""]).encode("utf-8-sig", errors="replace"))
        link_faults(settings, page, exc.words)
        raise DataSetError(f"{exc.words} The run's artifact links to the list.") from None
