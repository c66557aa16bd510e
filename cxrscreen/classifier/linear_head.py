"""A head of one weight for each feature: bounded inputs, strong regularisation, one answer for the same radiographs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from cxrscreen.errors import ModelError
from cxrscreen.settings import ExplanationVariant
from cxrscreen.types import ActivationMaps, Diseased, FeatureMaps, Pooled, Scores

_LEAST_SPREAD = 0.5  # of the features' median standard deviation; a feature that hardly varies is not blown up
BOUND = 3.0  # standard deviations; lungs blacked out gave log-odds of 100,000 without

_BLANK, _DIMENSIONS = "blank", 3

Weights = NDArray[np.float64]
"""How much each radiograph counts: (n,), above 0."""


@dataclass(frozen=True, slots=True, eq=False)
class LinearHead:
    """Log-odds as a weighted sum of features that are standardised and cut off at ``BOUND`` standard deviations.

    Attributes:
        centre: Subtracted from each feature, shape (features,).
        scale: Divides it then, shape (features,), above 0.
        weights: Shape (features,).
        bias: In log-odds.
        blank: Feature map of a picture that shows nothing, shape (rows, columns, features): what activation maps count
            from; ``None`` counts from ``centre``.
    """

    centre: NDArray[np.float32]
    scale: NDArray[np.float32]
    weights: NDArray[np.float32]
    bias: float
    blank: NDArray[np.float32] | None = None

    @classmethod
    def fitted(
        cls, pooled: Pooled, diseased: Diseased, counts: Weights, *, standardised_by: Pooled, penalty: float
    ) -> LinearHead:
        """Fit by penalised logistic regression, which has one optimum and needs no chance.

        Args:
            pooled: Shape (n, features).
            diseased: Reference standard, shape (n,).
            counts: How much each row counts; only their ratios matter.
            standardised_by: Rows that give centre and scale, e.g. those of ``pooled`` that nobody has changed.
            penalty: Of the mean loss, for half the squared length of the weights.
        """
        centre, spread = standardised_by.mean(axis=0), standardised_by.std(axis=0)
        scale = np.maximum(spread, _LEAST_SPREAD * np.median(spread) + 1e-6)
        share = counts / counts.sum()
        regression = LogisticRegression(C=1 / penalty, max_iter=2000, tol=1e-8)
        regression.fit(_standardised(pooled, centre, scale), diseased, sample_weight=share)
        return cls(
            centre.astype(np.float32),
            scale.astype(np.float32),
            regression.coef_[0].astype(np.float32),
            float(np.float32(regression.intercept_[0])),
        )

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[np.float32]], *, features: int) -> LinearHead:
        """Rebuild a head from what ``arrays`` gave.

        Raises:
            ModelError: An array is missing or of another shape, or a scale is not above 0.
        """
        shapes = {"centre": (features,), "scale": (features,), "weights": (features,), "bias": (1,)}
        found = {name: array.shape for name, array in arrays.items() if name != _BLANK}
        blank = arrays.get(_BLANK)
        fits = shapes == found and (blank is None or (blank.ndim == _DIMENSIONS and blank.shape[-1] == features))
        if not fits or not (arrays["scale"] > 0).all():
            raise ModelError("The head's weights do not fit the recipe of the card. Restore the model folder.")
        return cls(arrays["centre"], arrays["scale"], arrays["weights"], float(arrays["bias"][0]), blank)

    def arrays(self) -> dict[str, NDArray[np.float32]]:
        """All numbers, as a bundle keeps them."""
        return {
            "centre": self.centre,
            "scale": self.scale,
            "weights": self.weights,
            "bias": np.array([self.bias], dtype=np.float32),
        } | ({} if self.blank is None else {_BLANK: self.blank})

    def log_odds(self, pooled: Pooled) -> Scores:
        """Log of COVID-19's probability over normal's, of features of shape (n, features); shape (n,)."""
        odds: Scores = _standardised(pooled, self.centre, self.scale) @ self.weights.astype(np.float64) + self.bias
        return odds

    def scores_pooled(self, pooled: Pooled) -> Scores:
        """Scores in [0, 1], not calibrated; shape (n,)."""
        scores: Scores = 0.5 * (1.0 + np.tanh(0.5 * self.log_odds(pooled)))
        return scores

    def scores(self, feature_maps: FeatureMaps) -> Scores:
        """Scores of maps of shape (n, rows, columns, features), shape (n,); see ``scores_pooled``."""
        return self.scores_pooled(feature_maps.mean(axis=(1, 2)))

    def activation_maps(
        self,
        feature_maps: FeatureMaps,
        *,
        variant: ExplanationVariant = "standard",  # noqa: ARG002  # both are the same for a weighted sum of means
    ) -> ActivationMaps:
        """Say what each cell adds to the log-odds: Grad-CAM taken cell by cell.

        Gradient times activation in each cell (HiResCAM, Draelos and Carin, arXiv 2011.08891). The activation counts
        from ``blank``, so that cells which show nothing are dark, and that before negative cells are cut at zero and
        the maximum is brought to 1 all cells add up to the log-odds above those of the blank picture, but for features
        at their bound.

        Args:
            feature_maps: Shape (n, rows, columns, features).
            variant: Makes no difference here.

        Returns:
            Shape (n, rows, columns), 0 to 1, each with its maximum at 1, or zero everywhere.
        """
        pooled = feature_maps.mean(axis=(1, 2))
        inside = np.abs((pooled - self.centre) / self.scale) < BOUND
        gradients = np.where(inside, self.weights / self.scale, 0.0)
        above = feature_maps - (self.centre if self.blank is None else self.blank)
        added = np.einsum("nijc,nc->nij", above, gradients)
        positive = np.maximum(added, 0)
        largest = positive.max(axis=(1, 2), keepdims=True, initial=0)
        maps: ActivationMaps = np.divide(positive, largest, out=np.zeros_like(positive), where=largest > 0).astype(
            np.float32
        )
        return maps


def _standardised(pooled: Pooled, centre: NDArray[np.floating], scale: NDArray[np.floating]) -> NDArray[np.float64]:
    standardised: NDArray[np.float64] = np.clip((pooled.astype(np.float64) - centre) / scale, -BOUND, BOUND)
    return standardised
