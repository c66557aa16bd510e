"""The flow on demand: a folder or some files, chosen in a form."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final, Literal

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Failed

from cxrscreen.errors import CxrscreenError
from cxrscreen.screening.request import Request, resolve
from cxrscreen.settings import ExplanationVariant, Language, load_settings
from flows.batches import drain, outcome

AS_SET: Final = "as set"


def _run_name() -> str:
    return f"on demand {datetime.now().astimezone():%Y-%m-%d %H:%M:%S}"


@flow(name="screen-studies", flow_run_name=_run_name)
def screen_studies(
    folder: str = "",
    files: tuple[str, ...] = (),
    model: str = AS_SET,
    language: Literal["as set", Language] = AS_SET,
    explanation: Literal["as set", ExplanationVariant] = AS_SET,
) -> State[Any]:
    """Screen a folder or single files now.

    The originals stay where they are; copies go to the archive. Prefect keeps what is typed here: do not type
    paths with a patient's name in them, name the folder instead.

    Args:
        folder: Absolute path of a folder on the machine that screens. Empty, with no files: the intake.
        files: Absolute paths of single files, instead of a folder.
        model: Model version, "champion" for the one in use, or "as set" for what the site's settings name.
        language: Language of the reports, or "as set"; the disclaimer is always in both.
        explanation: Grad-CAM variant: "guided" as in the study of 2020, "standard", or "as set".
    """
    named = {"model": model, "language": language, "explanation": explanation}
    try:
        settings = load_settings(None, **{setting: value for setting, value in named.items() if value != AS_SET})
        chosen = resolve(settings, Request(folder=folder, files=tuple(files), model=settings.model))
    except CxrscreenError as exc:
        return Failed(message=str(exc))
    return outcome(*drain(settings, folder=chosen.folder, names=chosen.names, model=settings.model))
