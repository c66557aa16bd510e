"""Feature maps of the development part without its lungs, with nothing but its lungs, and with exchanged lungs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from cxrscreen.classifier.recipe import LinearRecipe, Recipe
from cxrscreen.errors import DataSetError
from cxrscreen.labelled.changed_set import Change, LungsSeen, changed_inputs, draw_backgrounds, shown
from cxrscreen.labelled.splits import Indices
from cxrscreen.lungs.acquisition import Acquisition, draw_acquisition, stored_otherwise
from cxrscreen.training.examined import Examined
from cxrscreen.types import Pooled, PreparedBatch

PoolParts = Callable[[int, Callable[[slice], PreparedBatch], str], Pooled]
"""How many there are, classifier inputs of some of them, and the name of the step, to what a head sees of them."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class ChangedMaps:
    """Pooled vectors of those k radiographs of the development part that have plausible lung fields.

    Attributes:
        places: Their positions in the development part, (k,), rising.
        lungs_out: Shape (k, features).
        lungs_only: Shape (k, features).
        exchanged: Their lungs in radiographs of the other class that are in the same fold, (k, copies, features): both
            radiographs of an exchange train, or both are held out.
        behind: Row of the radiograph that the first exchange sets each one's lungs into, (k,); ``None`` where nobody
            will audit these.
        stored_otherwise: As other sites might have stored them, (k, copies, features), where the recipe asks for it.
    """

    places: Indices = field(repr=False)
    lungs_out: Pooled = field(repr=False)
    lungs_only: Pooled = field(repr=False)
    exchanged: Pooled = field(repr=False)
    behind: Indices | None = field(repr=False)
    stored_otherwise: Pooled | None = field(repr=False)


def changed_maps(known: Examined, recipe: Recipe, pool_parts: PoolParts, *, seed: int) -> ChangedMaps | None:
    """Change the development part in all ways.

    Args:
        known: The labelled set and its split.
        recipe: Frames the radiographs, and says how many exchanges there are.
        pool_parts: Computes what is seen.
        seed: Of the exchanges.

    Returns:
        ``None`` where some lungs have no other patient of their fold and of the other class to be exchanged with.

    Raises:
        DataSetError: The same, for a recipe that is trained on exchanges.
    """
    development = known.split.development
    places = known.sighted.part_with_fields(development)
    seen = known.sighted.lungs_seen(places, known.patients, without_fields=len(development) - len(places))
    copies = recipe.exchanged_copies if isinstance(recipe, LinearRecipe) else 1
    folds = _fold_of(known, places)
    try:
        backgrounds = [
            draw_backgrounds(seen.diseased, seen.patients, seed=seed + copy, parts=folds) for copy in range(copies)
        ]
    except DataSetError:
        if isinstance(recipe, LinearRecipe):
            raise
        return None
    if len(places) == 0:
        return None

    def pooled(change: Change, backgrounds_of_copy: Indices, step: str) -> Pooled:
        return pool_parts(len(places), _changing(seen, change, backgrounds_of_copy, recipe), step)

    steps = [f"exchanges {copy} of {copies}" for copy in range(1, copies + 1)]
    exchanged = [
        pooled("lungs exchanged", drawn, f"feature maps, {step}")
        for drawn, step in zip(backgrounds, steps, strict=True)
    ]
    return ChangedMaps(
        places=np.searchsorted(development, places),
        lungs_out=pooled("without lungs", backgrounds[0], "feature maps, without lungs"),
        lungs_only=pooled("lungs alone", backgrounds[0], "feature maps, lungs alone"),
        exchanged=np.stack(exchanged, axis=1),
        behind=backgrounds[0],
        stored_otherwise=_stored_otherwise(seen, recipe, pool_parts, seed=seed),
    )


def _stored_otherwise(seen: LungsSeen, recipe: Recipe, pool_parts: PoolParts, *, seed: int) -> Pooled | None:
    copies = recipe.acquisition_copies if isinstance(recipe, LinearRecipe) else 0
    pooled = []
    for copy in range(1, copies + 1):
        generator = np.random.default_rng([seed, copy])
        acquisitions = [draw_acquisition(generator) for _ in seen.fields]

        def draw(part: slice, acquisitions: Sequence[Acquisition] = acquisitions) -> PreparedBatch:
            stored = [
                stored_otherwise(seen.squares[place], seen.fields[place], acquisitions[place])
                for place in range(part.start, part.stop)
            ]
            return np.stack([shown(square, fields, recipe.framing) for square, fields in stored])

        pooled.append(pool_parts(len(seen.fields), draw, f"feature maps, other acquisitions {copy} of {copies}"))
    return np.stack(pooled, axis=1) if pooled else None


def _changing(
    seen: LungsSeen, change: Change, backgrounds: Indices, recipe: Recipe
) -> Callable[[slice], PreparedBatch]:
    return lambda part: changed_inputs(
        seen, change, np.arange(part.start, part.stop), backgrounds=backgrounds, framing=recipe.framing
    )


def _fold_of(known: Examined, places: Indices) -> NDArray[np.intp]:
    """Number of the fold that holds each radiograph out."""
    fold_of = np.zeros(len(known.labelled.radiographs), dtype=np.intp)
    for number, (_, validation) in enumerate(known.split.folds):
        fold_of[validation] = number
    return fold_of[places]
