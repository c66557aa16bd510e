"""The search space as a form: plain fields only, because a form shows an optional number badly."""

from __future__ import annotations

import json
from typing import Final, Literal

from pydantic import BaseModel, Field

from cxrscreen.classifier.recipe import OptimizerName
from cxrscreen.training.search_space import STUDY_SPACE, VARIED, Criterion, SearchSpace, Start, read_space

NOT_FIXED: Final = "not fixed"
STAGES: Final = (
    "One after the other, together at most 200 points. None: the five stages of the study of 2020, 23 points: learning "
    "rate with batch size, optimizer, then learning rate, batch size and epochs, finely."
)


class StageForm(BaseModel):
    """A full grid over the values that are given; at least one list must hold some."""

    name: str = Field(description="Its name in tables and plots.")
    learning_rate: list[float] = Field(default=[], description="Learning rates to try, above 0 and up to 1.")
    batch_size: list[int] = Field(default=[], description="Batch sizes to try, 1 to 256.")
    optimizer: list[OptimizerName] = Field(default=[], description="Optimizers to try.")
    epochs: list[int] = Field(default=[], description="Numbers of epochs to try, 1 to 200.")
    fixed_learning_rate: float = Field(default=0, ge=0, le=1, description="Held at this value; 0: not fixed.")
    fixed_batch_size: int = Field(default=0, ge=0, le=256, description="Held at this value; 0: not fixed.")
    fixed_optimizer: Literal["not fixed", OptimizerName] = Field(default=NOT_FIXED, description="Held at this one.")
    fixed_epochs: int = Field(default=0, ge=0, le=200, description="Held at this value; 0: not fixed.")


class SpaceForm(BaseModel):
    """Stages in their order; what a stage neither varies nor fixes is the recipe's own, or the best so far.

    A form that is filled with the study's stages would be five screens long, and hide above them what is wrong.
    """

    start: Start = Field(
        default="study",
        description="study: each stage starts from what it holds fixed; best: from the best point so far.",
    )
    criterion: Criterion = Field(default="auc", description="Its mean over the five folds decides what is best.")
    stages: list[StageForm] = Field(default=[], description=STAGES)


def space_of(form: SpaceForm) -> SearchSpace:
    """Read a filled form; without stages it means the study's.

    Raises:
        SettingsError: It is no space that can be searched; the message says what to change.
    """
    if not form.stages:
        return STUDY_SPACE.model_copy(update={"start": form.start, "criterion": form.criterion})
    stages = []
    for filled in form.stages:
        stage = filled.model_dump()
        fixed = {name: stage.pop(f"fixed_{name}") for name in VARIED}
        stages.append(stage | {"fixed": {name: value for name, value in fixed.items() if value not in (0, NOT_FIXED)}})
    return read_space(json.dumps({"start": form.start, "criterion": form.criterion, "stages": stages}))
