"""Feature maps computed once: found again on disk by what they were computed from."""

from __future__ import annotations

import hashlib
import logging
import math
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from cxrscreen.classifier.base_weights import BaseWeights
from cxrscreen.classifier.expendable_store import ExpendableStore
from cxrscreen.classifier.recipe import SHAPE_OF_BLOCK, Block
from cxrscreen.types import FeatureMaps, Prepared, PreparedBatch, Progress

if TYPE_CHECKING:
    from cxrscreen.classifier.backbone import Backbone

# What a value is; part of the key, to be changed together with what ``Backbone`` computes.
_MEANING = "cxrscreen 1: VGG16 block{block}_pool of RGB / 255 in little-endian float32\n"
_STEP = 16  # radiographs between two visits to the disk: what a kill loses, about five seconds

_log = logging.getLogger(__name__)


class FeatureMapCache:
    """Feature maps by the prepared radiograph's pixels and the base's digest. Several processes may share the folder.

    Attributes:
        computed: Feature maps that this object had to compute so far.
    """

    def __init__(self, folder: Path, *, max_bytes: int) -> None:
        """Take what is there.

        Args:
            folder: Holds nothing else; made, for its owner alone, when something is kept.
            max_bytes: Bound on all files together; the longest unused go first.
        """
        self._store = ExpendableStore(folder, max_bytes=max_bytes)
        self._backbones: dict[tuple[str, Block], Backbone] = {}
        self.computed = 0

    def feature_maps(
        self, prepared: PreparedBatch, base: BaseWeights, *, block: Block = 5, step: str, progress: Progress | None
    ) -> FeatureMaps:
        """Return the feature maps of all radiographs; what is missing is computed and kept step by step.

        TensorFlow is started only if something is missing. Entries that are damaged or foreign are made anew; a
        folder that cannot be written makes the next time slow, no more.

        Args:
            prepared: Shape (n, 224, 224, 3).
            base: Frozen base.
            block: Where it ends.
            step: What ``progress`` calls this.
            progress: Told how many are at hand, after the disk was read and after each step.

        Returns:
            Shape (n, rows, columns, 512), row i of row i.
        """
        rows_of: dict[str, list[int]] = {}
        for row, one in enumerate(prepared):
            rows_of.setdefault(_key_of(one, base, block), []).append(row)
        self._tell_if_too_small(len(rows_of), block)
        maps: FeatureMaps = np.empty((len(prepared), *SHAPE_OF_BLOCK[block]), dtype=np.float32)
        missing = [key for key, rows in rows_of.items() if not self._filled(maps, rows, key)]
        done = len(prepared) - sum(len(rows_of[key]) for key in missing)
        if progress:
            progress(step, done, len(prepared))
        for start in range(0, len(missing), _STEP):
            keys = missing[start : start + _STEP]
            new = self._backbone(base, block).feature_maps(prepared[[rows_of[key][0] for key in keys]])
            self.computed += len(keys)
            self._store.keep({key: one.astype("<f4").tobytes() for key, one in zip(keys, new, strict=True)})
            for key, one in zip(keys, new, strict=True):
                maps[rows_of[key]] = one
                done += len(rows_of[key])
            if progress:
                progress(step, done, len(prepared))
        return maps

    def size(self) -> tuple[int, int]:
        """Return how many feature maps there are, and the bytes that all files take."""
        return self._store.size()

    def clear(self) -> int:
        """Throw everything away and return how many bytes that freed.

        Raises:
            WorkspaceError: The files may not be removed.
        """
        return self._store.clear()

    def _filled(self, maps: FeatureMaps, rows: list[int], key: str) -> bool:
        """Fill in an entry from disk, or return false where there is none of the right size."""
        value = self._store.read(key)
        if value is None or len(value) != maps[0].nbytes:
            return False
        maps[rows] = np.frombuffer(value, dtype="<f4").reshape(maps.shape[1:])
        return True

    def _backbone(self, base: BaseWeights, block: Block) -> Backbone:
        """The base as a graph, made when first needed and kept: making it takes a second."""
        if (base.sha256, block) not in self._backbones:
            from cxrscreen.classifier.backbone import Backbone  # noqa: PLC0415  # starts TensorFlow

            self._backbones[base.sha256, block] = Backbone(base, block=block)
        return self._backbones[base.sha256, block]

    def _tell_if_too_small(self, entries: int, block: Block) -> None:
        needed = entries * 4 * math.prod(SHAPE_OF_BLOCK[block])
        if needed > self._store.max_bytes:
            _log.warning(
                "%d feature maps take %.1f GB, more than the cache may hold: they will be computed again next time. "
                "Raise feature_cache_gigabytes.",
                entries,
                needed / 1e9,
            )


def _key_of(prepared: Prepared, base: BaseWeights, block: Block) -> str:
    return hashlib.sha256(_MEANING.format(block=block).encode() + base.sha256.encode() + prepared.tobytes()).hexdigest()
