"""The command that trains the lung segmenter."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cxrscreen.cli.console import AsJson, Workspace, out, print_json, progress_bars, say, say_list
from cxrscreen.settings import load_settings
from cxrscreen.training.lung_request import EPOCHS, lung_request_of
from cxrscreen.workspace import open_workspace


def train_lungs(
    folder: Annotated[Path, typer.Argument(help="With radiographs/, masks/ and the metadata.csv that pairs them.")],
    *,
    epochs: Annotated[int, typer.Option(help="How often each radiograph is shown to a network.")] = EPOCHS,
    seed: Annotated[int, typer.Option(help="Same seed, same files, same machine: same masks.")] = 2020,
    note: Annotated[str, typer.Option(help="How the masks were drawn; kept on the card. No patient data.")] = "",
    credit: Annotated[str, typer.Option(help="Who drew them and made the radiographs; kept on the card.")] = "",
    version: Annotated[str, typer.Option(help="Name of the new segmenter. Default: lungs and the time.")] = "",
    workspace: Workspace = None,
    as_json: AsJson = False,
) -> None:
    """Train a lung segmenter and measure its masks on patients that it has not seen.

    Five networks are trained in turn, about four minutes each on one core. The segmenter lies in the workspace's folder
    ``lungs``; screening keeps the shipped one.
    """
    from cxrscreen.training import lung_segmenter  # noqa: PLC0415  # starts TensorFlow: only for a sound request

    request = lung_request_of(
        data_folder=folder.resolve(), version=version, epochs=epochs, seed=seed, note=note, credit=credit
    )
    settings = load_settings(workspace)
    open_workspace(settings.workspace)
    with progress_bars() as progress:
        trained = lung_segmenter.train_lungs(request, into=lung_segmenter.segmenters_of(settings), progress=progress)
    if as_json:
        print_json({"folder": str(trained.folder), "card": trained.card.model_dump(mode="json")})
        return
    say_list(one.sentence for one in (trained.card.test, trained.card.folds))
    say(out, f"\nSegmenter: {trained.folder}")
