"""The flow that judges a model on a labelled folder, e.g. before a site accepts it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed

from cxrscreen.errors import CxrscreenError
from cxrscreen.labelled.site import site_of
from cxrscreen.settings import load_settings
from cxrscreen.workspace import open_workspace
from flows.growing_artifacts import Bar
from flows.nameless import nameless
from flows.screen_studies import AS_SET
from flows.site_artifacts import lungs_in_words
from flows.training_artifacts import publish_data, publish_figures, publish_report
from flows.training_tasks import evaluate_model, labelled_folder, step_back


def _run_name() -> str:
    return f"evaluate {datetime.now().astimezone():%Y-%m-%d %H:%M:%S}"


@flow(name="evaluate", flow_run_name=_run_name)
def evaluate(folder: str, model: str = AS_SET) -> State[Any]:
    """Evaluate a model on a labelled folder; nothing is changed.

    Args:
        folder: Absolute path of a folder on the machine that screens, with covid/, normal/ and perhaps metadata.csv.
        model: Model version, "champion" for the one in use, or "as set" for what the site's settings name.
    """
    try:
        settings = load_settings()
        chosen = labelled_folder(folder)
        with nameless():
            open_workspace(settings.workspace)
            bundle = site_of(settings).registry.folder_of(settings.model if model == AS_SET else model.strip())
        step_back()
        bar = Bar("Evaluation")
        evaluated = evaluate_model(settings, chosen, bundle, bar.part(0, 100))
    except CxrscreenError as exc:
        return Failed(message=str(exc))
    evaluation = evaluated.evaluation
    publish_data(evaluation.data.bias, run="evaluate")
    publish_figures(evaluation, run="evaluate")
    after = "\n\n".join(filter(None, (lungs_in_words(evaluation), _seen(evaluation.seen))))
    publish_report(settings, evaluation, evaluated.files, run="evaluate", after=after)
    bar.end()
    return Completed(
        message=f"{evaluation.model} on {evaluation.figures.n} radiographs. The artifacts link the report."
    )


def _seen(seen: int | None) -> str:
    if seen is None:
        return "How this model was made is not known, so it may have seen these radiographs in its training."
    if seen:
        return (
            f"**This model was developed on {seen} of these radiographs or on others of their patients: the figures "
            "flatter it.**"
        )
    return "As far as the folder tells, this model was made without these radiographs and others of their patients."
