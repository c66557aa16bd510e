"""All flows as deployments, with their schedule and limits.

Who may run beside whom: each flow that loads a model has one place of its own, so none can keep another from
starting, least of all the nightly screening. A second run on demand waits its turn, in the state
"AwaitingConcurrencySlot", and holds no process meanwhile; a second run of the intake is cancelled, because the next
one takes the same files. Promotion and rollback take seconds and share the last place. A retraining that runs while
the intake is screened leaves the cores to it (``training_tasks.step_back``).
"""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from typing import Any, cast
from zoneinfo import available_timezones

from prefect import Flow
from prefect.client.schemas.objects import ConcurrencyLimitConfig, ConcurrencyLimitStrategy
from prefect.deployments.runner import RunnerDeployment
from prefect.schedules import Cron, Interval
from prefect.types.entrypoint import EntrypointType

from cxrscreen.settings import Settings
from flows.digest import digest
from flows.evaluate import evaluate
from flows.promote import promote
from flows.retrain import retrain
from flows.rollback import rollback
from flows.screen_intake import screen_intake
from flows.screen_studies import screen_studies
from flows.site_acceptance import site_acceptance
from flows.train_lungs import train_lungs

INTAKE_DEPLOYMENT = "intake"
DIGEST_DEPLOYMENT = "daily"
ON_DEMAND_DEPLOYMENT = "on-demand"
TAGS = ["cxrscreen", "prototype"]
RUNS_AT_ONCE = 8  # intake; on demand screening, evaluation, acceptance; two trainings; digest; a move of the champion
ONE_AT_A_TIME = ConcurrencyLimitConfig(limit=1, collision_strategy=ConcurrencyLimitStrategy.ENQUEUE)
ONE_IS_ENOUGH = ConcurrencyLimitConfig(limit=1, collision_strategy=ConcurrencyLimitStrategy.CANCEL_NEW)
LOCAL_TIME = Path("/etc/localtime")
ZONES = "zoneinfo/"


def deployments(settings: Settings) -> list[RunnerDeployment]:
    """Return all deployments of one installation."""
    intake = screen_intake.to_deployment(
        INTAKE_DEPLOYMENT,
        schedule=Interval(timedelta(minutes=settings.screen_every_minutes)),
        concurrency_limit=ONE_IS_ENOUGH,
        description="Screens what has settled in the intake: on schedule, and when the watcher sees a new file.",
        tags=[*TAGS, "intake"],
        entrypoint_type=EntrypointType.MODULE_PATH,
    )
    every_day = digest.to_deployment(
        DIGEST_DEPLOYMENT,
        schedule=Cron(f"0 {settings.digest_hour} * * *", timezone=local_zone()),
        concurrency_limit=ONE_IS_ENOUGH,
        description="Reconciles the sums of the night with the folders, and lists what needs a person.",
        tags=[*TAGS, "digest"],
        entrypoint_type=EntrypointType.MODULE_PATH,
    )
    return [
        cast("RunnerDeployment", intake),  # typed for async code, too, which this is not
        _on_demand(
            screen_studies,
            "Screens a folder or single files that a person names. The originals stay where they are. "
            "One at a time: a second one waits.",
            {"model": settings.model, "language": settings.language, "explanation": settings.explanation},
        ),
        _on_demand(
            retrain,
            "Makes a challenger from a labelled folder and compares it with the champion. One at a time: a second "
            "one waits. A run that was killed goes on when the same form is sent again.",
        ),
        _on_demand(
            evaluate,
            "Evaluates a model on a labelled folder and writes a report. One at a time: a second one waits.",
            {"model": settings.model},
        ),
        _on_demand(
            site_acceptance,
            "Judges a model on local radiographs by fixed rules and writes a paper that a committee can sign.",
            {"model": settings.model},
        ),
        _on_demand(
            train_lungs,
            "Trains a lung segmenter from radiographs with lung masks, and measures it on patients it has not seen.",
        ),
        _on_demand(promote, "Makes a challenger the champion. Read its evaluation report first."),
        _on_demand(rollback, "Returns to the model that the champion replaced."),
        cast("RunnerDeployment", every_day),
    ]


def local_zone() -> str:
    """Return the name of this machine's time zone; UTC where the system does not name it."""
    linked = str(LOCAL_TIME.readlink()) if LOCAL_TIME.is_symlink() else ""
    for name in (os.environ.get("TZ", "").lstrip(":"), linked.partition(ZONES)[2]):
        if name in available_timezones():
            return name
    return "UTC"


def _on_demand(
    flow: Flow[..., Any], description: str, shown_at_first: dict[str, Any] | None = None
) -> RunnerDeployment:
    deployment = flow.to_deployment(
        ON_DEMAND_DEPLOYMENT,
        parameters=shown_at_first,
        concurrency_limit=ONE_AT_A_TIME,
        description=description,
        tags=[*TAGS, "on-demand"],
        entrypoint_type=EntrypointType.MODULE_PATH,
    )
    return cast("RunnerDeployment", deployment)
