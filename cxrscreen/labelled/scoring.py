"""Scores of prepared radiographs by one model, in steps that leave memory to the radiographs."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from cxrscreen.classifier.base_weights import BaseWeights
from cxrscreen.classifier.bundle import read_making, read_weights
from cxrscreen.classifier.card import ModelCard
from cxrscreen.classifier.feature_cache import FeatureMapCache
from cxrscreen.classifier.head import Head
from cxrscreen.classifier.making import Making
from cxrscreen.classifier.pooling import pool
from cxrscreen.classifier.recipe import Recipe, recipe_named
from cxrscreen.evaluation.comparison import Judged
from cxrscreen.types import Pooled, PreparedBatch, Progress, Scores

_AT_ONCE = 256  # radiographs whose feature maps are in memory together: 26 MB


@dataclass(frozen=True, slots=True, eq=False)
class Scorer:
    """A model that was read and verified, without Grad-CAM: TensorFlow starts only for maps that are not cached.

    Attributes:
        card: Of the model.
        base: Its base, rounded as it was stored.
        head: Its head.
        making: How it was made; ``None`` where that was not recorded.
    """

    card: ModelCard
    base: BaseWeights = field(repr=False)
    head: Head = field(repr=False)
    making: Making | None = field(repr=False)

    @classmethod
    def of(cls, bundle: Path) -> Scorer:
        """Read a bundle.

        Raises:
            ModelError: It is damaged.
        """
        card, base, arrays = read_weights(bundle)
        return cls(card, base, Head.from_arrays(recipe_named(card.recipe), arrays), read_making(bundle))

    @property
    def developed_on(self) -> frozenset[str] | None:
        """SHA-256 of the files that it was trained and calibrated on; ``None`` where nobody knows."""
        return None if self.making is None else frozenset(self.making.development)

    def scores(
        self, prepared: PreparedBatch, cache: FeatureMapCache, *, step: str, progress: Progress | None
    ) -> Scores:
        """Score n radiographs, n may be 0; ``step`` is what ``progress`` is told of. Shape (n,)."""
        if not len(prepared):
            return np.empty(0)
        pooled = pooled_maps(prepared, self.base, self.head.recipe, cache, step=step, progress=progress)
        return self.head.scores_pooled(pooled)

    def judged(self, scores: Scores) -> Judged:
        """Put scores of this model beside its operating point."""
        return Judged(self.card.version, scores, self.card.operating_point.threshold)


def pooled_maps(  # noqa: PLR0913  # what is seen, by whom, and whom to tell
    prepared: PreparedBatch,
    base: BaseWeights,
    recipe: Recipe,
    cache: FeatureMapCache,
    *,
    step: str,
    progress: Progress | None,
) -> Pooled:
    """Pool feature maps of at least one radiograph as they come, shape (n, features): a map has 0.1 MB, this 2 KB."""
    total, parts = len(prepared), []
    for start in range(0, total, _AT_ONCE):
        told = _from(start, total, progress)
        maps = cache.feature_maps(prepared[start : start + _AT_ONCE], base, step=step, progress=told)
        parts.append(pool(recipe, maps))
    return np.concatenate(parts)


def _from(start: int, total: int, progress: Progress | None) -> Progress | None:
    return None if progress is None else lambda step, done, _: progress(step, start + done, total)
