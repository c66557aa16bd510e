"""The trainable head: feature maps to scores.

It learns and scores in NumPy; TensorFlow starts only where Grad-CAM asks for something to differentiate.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cxrscreen.classifier.head_fit import HeadArrays, draw, fit, initial_arrays
from cxrscreen.classifier.pooling import pool
from cxrscreen.classifier.recipe import DenseRecipe
from cxrscreen.errors import ModelError
from cxrscreen.types import Diseased, FeatureMaps, Pooled, Scores

if TYPE_CHECKING:
    from cxrscreen.classifier.runtime import tf

COVID = 0  # column of COVID-19 among the two outputs, the study's alphabetical order
NORMAL = 1


class Head:
    """Pooling, two dense layers, two softmax outputs; see ``DenseRecipe``. Without training its weights are random.

    Attributes:
        recipe: What it was built from.
    """

    def __init__(self, recipe: DenseRecipe, *, seed: int = 0) -> None:
        self.recipe = recipe
        self._arrays: HeadArrays = initial_arrays(recipe, np.random.default_rng(seed))

    @classmethod
    def fitted_pooled(
        cls, recipe: DenseRecipe, pooled: Pooled, diseased: Diseased, *, seed: int, shifted: Pooled | None = None
    ) -> Head:
        """Train a new head on feature maps that ``pool`` has pooled already.

        All randomness comes from ``seed`` and is drawn before the first step: initial weights, dropout, the order of
        the radiographs, and which copy stands for each. In each epoch each radiograph counts once, as itself or as one
        of its k copies, all k + 1 with the same chance.

        Args:
            recipe: Architecture and training.
            pooled: Shape (n, features).
            diseased: Reference standard, shape (n,).
            seed: Any non-negative integer.
            shifted: Of k shifted copies of each radiograph, shape (n, k, features).

        Raises:
            ModelError: The learning rate is so large that the weights grow beyond all numbers.
        """
        versions = pooled[:, None] if shifted is None else np.concatenate([pooled[:, None], shifted], axis=1)
        targets = np.zeros((len(diseased), 2), dtype=np.float32)
        targets[diseased, COVID] = 1
        targets[~diseased, NORMAL] = 1
        draws = draw(recipe, len(diseased), copies=versions.shape[1] - 1, seed=seed)
        return cls.from_arrays(recipe, fit(recipe, versions, targets, draws))

    @classmethod
    def from_arrays(cls, recipe: DenseRecipe, arrays: Mapping[str, NDArray[np.float32]]) -> Head:
        """Rebuild a head from what ``arrays`` gave.

        Raises:
            ModelError: An array is missing or of another shape.
        """
        shapes = recipe.head_shapes()
        if shapes != {name: array.shape for name, array in arrays.items()}:
            raise ModelError("The head's weights do not fit the recipe of the card. Restore the model folder.")
        head = cls(recipe)
        head._arrays = {name: np.array(arrays[name], dtype=np.float32) for name in shapes}
        return head

    def arrays(self) -> dict[str, NDArray[np.float32]]:
        """All weights as ``<layer>/kernel`` and ``<layer>/bias``, as copies."""
        return {name: array.copy() for name, array in self._arrays.items()}

    def scores(self, feature_maps: FeatureMaps) -> Scores:
        """Softmax output for COVID-19 of maps of shape (n, 7, 7, 512), shape (n,); see ``scores_pooled``."""
        return self.scores_pooled(pool(self.recipe, feature_maps))

    def scores_pooled(self, pooled: Pooled) -> Scores:
        """Softmax output for COVID-19 of pooled maps of shape (n, features), shape (n,).

        In double precision and from the log-odds, so that confident scores still differ from each other and from 1.
        """
        kernel1, bias1, kernel2, bias2, kernel3, bias3 = self._arrays.values()
        x = np.maximum(pooled.astype(np.float64) @ kernel1 + bias1, 0)
        x = np.maximum(x @ kernel2 + bias2, 0)
        logits = x @ kernel3 + bias3
        log_odds = logits[:, COVID] - logits[:, NORMAL]
        scores: Scores = 0.5 * (1.0 + np.tanh(0.5 * log_odds))  # the logistic function, without overflow
        return scores

    def log_odds_of_tensor(self, feature_maps: tf.Tensor) -> tf.Tensor:
        """Log of COVID-19's probability over normal's, shape (n,); differentiable by maps of shape (n, 7, 7, 512)."""
        from cxrscreen.classifier.runtime import tf  # noqa: PLC0415  # training and scoring do without TensorFlow

        kernel1, bias1, kernel2, bias2, kernel3, bias3 = self._arrays.values()
        side = self.recipe.pooled_cells
        windows = tf.nn.avg_pool2d(feature_maps, ksize=side, strides=side, padding="VALID")
        x = tf.reshape(windows, (-1, kernel1.shape[0]))
        x = tf.nn.relu(x @ kernel1 + bias1)
        x = tf.nn.relu(x @ kernel2 + bias2)
        logits = x @ kernel3 + bias3
        return logits[:, COVID] - logits[:, NORMAL]
