"""Scores of phantoms that every installation can draw again; importing this starts TensorFlow."""

from __future__ import annotations

import numpy as np

from cxrscreen.classifier.backbone import Backbone
from cxrscreen.classifier.base_weights import BaseWeights
from cxrscreen.classifier.card import GoldenScore
from cxrscreen.classifier.head import Head
from cxrscreen.phantom.golden import golden_phantom
from cxrscreen.radiograph.prepare import prepare

_GOLDEN_PHANTOMS = ((1, False), (1, True), (2, False), (2, True))


def golden_scores(head: Head, base: BaseWeights) -> tuple[GoldenScore, ...]:
    """Score them with a new head; a drift will show a broken installation."""
    pictures = np.stack([prepare(golden_phantom(seed, opacities=opacities)) for seed, opacities in _GOLDEN_PHANTOMS])
    scores = head.scores(Backbone(base).feature_maps(pictures))
    return tuple(
        GoldenScore(phantom_seed=seed, opacities=opacities, score=float(score))
        for (seed, opacities), score in zip(_GOLDEN_PHANTOMS, scores, strict=True)
    )
