"""What a person asks of a training of the lung segmenter."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError

from cxrscreen.classifier.estimate import Frozen
from cxrscreen.errors import SettingsError
from cxrscreen.training.search_space import faults_of

EPOCHS = 50
MOST_EPOCHS = 1000


class LungRequest(Frozen):
    """Everything that a person chooses; the same request on the same data gives the same masks on one machine."""

    data_folder: Path = Field(description="Folder with radiographs/, masks/ and metadata.csv.")
    version: str = Field(default="", description="Of the new segmenter; empty: the word lungs and the time.")
    epochs: int = Field(default=EPOCHS, ge=1, le=MOST_EPOCHS, description="How often each radiograph is shown.")
    seed: int = Field(default=2020, ge=0, le=2**32 - 1, description="Of folds, first weights, order and changes.")
    note: str = Field(default="", max_length=500, description="How the masks were drawn; a sentence for the card.")
    credit: str = Field(default="", max_length=500, description="Who drew them and who made the radiographs.")


def lung_request_of(**chosen: Any) -> LungRequest:  # noqa: ANN401  # pydantic checks each value
    """Make a request of values from a form or a command line.

    Raises:
        SettingsError: A value is unknown or out of range; the message says which and what may stand there.
    """
    try:
        return LungRequest(**chosen)
    except ValidationError as exc:
        raise SettingsError(f"This training cannot be started. {faults_of(exc)}.") from exc
