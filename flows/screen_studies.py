"""The flow on demand: a folder or some files, chosen in a form."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed

from cxrscreen.errors import CxrscreenError
from cxrscreen.screening.request import Request, resolve
from cxrscreen.settings import ExplanationVariant, Language, load_settings
from flows.batches import nothing_to_screen, outcome_in_words, run_batch
from flows.tasks import claim


def _run_name() -> str:
    return f"on demand {datetime.now().astimezone():%Y-%m-%d %H:%M:%S}"


@flow(name="screen-studies", flow_run_name=_run_name)
def screen_studies(
    folder: str = "",
    files: tuple[str, ...] = (),
    model: str = "champion",
    language: Language = "en",
    explanation: ExplanationVariant = "guided",
) -> State[Any]:
    """Screen a folder or single files now.

    The originals stay where they are; copies go to the archive. Prefect keeps what is typed here: do not type
    paths with a patient's name in them, name the folder instead.

    Args:
        folder: Absolute path of a folder on the machine that screens. Empty, with no files: the intake.
        files: Absolute paths of single files, instead of a folder.
        model: Model version, or "champion" for the one in use.
        language: Language of the reports; the disclaimer is always in both.
        explanation: Grad-CAM variant: "guided" as in the study of 2020, or "standard".
    """
    try:
        settings = load_settings(language=language, explanation=explanation)
        chosen = resolve(settings, Request(folder=folder, files=tuple(files), model=model))
    except CxrscreenError as exc:
        return Failed(message=str(exc))
    opened = claim(settings, folder=chosen.folder, names=chosen.names, model=model)
    if opened.batch_id is None:
        return Completed(message=nothing_to_screen(opened))
    return Completed(message=outcome_in_words(run_batch(settings, opened.batch_id)))
