"""What a search tries, stage by stage: declared, checked in words, and the seed study's own five stages.

As TOML::

    start = "best"        # or "study": each stage starts from its own fixed settings
    criterion = "auc"     # or "accuracy"; the mean over the folds decides

    [[stages]]
    name = "coarse"
    learning_rate = [0.001, 0.02, 0.1]
    batch_size = [5, 10, 15]
    fixed = { epochs = 10 }
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from math import prod
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic_core import ErrorDetails

from cxrscreen.classifier.estimate import Frozen
from cxrscreen.classifier.recipe import DenseRecipe, OptimizerName
from cxrscreen.errors import SettingsError

MOST_POINTS = 200
VARIED = ("learning_rate", "batch_size", "optimizer", "epochs")

Start = Literal["study", "best"]
Criterion = Literal["auc", "accuracy"]
LearningRate = Annotated[float, Field(gt=0, le=1)]
BatchSize = Annotated[int, Field(ge=1, le=256)]
Epochs = Annotated[int, Field(ge=1, le=200)]


class FixedSettings(Frozen):
    """Settings that a stage does not vary; ``None`` leaves the recipe's own."""

    learning_rate: LearningRate | None = None
    batch_size: BatchSize | None = None
    optimizer: OptimizerName | None = None
    epochs: Epochs | None = None


class Stage(Frozen):
    """A full grid over what it varies."""

    name: str = Field(min_length=1, max_length=40, description="Its name in tables and plots.")
    learning_rate: tuple[LearningRate, ...] = Field(default=(), description="Learning rates to try, up to 1.")
    batch_size: tuple[BatchSize, ...] = Field(default=(), description="Batch sizes to try, 1 to 256.")
    optimizer: tuple[OptimizerName, ...] = Field(default=(), description="Optimizers to try.")
    epochs: tuple[Epochs, ...] = Field(default=(), description="Numbers of epochs to try, 1 to 200.")
    fixed: FixedSettings = Field(
        default=FixedSettings(),
        description="Where the stage starts: always if the search starts from the study's settings, else as first.",
    )

    @field_validator(*VARIED)
    @classmethod
    def _each_once(cls, tried: tuple[Any, ...]) -> tuple[Any, ...]:
        if len(set(tried)) < len(tried):
            raise ValueError("a value stands twice; name each one once")
        return tried

    @model_validator(mode="after")
    def _varies_something(self) -> Stage:
        varied = [name for name in VARIED if getattr(self, name)]
        if not varied:
            raise ValueError(f"the stage {self.name!r} varies nothing; give at least one of {', '.join(VARIED)}")
        twice = [name for name in varied if getattr(self.fixed, name) is not None]
        if twice:
            raise ValueError(f"the stage {self.name!r} both varies and fixes {', '.join(twice)}; do one of the two")
        return self

    @property
    def size(self) -> int:
        """Points of its grid."""
        return prod(len(getattr(self, name)) or 1 for name in VARIED)

    def starting_from(self, recipe: DenseRecipe) -> DenseRecipe:
        """The recipe with this stage's own fixed settings."""
        return replace(recipe, **self.fixed.model_dump(exclude_none=True))

    def recipes(self, start: DenseRecipe) -> tuple[DenseRecipe, ...]:
        """One recipe for each point, which differs from ``start`` in what the stage varies."""
        return tuple(replace(start, **settings) for settings in self._grid())

    def _grid(self) -> Sequence[dict[str, Any]]:
        axes = {name: getattr(self, name) for name in VARIED if getattr(self, name)}
        return [dict(zip(axes, values, strict=True)) for values in product(*axes.values())]


class SearchSpace(Frozen):
    """The stages of a search, in their order."""

    start: Start = Field(
        default="study",
        description="study: each stage starts from its own fixed settings; best: from the best point so far.",
    )
    criterion: Criterion = Field(default="auc", description="Its mean over the folds decides which point is best.")
    stages: tuple[Stage, ...] = Field(description="Searched in this order.")

    @model_validator(mode="after")
    def _can_be_run(self) -> SearchSpace:
        if not self.stages:
            raise ValueError("there are no stages; name at least one")
        names = [stage.name for stage in self.stages]
        if len(set(names)) < len(names):
            raise ValueError("two stages have one name; give each its own")
        points = sum(stage.size for stage in self.stages)
        if points > MOST_POINTS:
            raise ValueError(f"the space has {points} points, at most {MOST_POINTS} can be searched; leave some out")
        return self


STUDY_SPACE = SearchSpace(
    stages=(
        Stage(
            name="coarse",
            learning_rate=(0.001, 0.02, 0.1),
            batch_size=(5, 10, 15),
            fixed=FixedSettings(optimizer="Adam", epochs=10),
        ),
        # The study states the grids and its final choice (learning rate 0.008, batch 7, 12 epochs, Adam), but not what
        # a stage held fixed while it varied something else. Its fine grids surround a learning rate of 0.02 and a batch
        # of 10, so these are taken as what the coarse stage gave; from then on each stage holds what the final choice
        # shows that the stage before it gave.
        Stage(
            name="optimizer",
            optimizer=("Adam", "SGD", "RMSprop"),
            fixed=FixedSettings(learning_rate=0.02, batch_size=10, epochs=10),
        ),
        Stage(
            name="fine learning rate",
            learning_rate=(0.008, 0.02, 0.04),
            fixed=FixedSettings(batch_size=10, optimizer="Adam", epochs=10),
        ),
        Stage(
            name="fine batch",
            batch_size=(5, 7, 10, 12),
            fixed=FixedSettings(learning_rate=0.008, optimizer="Adam", epochs=10),
        ),
        Stage(
            name="fine epochs",
            epochs=(5, 7, 10, 12),
            fixed=FixedSettings(learning_rate=0.008, batch_size=7, optimizer="Adam"),
        ),
    )
)
"""The five stages of the seed study, 23 points."""


def read_space(text: str) -> SearchSpace:
    """Read a search space that a person wrote, as TOML or JSON.

    Raises:
        SettingsError: It is neither, or no space that can be searched; the message says what to change.
    """
    text = text.removeprefix("\ufeff")  # Windows' mark of UTF-8
    try:
        if text.lstrip().startswith("{"):
            return SearchSpace.model_validate_json(text)
        return SearchSpace.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as exc:
        if _is_json_list(text):
            raise SettingsError('The search space is a list. Write {"stages": before it and } after it.') from exc
        raise SettingsError(f"The search space is not valid TOML: {exc}. Correct that line.") from exc
    except ValidationError as exc:
        raise SettingsError(f"The search space cannot be used. {faults_of(exc)}.") from exc


def _is_json_list(text: str) -> bool:
    try:
        return isinstance(json.loads(text), list)
    except ValueError:
        return False


def faults_of(invalid: ValidationError) -> str:
    """What is wrong, in words: place and fault of each."""
    return "; ".join(
        ": ".join(
            part
            for part in (
                ".".join(str(step + 1) if isinstance(step, int) else step for step in fault["loc"]),
                _fault_of(fault),
            )
            if part
        )
        for fault in invalid.errors(include_url=False)
    )


def _fault_of(fault: ErrorDetails) -> str:
    if fault["type"] != "tuple_type":
        return fault["msg"].removeprefix("Value error, ")
    name, written = fault["loc"][-1], fault["input"]
    return f"{name} must be a list, e.g. {f'[[{name}]]' if isinstance(written, dict) else f'{name} = [{written!r}]'}"
