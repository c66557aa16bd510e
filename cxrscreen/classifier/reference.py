"""How a quantity was spread where a model was made, for later nights to be held against."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import numpy as np
from pydantic import BeforeValidator

from cxrscreen.classifier.estimate import Frozen
from cxrscreen.errors import CalibrationError
from cxrscreen.types import Diseased

MOST_VALUES = 400  # on a card; more radiographs are thinned to as many quantiles


class Reference(Frozen):
    """One quantity over held-out radiographs of one class.

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


class ByClass(Frozen):
    """One quantity over held-out radiographs, each class by itself: no later night has the share of diseased of a set.

    Attributes:
        covid: Of the diseased.
        normal: Of the others.
    """

    covid: Reference
    normal: Reference

    @classmethod
    def of(cls, values: Sequence[float], diseased: Diseased) -> ByClass:
        """Keep the spread of each class.

        Args:
            values: Finite.
            diseased: Reference standard, of the same length.

        Raises:
            CalibrationError: A class is missing, or a value is not finite.
        """
        known = np.asarray(values, dtype=np.float64)
        return cls(covid=Reference.of(known[diseased].tolist()), normal=Reference.of(known[~diseased].tolist()))

    @property
    def n(self) -> int:
        """Radiographs of both classes."""
        return self.covid.n + self.normal.n


class References(Frozen):
    """What the nights are held against; all of radiographs that the model had not seen the patients of.

    Attributes:
        scores: In [0, 1].
        distances: To the nearest radiographs of the development set.
        lung_shares: Of the activation maps' energy inside the lung fields, over the share of area that these have.
        refused: Of all files that came to the gate, which share it refused.
        refused_n: Files that ``refused`` rests on.
    """

    scores: ByClass
    distances: ByClass
    lung_shares: ByClass
    refused: float
    refused_n: int


def _by_class_only(found: Any) -> Any:  # noqa: ANN401  # whatever a card holds; pydantic checks it next
    """Take references of both classes together for none: they fit no night with another share of diseased."""
    if isinstance(found, Mapping) and isinstance(scores := found.get("scores"), Mapping) and "values" in scores:
        return None
    return found


KnownReferences = Annotated[References | None, BeforeValidator(_by_class_only)]
"""As a card holds them."""
