"""How a quantity was spread where a model was made, for later nights to be held against."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cxrscreen.classifier.estimate import Frozen
from cxrscreen.errors import CalibrationError

MOST_VALUES = 400  # on a card; more radiographs are thinned to as many quantiles


class Reference(Frozen):
    """One quantity over held-out radiographs.

    Attributes:
        values: By rising value, at most ``MOST_VALUES``.
        n: Radiographs that they stand for.
    """

    values: tuple[float, ...]
    n: int

    @classmethod
    def of(cls, values: Sequence[float]) -> Reference:
        """Keep the spread of at least one number.

        Raises:
            CalibrationError: There is none, or one is not finite.
        """
        known = np.sort(np.asarray(values, dtype=np.float64))
        if not len(known) or not np.isfinite(known).all():
            raise CalibrationError("A reference needs finite numbers. Train the model again.")
        if len(known) > MOST_VALUES:
            known = np.quantile(known, (np.arange(MOST_VALUES) + 0.5) / MOST_VALUES)
        return cls(values=tuple(float(f"{value:.6g}") for value in known), n=len(values))


class References(Frozen):
    """What the nights are held against; all of radiographs that the model had not seen the patients of.

    Attributes:
        scores: In [0, 1].
        distances: To the nearest radiographs of the development set.
        lung_shares: Of the activation maps' energy inside the lung fields, over the share of area that these have.
        refused: Of all files that came to the gate, which share it refused.
        refused_n: Files that ``refused`` rests on.
    """

    scores: Reference
    distances: Reference
    lung_shares: Reference
    refused: float
    refused_n: int
