"""Scores of phantoms that every installation can draw again; importing this starts TensorFlow."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from cxrscreen.classifier.backbone import Backbone
from cxrscreen.classifier.base_weights import BaseWeights
from cxrscreen.classifier.card import GoldenScore
from cxrscreen.classifier.pooling import pool
from cxrscreen.classifier.recipe import Recipe
from cxrscreen.errors import ModelError
from cxrscreen.lungs.golden import Phantom, golden_inputs
from cxrscreen.lungs.segmenter import Segmenter
from cxrscreen.types import Pooled, Prepared, Scores

_GOLDEN_PHANTOMS: tuple[Phantom, ...] = ((1, False), (1, True), (2, False), (2, True))
_FEWEST = 2


def golden_scores(
    recipe: Recipe, score: Callable[[Pooled], Scores], base: BaseWeights, *, lungs: Path
) -> tuple[GoldenScore, ...]:
    """Score them with a new model; a drift will show a broken installation.

    Args:
        recipe: Frames them.
        score: The new head, calibrated.
        base: As it was rounded.
        lungs: Folder of the segmenter that the model was made with.

    Raises:
        ModelError: The segmenter finds lungs in too few of them.
    """
    inputs = golden_inputs(_GOLDEN_PHANTOMS, Segmenter.of(lungs), recipe.framing)
    framed: dict[Phantom, Prepared] = {
        phantom: one for phantom, one in zip(_GOLDEN_PHANTOMS, inputs, strict=True) if one is not None
    }
    if len(framed) < _FEWEST:
        raise ModelError("The lung segmenter finds no lungs in the phantoms. Restore the segmenter from its source.")
    maps = Backbone(base, block=recipe.block).feature_maps(np.stack(list(framed.values())))
    return tuple(
        GoldenScore(phantom_seed=seed, opacities=opacities, score=float(one))
        for (seed, opacities), one in zip(framed, score(pool(recipe, maps)), strict=True)
    )
