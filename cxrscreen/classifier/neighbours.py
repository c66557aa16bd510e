"""How far a radiograph lies from those that the model was made from, by features that are computed anyway."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cxrscreen.errors import ModelError

NEAREST = 3
"""Neighbours whose mean distance counts: one twin, or one odd radiograph of the development set, must not decide."""

_TINY = 1e-9  # length of a vector that holds nothing

Features = NDArray[np.floating[Any]]
"""One vector for each radiograph: (n, width), any scale, of at least one kind of feature."""

Distances = NDArray[np.float64]
"""Mean cosine distance to the nearest radiographs of the development set: (n,), 0 (the same) to 2."""


class Neighbours:
    """Unit vectors of the development set's radiographs.

    Attributes:
        vectors: (m, width), half precision; what a model keeps of its development set's looks.
    """

    def __init__(self, vectors: NDArray[np.float16]) -> None:
        if vectors.ndim != 2 or len(vectors) < NEAREST or not np.isfinite(vectors).all():  # noqa: PLR2004  # a matrix
            raise ModelError("The model's neighbours are damaged or too few. Restore the model's folder.")
        self.vectors = vectors
        self._exact = _unit(vectors)

    @classmethod
    def of(cls, features: Features) -> Neighbours:
        """Keep the radiographs that a model is made from.

        Args:
            features: At least as many rows as ``NEAREST``.

        Raises:
            ModelError: There are fewer, or a value is not finite.
        """
        return cls(_unit(features).astype(np.float16))

    def distances(self, features: Features) -> Distances:
        """Tell how unlike the development set each radiograph is.

        Args:
            features: Of the same kinds as those kept, (n, width); n may be 0.

        Raises:
            ModelError: The vectors are of another width: they belong to another model.
        """
        return _nearest(self._likeness(features))

    def each_distance(self, features: Features) -> NDArray[np.float64]:
        """Tell how unlike every kept radiograph each one is: cosine distances, (n, m), 0 (the same) to 2.

        Args:
            features: As for ``distances``.

        Raises:
            ModelError: As there.
        """
        return 1 - self._likeness(features)

    def left_out_distances(self, features: Features, own: Sequence[str], patients: Sequence[str]) -> Distances:
        """As ``distances``, each without the radiographs of its own patient.

        Args:
            features: (n, width).
            own: Patient of each of these, length n.
            patients: Patient of each radiograph kept, length m.
        """
        likeness = self._likeness(features)
        likeness[np.asarray(own)[:, np.newaxis] == np.asarray(patients)[np.newaxis]] = -np.inf
        if (np.isfinite(likeness).sum(axis=1) < NEAREST).any():
            raise ModelError("Too few other patients to be compared with. Add radiographs of other patients.")
        return _nearest(likeness)

    def _likeness(self, features: Features) -> NDArray[np.float64]:
        if features.ndim != 2 or features.shape[1] != self.vectors.shape[1]:  # noqa: PLR2004  # a matrix
            raise ModelError("These features are not those that the model's neighbours are described by.")
        likeness: NDArray[np.float64] = _unit(features) @ self._exact.T
        return likeness


def joined(*kinds: tuple[Features, float]) -> Features:
    """Join several kinds of features to one, so that squared lengths of unit vectors add up.

    The cosine distance of the result is the mean of the kinds' own ones, weighted.

    Args:
        kinds: Features, (n, any width), and the kind's weight, above 0.
    """
    return np.concatenate([np.sqrt(weight) * _unit(features) for features, weight in kinds], axis=1)


def _unit(features: Features) -> NDArray[np.float64]:
    exact = features.astype(np.float64)
    lengths = np.linalg.norm(exact, axis=1, keepdims=True)
    unit: NDArray[np.float64] = exact / np.maximum(lengths, _TINY)
    return unit


def _nearest(likeness: NDArray[np.float64]) -> Distances:
    nearest = -np.partition(-likeness, NEAREST - 1, axis=1)[:, :NEAREST]
    distances: Distances = 1 - nearest.mean(axis=1)
    return distances
