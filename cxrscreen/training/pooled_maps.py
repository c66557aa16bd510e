"""What the heads are fitted on: pooled feature maps of everything, computed once and kept by the cache.

A map takes 0.1 MB, what a head sees of it 2 KB: maps are pooled as they come and not kept.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from cxrscreen.classifier.base_weights import BaseWeights
from cxrscreen.classifier.feature_cache import FeatureMapCache
from cxrscreen.classifier.pooling import pool
from cxrscreen.classifier.recipe import Recipe
from cxrscreen.classifier.shifts import Shifts, shifted
from cxrscreen.labelled.scoring import pooled_maps
from cxrscreen.labelled.splits import Split
from cxrscreen.training.base import Bases
from cxrscreen.types import Pooled, PreparedBatch, Progress

_AT_ONCE = 256  # radiographs, or shifted copies, whose maps are in memory together: 26 MB


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class PooledMaps:
    """Pooled vectors of one labelled set.

    Attributes:
        development: Shape (m, features).
        shifted: Of each development radiograph's shifted copies, (m, copies, features); ``None`` without copies.
        given: The development part again, through the base as it was given, before its rounding.
        test: Shape (t, features); nobody but the one test looks at it.
    """

    development: Pooled = field(repr=False)
    shifted: Pooled | None = field(repr=False)
    given: Pooled = field(repr=False)
    test: Pooled = field(repr=False)


@dataclass(frozen=True, slots=True, eq=False)
class Pooling:
    """Through one cache, for one recipe's window.

    Attributes:
        cache: Of feature maps.
        recipe: Gives the window.
        progress: Told of each step.
    """

    cache: FeatureMapCache
    recipe: Recipe
    progress: Progress | None

    def of_split(self, prepared: PreparedBatch, split: Split, shifts: Shifts, bases: Bases) -> PooledMaps:
        """Pool all that a retraining needs.

        Args:
            prepared: The whole set.
            split: Tells the development part from the test.
            shifts: Of the development part's copies, (m, copies, 2).
            bases: The rounded one trains and ships, the given one shows what rounding changes.
        """
        development = prepared[split.development]
        base, given = bases.rounded, bases.given
        pooled = self.of(development, base, step="feature maps")
        return PooledMaps(
            development=pooled,
            shifted=self._of_copies(development, shifts, base) if shifts.shape[1] else None,
            given=pooled if given.sha256 == base.sha256 else self.of(development, given, step="rounding check"),
            test=self.of(prepared[split.test], base, step="feature maps, test part"),
        )

    def of(self, prepared: PreparedBatch, base: BaseWeights, *, step: str) -> Pooled:
        """Pool the feature maps of some radiographs, shape (n, features)."""
        return pooled_maps(prepared, base, self.recipe, self.cache, step=step, progress=self.progress)

    def _of_copies(self, prepared: PreparedBatch, shifts: Shifts, base: BaseWeights) -> Pooled:
        copies = shifts.shape[1]
        parts = []
        for part in _parts(len(prepared), max(1, _AT_ONCE // copies)):
            moved = shifted(prepared[part], shifts[part])
            told = self._from(part.start * copies, len(prepared) * copies)
            maps = self.cache.feature_maps(
                moved.reshape(-1, *moved.shape[2:]), base, step="feature maps, shifted copies", progress=told
            )
            parts.append(pool(self.recipe, maps).reshape(len(moved), copies, -1))
        return np.concatenate(parts)

    def _from(self, start: int, total: int) -> Progress | None:
        progress = self.progress
        return None if progress is None else lambda step, done, _: progress(step, start + done, total)


def _parts(total: int, at_once: int) -> Iterator[slice]:
    for start in range(0, total, at_once):
        yield slice(start, min(start + at_once, total))
