"""The flow that makes a challenger from a labelled folder, and judges it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed
from pydantic import Field

from cxrscreen.classifier.making import Augmentation
from cxrscreen.classifier.recipe import RecipeName
from cxrscreen.errors import CxrscreenError
from cxrscreen.labelled.site import site_of
from cxrscreen.settings import Settings, load_settings
from cxrscreen.training.request import MOST_COPIES, MOST_SHIFT, SHIPPED_BASE, RetrainRequest, request_of
from cxrscreen.training.search_space import STUDY_SPACE
from cxrscreen.workspace import open_workspace
from flows.growing_artifacts import Bar, SearchTable
from flows.nameless import nameless
from flows.search_form import SpaceForm, space_of
from flows.training_artifacts import (
    promotion_card,
    publish_comparison,
    publish_data,
    publish_figures,
    publish_report,
)
from flows.training_tasks import (
    compute_feature_maps,
    examine,
    finish,
    labelled_folder,
    search_stage,
    step_back,
)

READ, COMPUTED, SEARCHED, FINISHED = 10.0, 50.0, 85.0, 100.0  # percent of the bar


def _run_name() -> str:
    return f"retrain {datetime.now().astimezone():%Y-%m-%d %H:%M:%S}"


@flow(name="retrain", flow_run_name=_run_name)
def retrain(  # noqa: PLR0913  # the fields of a form
    folder: str,
    *,
    recipe: RecipeName | None = None,
    search: bool = False,
    copies: Annotated[int, Field(ge=0, le=MOST_COPIES)] = 0,
    max_shift: Annotated[float, Field(gt=0, le=MOST_SHIFT)] = 0.1,
    seed: Annotated[int, Field(ge=0, le=2**32 - 1)] = 2020,
    note: str = "",
    version: str = "",
    lungs: str = "",
    base: str = SHIPPED_BASE,
    space: SpaceForm = SpaceForm(),  # noqa: B008  # never changed
) -> State[Any]:
    """Train a challenger on a labelled folder, evaluate it, and compare it with the champion.

    The champion goes on screening until a person runs `promote`. A run that was stopped or killed goes on when the
    same form is sent again: feature maps and finished points of the search are kept.

    Args:
        folder: Absolute path of a folder on the machine that trains, with covid/, normal/ and perhaps metadata.csv.
        recipe: "lung-focused" sees the lung fields alone, and takes neither search nor shifted copies; "standard" sees
            the whole radiograph; "study-2020" is the study's, which sees its upper left only. Left empty: lung-focused,
            or standard where a search or shifted copies are asked for.
        search: Search for learning rate, batch size, optimizer and epochs first, in the space at the end of the form.
            Otherwise the study's final settings hold.
        copies: Shifted copies of each training radiograph (augmentation); 0: none.
        max_shift: Largest shift of these copies, as a part of the side, in each direction: 0.1 is 22 of 224 pixels.
        seed: Same seed, same files, same machine: same model.
        note: Why, in your own words, without patient data. It is kept beside the model.
        version: Name of the new model; empty: recipe, date and time.
        lungs: Version of a lung segmenter that train-lungs made here; empty: the shipped one.
        base: ImageNet weights: "shipped" (those of the shipped model), "download" (from Keras), or the path of an
            .npz file.
        space: What is searched, used only where search is on.
    """
    try:
        settings = load_settings()
        request = request_of(
            data_folder=labelled_folder(folder),
            recipe=recipe,
            version=version.strip(),
            search=search,
            space=space_of(space) if search else STUDY_SPACE,
            augmentation=Augmentation(copies=copies, max_shift=max_shift),
            seed=seed,
            note=note.strip(),
            lungs=lungs.strip(),
            base=base.strip() or SHIPPED_BASE,
        )
        return _make_challenger(settings, request)
    except CxrscreenError as exc:
        return Failed(message=str(exc))


def _make_challenger(settings: Settings, request: RetrainRequest) -> State[Any]:
    from cxrscreen.training.retraining import Retraining  # noqa: PLC0415  # the other flows need not pay for it

    with nameless():
        open_workspace(settings.workspace)
        retraining = Retraining(site_of(settings), request)
    step_back()
    bar = Bar("Retraining")
    publish_data(examine(settings, retraining, bar.part(0, READ)), run="retrain")
    compute_feature_maps(retraining, bar.part(READ, COMPUTED))
    table = SearchTable(len(retraining.stages))
    for done, stage in enumerate(retraining.stages):
        share = (SEARCHED - COMPUTED) / len(retraining.stages)
        start = COMPUTED + done * share
        table.add(search_stage(retraining, stage, bar.part(start, start + share)))
    retrained = finish(settings, retraining, bar.part(SEARCHED, FINISHED))
    publish_figures(retrained.evaluation, run="retrain")
    if retrained.comparison is not None:
        publish_comparison(retrained.comparison)
    card = promotion_card(retrained.comparison, retrained.version, promoted=retrained.promoted)
    publish_report(settings, retrained.evaluation, retrained.files, run="retrain", after=card)
    bar.end()
    verdict = "no champion to compare with" if retrained.comparison is None else retrained.comparison.verdict
    fate = "promoted automatically" if retrained.promoted else "waits for a person to promote it"
    return Completed(message=f"{retrained.version}; verdict: {verdict}; {fate}. The report is linked in the artifacts.")
