"""The three optimizers of the study's search, with the constants and the order of operations that Keras 3 gives them.

Each works in place on one flat vector of all weights: a head is so small that the number of operations counts,
not their size.
"""

from __future__ import annotations

from math import sqrt
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from cxrscreen.classifier.recipe import OptimizerName

Vector = NDArray[np.float32]
"""All weights of a head, or their gradients: (weights,)."""

_EPSILON = np.float32(1e-7)


class Optimizer(Protocol):
    """Keeps its own memory of past gradients; one object serves one fit."""

    def step(self, weights: Vector, gradients: Vector, *, rate: float, number: int) -> None:
        """Change ``weights`` in place; ``number`` counts steps from 0."""


class _Adam:
    """Kingma & Ba 2014 (arXiv 1412.6980), the variant at the end of section 2."""

    _BETA_1, _BETA_2 = 0.9, 0.999

    def __init__(self, size: int) -> None:
        self._mean, self._square, self._scratch = np.zeros((3, size), dtype=np.float32)

    def step(self, weights: Vector, gradients: Vector, *, rate: float, number: int) -> None:
        scratch = self._scratch
        np.subtract(gradients, self._mean, out=scratch)
        scratch *= np.float32(1 - self._BETA_1)
        self._mean += scratch
        np.square(gradients, out=scratch)
        scratch -= self._square
        scratch *= np.float32(1 - self._BETA_2)
        self._square += scratch
        corrected = rate * sqrt(1 - self._BETA_2 ** (number + 1)) / (1 - self._BETA_1 ** (number + 1))
        np.sqrt(self._square, out=scratch)
        scratch += _EPSILON
        np.divide(self._mean, scratch, out=scratch)
        scratch *= np.float32(corrected)
        weights -= scratch


class _RmsProp:
    """Hinton's lecture 6e of 2012, without momentum and without centring."""

    _RHO = 0.9

    def __init__(self, size: int) -> None:
        self._square, self._scratch = np.zeros((2, size), dtype=np.float32)

    def step(self, weights: Vector, gradients: Vector, *, rate: float, number: int) -> None:
        del number
        scratch = self._scratch
        np.square(gradients, out=scratch)
        scratch *= np.float32(1 - self._RHO)
        self._square *= np.float32(self._RHO)
        self._square += scratch
        np.add(self._square, _EPSILON, out=scratch)
        np.sqrt(scratch, out=scratch)
        np.divide(gradients, scratch, out=scratch)
        scratch *= np.float32(rate)
        weights -= scratch


class _Sgd:
    """Plain gradient descent."""

    def __init__(self, size: int) -> None:
        self._scratch = np.empty(size, dtype=np.float32)

    def step(self, weights: Vector, gradients: Vector, *, rate: float, number: int) -> None:
        del number
        np.multiply(gradients, np.float32(rate), out=self._scratch)
        weights -= self._scratch


def new_optimizer(name: OptimizerName, *, size: int) -> Optimizer:
    """Return an optimizer that has seen nothing yet, for ``size`` weights."""
    kinds: dict[OptimizerName, type[_Adam | _RmsProp | _Sgd]] = {"Adam": _Adam, "RMSprop": _RmsProp, "SGD": _Sgd}
    return kinds[name](size)
