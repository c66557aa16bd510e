"""The development part as every fit before the last one sees it: without the test part, out of reach of any mistake."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from cxrscreen.labelled.splits import Indices, Split
from cxrscreen.training.changed_maps import ChangedMaps
from cxrscreen.training.pooled_maps import PooledMaps
from cxrscreen.types import Diseased, Pooled


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Development:
    """Radiographs that may be fitted on.

    Attributes:
        pooled: Shape (m, features).
        shifted: Shape (m, copies, features), or ``None``.
        diseased: Reference standard, shape (m,).
        folds: Five pairs (training, validation) of positions in the development part.
        changed: The same radiographs with changed lungs or backgrounds, where there are any.
        blank: Feature map of a picture that shows nothing, for linear heads.
    """

    pooled: Pooled = field(repr=False)
    shifted: Pooled | None = field(repr=False)
    diseased: Diseased
    folds: tuple[tuple[Indices, Indices], ...] = field(repr=False)
    changed: ChangedMaps | None = field(default=None, repr=False)
    blank: NDArray[np.float32] | None = field(default=None, repr=False)

    @classmethod
    def of(cls, maps: PooledMaps, diseased: Diseased, split: Split) -> Development:
        """Take the development part out of the whole set's ``diseased`` and ``split``."""
        folds = tuple(
            (np.searchsorted(split.development, train), np.searchsorted(split.development, validation))
            for train, validation in split.folds
        )
        return cls(
            pooled=maps.development,
            shifted=maps.shifted,
            diseased=diseased[split.development],
            folds=folds,
            changed=maps.changed,
            blank=maps.blank,
        )

    def shifted_of(self, rows: Indices) -> Pooled | None:
        """Shifted copies of some radiographs."""
        return None if self.shifted is None else self.shifted[rows]
