"""What a person asks of a retraining."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError, field_validator

from cxrscreen.classifier.estimate import Frozen
from cxrscreen.classifier.making import Augmentation
from cxrscreen.classifier.recipe import RecipeName
from cxrscreen.errors import SettingsError
from cxrscreen.training.search_space import STUDY_SPACE, SearchSpace, faults_of

SHIPPED_BASE = "shipped"
DOWNLOADED_BASE = "download"
MOST_COPIES = 20
MOST_SHIFT = 0.5


class RetrainRequest(Frozen):
    """Everything that a person chooses; the same request on the same data goes on with a run that was killed."""

    data_folder: Path = Field(description="Folder with covid/ and normal/, and perhaps metadata.csv.")
    recipe: RecipeName
    version: str = Field(default="", description="Of the new model; empty: the recipe and the time.")
    search: bool = Field(default=False, description="Search for settings before the model is fitted.")
    space: SearchSpace = Field(default=STUDY_SPACE, description="What is searched, where a search is asked for.")
    augmentation: Augmentation = Augmentation()
    seed: int = Field(
        default=2020, ge=0, le=2**32 - 1, description="Of folds, initial weights, dropout, order, shifts."
    )
    note: str = Field(default="", max_length=500, description="Why, in a person's own words; kept beside the model.")
    lungs: str = Field(default="", description="Version of a lung segmenter trained here; empty: the shipped one.")
    base: str = Field(default=SHIPPED_BASE, description='"shipped", "download", or the path of an .npz.')

    @field_validator("augmentation")
    @classmethod
    def _bounded(cls, augmentation: Augmentation) -> Augmentation:
        if not 0 <= augmentation.copies <= MOST_COPIES:
            raise ValueError(f"there may be 0 to {MOST_COPIES} shifted copies of each radiograph")
        if not 0 < augmentation.max_shift <= MOST_SHIFT:
            raise ValueError(f"the largest shift is a part of the side, above 0 and up to {MOST_SHIFT}")
        return augmentation


def request_of(*, recipe: RecipeName | None = None, **chosen: Any) -> RetrainRequest:  # noqa: ANN401  # pydantic checks
    """Make a request of values from a form or a command line.

    Args:
        recipe: ``None``: the best there is for what is asked, "lung-focused", or "standard" where settings are searched
            or shifted copies made, which a linear head does not take.
        chosen: The other fields.

    Raises:
        SettingsError: A value is unknown or out of range; the message says which and what may stand there.
    """
    try:
        request = RetrainRequest(**{"recipe": recipe or "lung-focused"} | chosen)
    except ValidationError as exc:
        raise SettingsError(f"This retraining cannot be started. {faults_of(exc)}.") from exc
    needs_a_dense_head = request.search or request.augmentation.copies > 0
    return request.model_copy(update={"recipe": "standard"}) if recipe is None and needs_a_dense_head else request
