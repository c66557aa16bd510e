"""What a head of the comparison learns from and is, and the heads that production itself fits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from cxrscreen.classifier.linear_head import BOUND, LinearHead
from cxrscreen.classifier.recipe import LinearRecipe, Recipe
from cxrscreen.labelled.splits import Indices
from cxrscreen.training.changed_maps import ChangedMaps
from cxrscreen.training.development import Development
from cxrscreen.training.fit import fold_heads
from cxrscreen.types import Diseased, Pooled, Scores
from tests.benchmarks.recipe_framings import acquisition_copies, exchange
from tests.benchmarks.recipe_set import COPIES, SEEDS, DevelopmentSet

Numbers = NDArray[np.float64]


class AnyHead(Protocol):
    """Scores what a recipe shows of radiographs."""

    def arrays(self) -> Mapping[str, NDArray[Any]]:
        """All its numbers."""
        ...

    def scores_pooled(self, pooled: Pooled) -> Scores:
        """Higher means COVID-19; shape (n, features) to (n,)."""
        ...


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Training:
    """What one head may learn from.

    Attributes:
        known: The development part.
        vectors: What the recipe shows of all of it, by change: (n, features).
        rows: Those to learn from.
        split: Number of the split among ``SEEDS``.
        fold: Of that split, held out.
    """

    known: DevelopmentSet
    vectors: Mapping[str, Pooled] = field(repr=False)
    rows: Indices
    split: int
    fold: int

    @property
    def diseased(self) -> Diseased:
        """Reference standard of the rows."""
        return self.known.seen.diseased[self.rows]

    def of(self, change: str) -> Pooled:
        """The rows under a change that takes nothing from other radiographs."""
        return self.vectors[change][self.rows]

    def exchanges(self) -> list[tuple[str, Indices]]:
        """Drawings of exchanges, and those radiographs of each whose lungs and background are both in the rows."""
        return [
            (exchange(split, 0), self._both_inside(self.known.backgrounds[split, :1])) for split in range(len(SEEDS))
        ]

    def exchanged_for_good(self) -> Indices:
        """Radiographs of the rows of which every exchange of this split has its background there, too."""
        return self._both_inside(self.known.backgrounds[self.split])

    def _both_inside(self, backgrounds: NDArray[np.intp]) -> Indices:
        inside = np.isin(backgrounds[:, self.rows], self.rows)
        return self.rows[np.flatnonzero(inside.all(axis=0))]


class Fit(Protocol):
    """Makes a head."""

    @property
    def needs(self) -> tuple[str, ...]:
        """Changes that it learns from, beyond those by which every recipe is judged."""
        ...

    def __call__(self, training: Training) -> AnyHead:
        """Fit it."""
        ...


@dataclass(frozen=True, slots=True)
class Production:
    """A recipe as production fits it."""

    recipe: Recipe

    @property
    def needs(self) -> tuple[str, ...]:
        """See ``Fit``."""
        if not isinstance(self.recipe, LinearRecipe):
            return ()
        exchanges = [exchange(split, copy) for split in range(len(SEEDS)) for copy in range(COPIES)]
        return (*exchanges, *acquisition_copies(self.recipe.acquisition_copies))

    def __call__(self, training: Training) -> AnyHead:
        """Fit it; of a head that dies, production draws the initial weights again."""
        development = Development(
            pooled=training.vectors["intact"],
            shifted=None,
            diseased=training.known.seen.diseased,
            folds=((training.rows, np.empty(0, dtype=np.intp)),),
            changed=_changed(training, self.recipe) if isinstance(self.recipe, LinearRecipe) else None,
        )
        seed = 10 * SEEDS[training.split] + training.fold
        return fold_heads(self.recipe, development, seed=seed)[0]


def balanced(diseased: Diseased, groups: list[str] | None = None) -> Numbers:
    """Weights that give each class the same total, and in it each group; they sum to 1."""
    cells = [f"{label} {group}" for label, group in zip(diseased, groups or [""] * len(diseased), strict=True)]
    _, cell_of, sizes = np.unique(cells, return_inverse=True, return_counts=True)
    weights: Numbers = 1 / sizes[cell_of] / len(sizes)
    return weights


def standardised(head: LinearHead, pooled: Pooled) -> Numbers:
    """What the weights of a linear head are multiplied with."""
    features: Numbers = np.clip((pooled.astype(np.float64) - head.centre) / head.scale, -BOUND, BOUND)
    return features


def trained_numbers(head: AnyHead) -> int:
    """How many numbers were learnt; centre and scale of the features are none."""
    return sum(array.size for name, array in head.arrays().items() if name not in {"centre", "scale"})


def _changed(training: Training, recipe: LinearRecipe) -> ChangedMaps:
    places, vectors = training.exchanged_for_good(), training.vectors
    others = [vectors[copy][places] for copy in acquisition_copies(recipe.acquisition_copies)]
    return ChangedMaps(
        places=places,
        lungs_out=vectors["lungs out"][places],
        lungs_only=vectors["lungs only"][places],
        exchanged=np.stack([vectors[exchange(training.split, copy)][places] for copy in range(COPIES)], axis=1),
        behind=None,
        stored_otherwise=np.stack(others, axis=1) if others else None,
    )
