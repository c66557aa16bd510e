"""The named ways to frame a radiograph, and to build and train a head on the frozen VGG16 base."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal, get_args

from cxrscreen.classifier.base_weights import FEATURE_SHAPE, FOURTH_SHAPE
from cxrscreen.errors import ModelError

RecipeName = Literal["study-2020", "standard", "lung-focused"]
OptimizerName = Literal["Adam", "SGD", "RMSprop"]

Framing = Literal["whole", "lungs"]
"""What of a radiograph the base sees: all of it, or the lung fields alone, their grey levels ranked."""

Block = Literal[4, 5]
"""The block of VGG16 whose pooled output is the feature map."""

SHAPE_OF_BLOCK: dict[Block, tuple[int, int, int]] = {4: FOURTH_SHAPE, 5: FEATURE_SHAPE}
"""Rows, columns and channels of a feature map."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DenseRecipe:
    """Two dense layers on the whole radiograph; the base is VGG16 up to block5_pool and stays frozen.

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

    framing: ClassVar[Framing] = "whole"
    block: ClassVar[Block] = 5

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


@dataclass(frozen=True, slots=True, kw_only=True)
class LinearRecipe:
    """One weight for each channel of the lungs' block4_pool, see ``linear_head``; VGG16 ends there and stays frozen.

    Attributes:
        name: What the model card calls it.
        penalty: Of the mean loss, for half the squared length of the weights.
        exchanged_copies: Of each training radiograph: its lungs in backgrounds of the other class; all together count
            as much as all radiographs.
        acquisition_copies: Of each training radiograph: as another site might have stored it; likewise.
    """

    framing: ClassVar[Framing] = "lungs"
    block: ClassVar[Block] = 4

    name: RecipeName
    penalty: float = 0.03
    exchanged_copies: int = 3
    acquisition_copies: int = 3

    def head_shapes(self) -> dict[str, tuple[int, ...]]:
        """Shapes of the head's numbers."""
        features = SHAPE_OF_BLOCK[self.block][-1:]
        return {"centre": features, "scale": features, "weights": features, "bias": (1,)}

    def hyperparameters(self) -> dict[str, float | int | str]:
        """What the model card records, one flat value for each key."""
        return {
            "framing": "lung fields with a margin, their grey levels ranked at 128 pixels, mid-grey outside",
            "input_scaling": "unit",
            "features": "mean of block4_pool",
            "head": "penalised logistic regression on clipped, standardised features",
            "penalty": self.penalty,
            "copies_with_exchanged_background": self.exchanged_copies,
            "copies_of_other_acquisition": self.acquisition_copies,
        }


Recipe = DenseRecipe | LinearRecipe

# The study's pooling is kept as it was run; "standard" differs in nothing but the window.
_RECIPES: dict[str, Recipe] = {
    "study-2020": DenseRecipe(name="study-2020", pooled_cells=4),
    "standard": DenseRecipe(name="standard", pooled_cells=7),
    "lung-focused": LinearRecipe(name="lung-focused"),
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


def dense_recipe(name: str) -> DenseRecipe:
    """Return the recipe of that name, one whose training has settings to search.

    Raises:
        ModelError: There is no recipe of that name, or its head has one optimum.
    """
    recipe = recipe_named(name)
    if isinstance(recipe, LinearRecipe):
        raise ModelError(
            f"The recipe {name!r} has one answer for the same radiographs: it takes no search and no shifted copies. "
            "Leave these options out."
        )
    return recipe
