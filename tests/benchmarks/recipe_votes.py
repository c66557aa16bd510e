"""A head in which each cell of the lungs has one vote, and no vote is large: one scar or letter cannot decide."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from cxrscreen.classifier.linear_head import LinearHead
from cxrscreen.types import Pooled, Scores
from tests.benchmarks.recipe_cures import PENALTY
from tests.benchmarks.recipe_heads import AnyHead, Numbers, Training, balanced
from tests.benchmarks.recipe_poolings import COARSE

_CELLS = COARSE**2
_LUNG = 0.25  # share from which a cell votes
_FURTHEST = 8.0  # standard deviations of a mean over the lungs: single cells vary more than their mean
_LOOSE = 0.1  # penalty on the logarithm of the gain


@dataclass(frozen=True, slots=True, eq=False)
class VotingHead:
    """Mean over the cells of a bounded vote.

    Attributes:
        centre: Of the mean over the lungs, (channels,).
        scale: Likewise.
        numbers: Bias and weights of a cell's vote, logarithm of the gain, bias of the score.
        bound: Of a vote.
    """

    centre: NDArray[np.float32] = field(repr=False)
    scale: NDArray[np.float32] = field(repr=False)
    numbers: Numbers = field(repr=False)
    bound: float

    def arrays(self) -> dict[str, NDArray[Any]]:
        """All numbers."""
        return {"centre": self.centre, "scale": self.scale, "numbers": self.numbers}

    def scores_pooled(self, pooled: Pooled) -> Scores:
        """Log-odds from cells as ``recipe_poolings`` keeps them apart."""
        cells, shares = _apart(pooled)
        features = np.clip((cells - self.centre) / self.scale, -_FURTHEST, _FURTHEST)
        votes = np.tanh((features @ self.numbers[1:-2] + self.numbers[0]) / self.bound)
        scores: Scores = np.exp(self.numbers[-2]) * self.bound * (shares * votes).sum(axis=1) + self.numbers[-1]
        return scores


@dataclass(frozen=True, slots=True, kw_only=True)
class Votes:
    """Fits such a head, from the linear head on the mean over the lungs on, with exchanged copies of weight 1."""

    bound: float
    penalty: float = PENALTY

    @property
    def needs(self) -> tuple[str, ...]:
        """See ``recipe_heads.Fit``."""
        return ()

    def __call__(self, training: Training) -> AnyHead:
        """Fit it."""
        drawn, truth = training.exchanges(), training.known.seen.diseased
        exchanged = np.concatenate([training.vectors[name][rows] for name, rows in drawn])
        labels = np.concatenate([truth[rows] for _, rows in drawn])
        diseased = np.concatenate([training.diseased, labels])
        counts = np.concatenate([balanced(training.diseased), balanced(labels)])
        cells, shares = _apart(np.concatenate([training.of("intact"), exchanged]))
        means = np.einsum("nk,nkc->nc", shares, cells)
        own = len(training.rows)
        linear = LinearHead.fitted(means, diseased, counts, standardised_by=means[:own], penalty=self.penalty)
        features = np.clip((cells - linear.centre) / linear.scale, -_FURTHEST, _FURTHEST).astype(np.float32)

        def loss(at: Numbers) -> tuple[float, Numbers]:
            bias, weights, gain, shift = at[0], at[1:-2], np.exp(at[-2]), at[-1]
            votes = np.tanh((features @ weights.astype(np.float32) + bias) / self.bound)
            total = self.bound * (shares * votes).sum(axis=1)
            odds = gain * total + shift
            errors = counts / counts.sum() * (0.5 * (1 + np.tanh(0.5 * odds)) - diseased)
            each = (gain * errors)[:, np.newaxis] * shares * (1 - votes**2)
            slope = np.tensordot(each.astype(np.float32), features, axes=2) + self.penalty * weights
            value = counts / counts.sum() @ (np.logaddexp(0, odds) - diseased * odds)
            value += 0.5 * self.penalty * weights @ weights + 0.5 * _LOOSE * at[-2] ** 2
            ends = [gain * (errors @ total) + _LOOSE * at[-2], errors.sum()]
            return float(value), np.concatenate([[each.sum()], slope, ends])

        start = np.concatenate([[linear.bias], linear.weights, [0, 0]]).astype(np.float64)
        numbers = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 60}).x
        return VotingHead(linear.centre, linear.scale, numbers, self.bound)


def _apart(pooled: Pooled) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Channels of each cell, (n, cells, channels), and its part in the vote, (n, cells), summing to 1."""
    cells = pooled.reshape(len(pooled), _CELLS, -1)
    shares = cells[..., -1] * (cells[..., -1] > _LUNG) + 1e-4  # somebody has a vote where there are no lungs
    return cells[..., :-1], shares / shares.sum(axis=1, keepdims=True)
