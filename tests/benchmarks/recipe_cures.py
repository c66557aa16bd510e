"""The cures against reading the background that were tried, all on the linear head of production."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from scipy.optimize import minimize

from cxrscreen.classifier.linear_head import LinearHead
from cxrscreen.types import Diseased, Pooled
from tests.benchmarks.recipe_framings import ACQUISITION_COPIES, acquisition_copies
from tests.benchmarks.recipe_heads import AnyHead, Numbers, Training, balanced, standardised

PENALTY = 0.03


@dataclass(frozen=True, slots=True, kw_only=True)
class Linear:
    """A linear head with any of the cures.

    Attributes:
        penalty: As production's.
        exchanged: Weight of all exchanged copies together, where all radiographs together have 1.
        acquisitions: Likewise of copies of other acquisitions.
        by_view: Each class counts alike in each of the two projections.
        lungs_out: Penalty on the squared log-odds of radiographs without lungs: these must not be told apart.
        decoupling: Penalty on all squared log-odds (Pezeshki et al. 2021, arXiv 2011.09468): no easy sign shall starve
            the others.
        nuisance: Penalty on the squared change of the log-odds by a change of background.
        projected: So many directions that tell the classes apart without lungs are taken out, one after the other
            (Ravfogel et al. 2020, arXiv 2004.07667).
    """

    penalty: float = PENALTY
    exchanged: float = 0.0
    acquisitions: float = 0.0
    by_view: bool = False
    lungs_out: float = 0.0
    decoupling: float = 0.0
    nuisance: float = 0.0
    projected: int = 0

    @property
    def needs(self) -> tuple[str, ...]:
        """See ``Fit``."""
        return acquisition_copies(ACQUISITION_COPIES) if self.acquisitions else ()

    def __call__(self, training: Training) -> AnyHead:
        """Fit as production does; where a cure is asked for, go on from there with its terms."""
        pooled, diseased, counts = self._with_copies(training)
        head = LinearHead.fitted(pooled, diseased, counts, standardised_by=training.of("intact"), penalty=self.penalty)
        if not (self.lungs_out or self.decoupling or self.nuisance or self.projected):
            return head
        without = standardised(head, training.of("lungs out"))
        kept = self._kept_directions(training, without)
        loss = Loss(
            features=standardised(head, pooled) @ kept,
            diseased=diseased,
            shares=counts / counts.sum(),
            penalty=self.penalty,
            decoupling=self.decoupling,
            silent=without @ kept,
            silence=self.lungs_out,
            still=np.sqrt(self.nuisance) * _moved(head, training) @ kept if self.nuisance else None,
        )
        bias, weights = loss.minimised()
        return replace(head, weights=(kept @ weights).astype(np.float32), bias=bias)

    def _with_copies(self, training: Training) -> tuple[Pooled, Diseased, Numbers]:
        of_view = [str(training.known.seen.views[row])[:2] for row in training.rows] if self.by_view else None
        pooled, diseased = [training.of("intact")], [training.diseased]
        counts = [balanced(training.diseased, of_view)]
        truth = training.known.seen.diseased
        if self.exchanged:
            drawn = training.exchanges()
            pooled += [training.vectors[name][rows] for name, rows in drawn]
            labels = np.concatenate([truth[rows] for _, rows in drawn])
            diseased.append(labels)
            counts.append(self.exchanged * balanced(labels))
        if self.acquisitions:
            pooled += [training.of(copy) for copy in self.needs]
            labels = np.tile(training.diseased, ACQUISITION_COPIES)
            diseased.append(labels)
            counts.append(self.acquisitions * balanced(labels))
        return np.concatenate(pooled), np.concatenate(diseased), np.concatenate(counts)

    def _kept_directions(self, training: Training, without: Numbers) -> Numbers:
        """Projection onto what is left when the directions are taken out, (features, features)."""
        kept = np.eye(without.shape[1])
        diseased = training.diseased
        shares = balanced(diseased)
        for _ in range(self.projected):
            loss = Loss(features=without @ kept, diseased=diseased, shares=shares, penalty=self.penalty)
            direction = kept @ loss.minimised()[1]
            direction /= np.linalg.norm(direction)
            kept -= np.outer(direction, direction)
        return kept


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Loss:
    """A penalised logistic loss with the terms of the cures, see ``Linear``.

    Attributes:
        features: Standardised, (n, features).
        diseased: (n,).
        shares: How much each row counts, (n,), summing to 1.
        penalty: For half the squared length of the weights.
        decoupling: For half the mean squared log-odds of the rows.
        silent: Rows whose log-odds should be 0, (k, features).
        silence: For half their mean square.
        still: Rows whose log-odds without bias should be 0, (m, features); half their sum of squares is added.
    """

    features: Numbers = field(repr=False)
    diseased: Diseased
    shares: Numbers = field(repr=False)
    penalty: float
    decoupling: float = 0.0
    silent: Numbers | None = field(default=None, repr=False)
    silence: float = 0.0
    still: Numbers | None = field(default=None, repr=False)

    def minimised(self) -> tuple[float, Numbers]:
        """Bias and weights at the one minimum."""
        start = np.zeros(self.features.shape[1] + 1)
        found = minimize(self._with_slope, start, jac=True, method="L-BFGS-B", options={"maxiter": 500}).x
        return float(found[0]), found[1:]

    def _with_slope(self, at: Numbers) -> tuple[float, Numbers]:
        bias, weights = at[0], at[1:]
        odds = self.features @ weights + bias
        errors = 0.5 * (1 + np.tanh(0.5 * odds)) - self.diseased
        slopes = self.shares * (errors + self.decoupling * odds)
        loss = self.shares @ (np.logaddexp(0, odds) - self.diseased * odds + 0.5 * self.decoupling * odds**2)
        loss += 0.5 * self.penalty * weights @ weights
        slope = np.concatenate([[slopes.sum()], self.features.T @ slopes + self.penalty * weights])
        if self.silent is not None and self.silence:
            odds = self.silent @ weights + bias
            loss += 0.5 * self.silence * np.mean(odds**2)
            slopes = self.silence * odds / len(odds)
            slope += np.concatenate([[slopes.sum()], self.silent.T @ slopes])
        if self.still is not None:
            moved = self.still @ weights
            loss += 0.5 * moved @ moved
            slope[1:] += self.still.T @ moved
        return float(loss), slope


def _moved(head: LinearHead, training: Training) -> Numbers:
    """By how much exchanges move the features: (m, features), divided by the square root of m."""
    moved = np.concatenate(
        [
            standardised(head, training.vectors[name][rows]) - standardised(head, training.vectors["intact"][rows])
            for name, rows in training.exchanges()
        ]
    )
    scaled: Numbers = moved / np.sqrt(len(moved))
    return scaled
