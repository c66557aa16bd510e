"""The two screening flows as deployments, with their schedule and limits."""

from __future__ import annotations

from datetime import timedelta
from typing import cast

from prefect.client.schemas.objects import ConcurrencyLimitConfig, ConcurrencyLimitStrategy
from prefect.deployments.runner import RunnerDeployment
from prefect.schedules import Interval
from prefect.types.entrypoint import EntrypointType

from cxrscreen.settings import Settings
from flows.screen_intake import screen_intake
from flows.screen_studies import screen_studies

INTAKE_DEPLOYMENT = "intake"
ON_DEMAND_DEPLOYMENT = "on-demand"
TAGS = ["cxrscreen", "prototype"]


def deployments(settings: Settings) -> list[RunnerDeployment]:
    """Return both deployments; runs of the intake never overlap, a second one is cancelled and says so."""
    both = [
        screen_intake.to_deployment(
            INTAKE_DEPLOYMENT,
            schedule=Interval(timedelta(minutes=settings.screen_every_minutes)),
            concurrency_limit=ConcurrencyLimitConfig(limit=1, collision_strategy=ConcurrencyLimitStrategy.CANCEL_NEW),
            description="Screens what has settled in the intake: on schedule, and when the watcher sees a new file.",
            tags=[*TAGS, "intake"],
            entrypoint_type=EntrypointType.MODULE_PATH,
        ),
        screen_studies.to_deployment(
            ON_DEMAND_DEPLOYMENT,
            parameters={  # what the form shows at first
                "model": settings.model,
                "language": settings.language,
                "explanation": settings.explanation,
            },
            description="Screens a folder or single files that a person names. The originals stay where they are.",
            tags=[*TAGS, "on-demand"],
            entrypoint_type=EntrypointType.MODULE_PATH,
        ),
    ]
    return cast("list[RunnerDeployment]", both)  # typed for async code, too, which this is not
