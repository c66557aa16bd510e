"""The one long step of the lung segmenter's training, and what it leaves in the Prefect UI."""

from __future__ import annotations

from prefect import task
from prefect.artifacts import create_markdown_artifact
from prefect.cache_policies import NO_CACHE

from cxrscreen.lungs.card import LungCard, render_card
from cxrscreen.settings import Settings
from cxrscreen.training.lung_request import LungRequest
from cxrscreen.types import Progress
from flows.markdown import plain
from flows.nameless import nameless
from flows.publishing import never_fatal
from flows.training_tasks import files_named_aside


@task(name="train segmenter", task_run_name="train segmenter", cache_policy=NO_CACHE)
def train(settings: Settings, request: LungRequest, progress: Progress) -> LungCard:
    """Train on all folds, measure, and keep the segmenter in the workspace."""
    from cxrscreen.training.lung_segmenter import segmenters_of, train_lungs  # noqa: PLC0415  # starts TensorFlow

    with nameless(), files_named_aside(settings):
        return train_lungs(request, into=segmenters_of(settings), progress=progress).card


@never_fatal("the card of the segmenter")
def publish_agreement(card: LungCard) -> None:
    """Write the card; a person's words in it are shown, not obeyed."""
    shown = card.model_copy(
        update={"limits": tuple(map(plain, card.limits)), "credits": tuple(map(plain, card.credits))}
    )
    create_markdown_artifact(render_card(shown), key="train-lungs-card", description="Card of the lung segmenter")
