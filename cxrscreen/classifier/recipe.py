"""The two named ways to build and train a head on the frozen VGG16 base."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from cxrscreen.classifier.base_weights import FEATURE_SHAPE
from cxrscreen.errors import ModelError

RecipeName = Literal["study-2020", "standard"]
OptimizerName = Literal["Adam", "SGD", "RMSprop"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """Head and training of one model; the base is VGG16 up to block5_pool and stays frozen.

    Attributes:
        name: What the model card calls it.
        pooled_cells: Side of the average pooling window on the 7x7 feature map. The window does not
            overlap and incomplete windows are dropped, so 4 sees the upper-left 4x4 cells only.
        hidden_units: Width of the two dense layers (ReLU) before the two softmax outputs.
        dropout: Fraction dropped before the outputs while training.
        learning_rate: At step 0; at step t it is ``learning_rate / (1 + t * learning_rate / epochs)``.
        batch_size: Radiographs in one step.
        optimizer: With the constants that Keras gives it, see ``optimizers``.
        epochs: Passes over the training part.
    """

    name: RecipeName
    pooled_cells: int
    hidden_units: tuple[int, int] = (64, 128)
    dropout: float = 0.5
    learning_rate: float = 0.008
    batch_size: int = 7
    optimizer: OptimizerName = "Adam"
    epochs: int = 12

    def head_shapes(self) -> dict[str, tuple[int, ...]]:
        """Shapes of the head's weights, ``<layer>/kernel`` (in, out) and ``<layer>/bias``, from input to output."""
        rows, columns, channels = FEATURE_SHAPE
        width = (rows // self.pooled_cells) * (columns // self.pooled_cells) * channels
        shapes: dict[str, tuple[int, ...]] = {}
        for layer, units in zip(("hidden1", "hidden2", "outputs"), (*self.hidden_units, 2), strict=True):
            shapes[f"{layer}/kernel"] = (width, units)
            shapes[f"{layer}/bias"] = (units,)
            width = units
        return shapes

    def learning_rate_at(self, step: int) -> float:
        """What the Keras of 2020 made of ``optimizer(lr, decay=lr / epochs)`` at that step, counted from 0."""
        return self.learning_rate / (1 + step * self.learning_rate / self.epochs)

    def hyperparameters(self) -> dict[str, float | int | str]:
        """What the model card records, one flat value for each key."""
        return {
            "pooled_cells": f"{self.pooled_cells}x{self.pooled_cells}",
            "input_scaling": "unit",  # RGB / 255 in the backbone, as the study did; ImageNet's own is another
            "hidden_units": "-".join(map(str, self.hidden_units)),
            "dropout": self.dropout,
            "learning_rate": self.learning_rate,
            "learning_rate_decay_per_step": self.learning_rate / self.epochs,
            "batch_size": self.batch_size,
            "epochs": self.epochs,
            "optimizer": self.optimizer,
            "loss": "binary cross-entropy on two softmax outputs, as Keras 3 takes it: each logit by itself",
        }


# The study's pooling is kept as it was run; "standard" differs in nothing but the window.
_RECIPES: dict[str, Recipe] = {
    "study-2020": Recipe(name="study-2020", pooled_cells=4),
    "standard": Recipe(name="standard", pooled_cells=7),
}


def recipe_named(name: str) -> Recipe:
    """Return the recipe of that name.

    Raises:
        ModelError: There is no recipe of that name.
    """
    try:
        return _RECIPES[name]
    except KeyError:
        known = ", ".join(get_args(RecipeName))
        raise ModelError(f"There is no recipe {name!r}. Choose one of: {known}.") from None
