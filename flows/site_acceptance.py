"""The flow that judges a model for one site, by fixed rules, for a committee to sign."""

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
from flows.site_artifacts import publish_site
from flows.training_artifacts import publish_data, publish_figures
from flows.training_tasks import judge_site, labelled_folder, step_back


def _run_name() -> str:
    return f"site acceptance {datetime.now().astimezone():%Y-%m-%d %H:%M:%S}"


@flow(name="site-acceptance", flow_run_name=_run_name)
def site_acceptance(folder: str, model: str = AS_SET) -> State[Any]:
    """Judge a model on local radiographs: fit for a trial, not shown, or unfit. Nothing is changed.

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
        bar = Bar("Site acceptance")
        judged = judge_site(settings, chosen, bundle, bar.part(0, 100))
    except CxrscreenError as exc:
        return Failed(message=str(exc))
    acceptance = judged.acceptance
    publish_data(judged.bias, run="site-acceptance")
    if judged.evaluated is not None:
        publish_figures(judged.evaluated.evaluation, run="site-acceptance")
    publish_site(settings, judged)
    bar.end()
    return Completed(message=f"{acceptance.model}: {acceptance.verdict}. {acceptance.reason}")
