"""The flow that trains a lung segmenter."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed
from pydantic import Field

from cxrscreen.errors import CxrscreenError
from cxrscreen.settings import load_settings
from cxrscreen.training.lung_request import EPOCHS, MOST_EPOCHS, lung_request_of
from cxrscreen.workspace import open_workspace
from flows.growing_artifacts import Bar
from flows.lung_tasks import publish_agreement, train
from flows.nameless import nameless
from flows.training_tasks import labelled_folder, step_back


def _run_name() -> str:
    return f"train lungs {datetime.now().astimezone():%Y-%m-%d %H:%M:%S}"


@flow(name="train-lungs", flow_run_name=_run_name)
def train_lungs(  # noqa: PLR0913  # the fields of a form
    folder: str,
    *,
    epochs: Annotated[int, Field(ge=1, le=MOST_EPOCHS)] = EPOCHS,
    seed: Annotated[int, Field(ge=0, le=2**32 - 1)] = 2020,
    note: str = "",
    credit: str = "",
    version: str = "",
) -> State[Any]:
    """Train a lung segmenter and measure its masks on patients that it has not seen. Screening keeps the shipped one.

    Args:
        folder: Absolute path of a folder on the machine that trains, with radiographs/, masks/ and metadata.csv.
        epochs: How often each radiograph is shown to a network. Five are trained; 50 take one core four minutes each.
        seed: Same seed, same files, same machine: same masks.
        note: How the masks were drawn, in your own words, without patient data. It is kept on the card.
        credit: Who drew them and who made the radiographs. It is kept on the card.
        version: Name of the new segmenter; empty: the word lungs, date and time.
    """
    try:
        settings = load_settings()
        request = lung_request_of(
            data_folder=labelled_folder(folder),
            version=version.strip(),
            epochs=epochs,
            seed=seed,
            note=note.strip(),
            credit=credit.strip(),
        )
        with nameless():
            open_workspace(settings.workspace)
        step_back()
        bar = Bar("Lung segmenter")
        card = train(settings, request, bar.part(0, 100))
    except CxrscreenError as exc:
        return Failed(message=str(exc))
    publish_agreement(card)
    bar.end()
    return Completed(message=f"{card.version}. {card.test.sentence}")
