"""What the heads are fitted on: pooled feature maps of everything, computed once and kept by the cache.

A map takes 0.1 MB, what a head sees of it 2 KB: maps are pooled as they come and not kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial

import numpy as np
from numpy.typing import NDArray

from cxrscreen.classifier.base_weights import BaseWeights
from cxrscreen.classifier.feature_cache import FeatureMapCache
from cxrscreen.classifier.pooling import pool
from cxrscreen.classifier.recipe import LinearRecipe, Recipe
from cxrscreen.classifier.shifts import Shifts, shifted
from cxrscreen.labelled.scoring import pooled_maps
from cxrscreen.radiograph.prepare import SIDE
from cxrscreen.training.changed_maps import ChangedMaps, changed_maps
from cxrscreen.training.examined import Examined
from cxrscreen.types import Pooled, PreparedBatch, Progress

_MID_GREY = 128  # what ``lungs.framing`` puts in the place of everything but the lungs
_AT_ONCE = 256  # radiographs, or shifted copies, whose maps are in memory together: 26 MB, or 103 MB at block 4


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class PooledMaps:
    """Pooled vectors of one labelled set.

    Attributes:
        development: Shape (m, features).
        shifted: Of each development radiograph's shifted copies, (m, copies, features); ``None`` without copies.
        changed: Of development radiographs with changed lungs or backgrounds, where they can be changed.
        blank: Feature map of a picture that shows nothing, (rows, columns, features), for a linear recipe.
        given: The development part again, through the base as it was given, before its rounding.
        test: Shape (t, features); nobody but the one test looks at it.
    """

    development: Pooled = field(repr=False)
    shifted: Pooled | None = field(repr=False)
    changed: ChangedMaps | None = field(repr=False)
    blank: NDArray[np.float32] | None = field(repr=False)
    given: Pooled = field(repr=False)
    test: Pooled = field(repr=False)


@dataclass(frozen=True, slots=True, eq=False)
class Pooling:
    """Through one cache, for one recipe's window.

    Attributes:
        cache: Of feature maps.
        recipe: Gives framing, block and window.
        progress: Told of each step.
    """

    cache: FeatureMapCache
    recipe: Recipe
    progress: Progress | None

    def of_split(self, known: Examined, shifts: Shifts, *, seed: int) -> PooledMaps:
        """Pool all that a retraining needs.

        Args:
            known: The labelled set; the rounded base trains and ships, the given one shows what rounding changes.
            shifts: Of the development part's copies, (m, copies, 2).
            seed: Of exchanged backgrounds.

        Raises:
            DataSetError: The recipe is trained on exchanges, and there is nobody to exchange with.
        """
        development = known.inputs[known.split.development]
        base, given = known.bases.rounded, known.bases.given
        pooled = self.of(development, base, step="feature maps")
        return PooledMaps(
            development=pooled,
            shifted=self._of_copies(development, shifts, base) if shifts.shape[1] else None,
            changed=changed_maps(known, self.recipe, partial(self._of_parts, base), seed=seed),
            blank=self._of_blank(base) if isinstance(self.recipe, LinearRecipe) else None,
            given=pooled if given.sha256 == base.sha256 else self.of(development, given, step="rounding check"),
            test=self.of(known.inputs[known.split.test], base, step="feature maps, test part"),
        )

    def of(self, prepared: PreparedBatch, base: BaseWeights, *, step: str) -> Pooled:
        """Pool the feature maps of some radiographs, shape (n, features)."""
        return pooled_maps(prepared, base, self.recipe, self.cache, step=step, progress=self.progress)

    def _of_blank(self, base: BaseWeights) -> NDArray[np.float32]:
        grey = np.full((1, SIDE, SIDE, 3), _MID_GREY, dtype=np.uint8)
        maps = self.cache.feature_maps(
            grey, base, block=self.recipe.block, step="feature maps, blank", progress=self.progress
        )
        blank: NDArray[np.float32] = maps[0]
        return blank

    def _of_parts(
        self, base: BaseWeights, total: int, draw: Callable[[slice], PreparedBatch], step: str, *, each: int = 1
    ) -> Pooled:
        """Pool pictures that are drawn as they are needed, ``each`` of them for each of ``total`` radiographs."""
        parts = []
        for part in _parts(total, max(1, _AT_ONCE // each)):
            told = self._from(part.start * each, total * each)
            maps = self.cache.feature_maps(draw(part), base, block=self.recipe.block, step=step, progress=told)
            parts.append(pool(self.recipe, maps))
        return np.concatenate(parts)

    def _of_copies(self, prepared: PreparedBatch, shifts: Shifts, base: BaseWeights) -> Pooled:
        copies = shifts.shape[1]

        def draw(part: slice) -> PreparedBatch:
            return shifted(prepared[part], shifts[part]).reshape(-1, *prepared.shape[1:])

        pooled = self._of_parts(base, len(prepared), draw, "feature maps, shifted copies", each=copies)
        return pooled.reshape(len(prepared), copies, -1)

    def _from(self, start: int, total: int) -> Progress | None:
        progress = self.progress
        return None if progress is None else lambda step, done, _: progress(step, start + done, total)


def _parts(total: int, at_once: int) -> Iterator[slice]:
    for start in range(0, total, at_once):
        yield slice(start, min(start + at_once, total))
