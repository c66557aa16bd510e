"""The trainable head: feature maps to scores."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from cxrscreen.classifier.backbone import FEATURE_SHAPE
from cxrscreen.classifier.recipe import Recipe
from cxrscreen.classifier.runtime import keras, tf
from cxrscreen.errors import ModelError
from cxrscreen.types import Diseased, FeatureMaps, Scores

COVID = 0  # column of COVID-19 among the two outputs, the study's alphabetical order
NORMAL = 1


class Head:
    """Pooling, two dense layers, two softmax outputs; see ``Recipe``.

    Attributes:
        recipe: What it was built from.
    """

    def __init__(self, recipe: Recipe, *, seed: int = 0) -> None:
        self.recipe = recipe
        self._logits, self._probabilities = _networks(recipe, seed=seed)

    @classmethod
    def fitted(cls, recipe: Recipe, feature_maps: FeatureMaps, diseased: Diseased, *, seed: int) -> Head:
        """Train a new head.

        All randomness comes from ``seed``: initial weights, dropout, and the order of radiographs,
        which is drawn before the first step.

        Args:
            recipe: Architecture and training.
            feature_maps: Shape (n, 7, 7, 512).
            diseased: Reference standard, shape (n,).
            seed: Any non-negative integer.
        """
        head = cls(recipe, seed=seed)
        head._fit(feature_maps, diseased, seed=seed)
        return head

    @classmethod
    def from_arrays(cls, recipe: Recipe, arrays: Mapping[str, NDArray[np.float32]]) -> Head:
        """Rebuild a head from what ``arrays`` gave.

        Raises:
            ModelError: An array is missing or of another shape.
        """
        head = cls(recipe)
        wanted = head.arrays()
        if {n: a.shape for n, a in wanted.items()} != {n: a.shape for n, a in arrays.items()}:
            raise ModelError("The head's weights do not fit the recipe of the card. Restore the model folder.")
        head._logits.set_weights([arrays[name] for name in wanted])
        return head

    def arrays(self) -> dict[str, NDArray[np.float32]]:
        """All weights as ``<layer>/kernel`` and ``<layer>/bias``."""
        names = [
            f"{layer.name}/{part}" for layer in self._logits.layers if layer.weights for part in ("kernel", "bias")
        ]
        return dict(zip(names, self._logits.get_weights(), strict=True))

    def scores(self, feature_maps: FeatureMaps) -> Scores:
        """Softmax output for COVID-19, shape (n,).

        Taken from the log-odds in double precision, so that confident scores still differ from each other and from 1.
        """
        if len(feature_maps) == 0:
            return np.empty(0, dtype=np.float64)
        log_odds = self.log_odds_of_tensor(tf.constant(feature_maps)).numpy().astype(np.float64)
        scores: Scores = 0.5 * (1.0 + np.tanh(0.5 * log_odds))  # the logistic function, without overflow
        return scores

    def log_odds_of_tensor(self, feature_maps: tf.Tensor) -> tf.Tensor:
        """Log of COVID-19's probability over normal's, shape (n,); differentiable."""
        logits = self._logits(feature_maps, training=False)
        return logits[:, COVID] - logits[:, NORMAL]

    def _fit(self, feature_maps: FeatureMaps, diseased: Diseased, *, seed: int) -> None:
        recipe = self.recipe
        optimizer = keras.optimizers.Adam(learning_rate(recipe))
        self._probabilities.compile(optimizer=optimizer, loss="binary_crossentropy")
        targets = np.zeros((len(diseased), 2), dtype=np.float32)
        targets[diseased, COVID] = 1
        targets[~diseased, NORMAL] = 1
        generator = np.random.default_rng(seed)
        orders = [generator.permutation(len(diseased)) for _ in range(recipe.epochs)]
        for order in orders:
            for start in range(0, len(order), recipe.batch_size):
                rows = order[start : start + recipe.batch_size]
                self._probabilities.train_on_batch(feature_maps[rows], targets[rows])


def learning_rate(recipe: Recipe) -> keras.optimizers.schedules.LearningRateSchedule:
    """What ``Adam(lr, decay=lr / epochs)`` did in the Keras of 2020."""
    return keras.optimizers.schedules.InverseTimeDecay(
        recipe.learning_rate, decay_steps=1, decay_rate=recipe.learning_rate / recipe.epochs
    )


def _networks(recipe: Recipe, *, seed: int) -> tuple[keras.Model, keras.Model]:
    """The head up to its two logits, and the same layers up to probabilities, which is what is trained."""
    layers = keras.layers
    initial = [keras.initializers.GlorotUniform(seed=seed + layer) for layer in range(3)]
    feature_maps = keras.Input(FEATURE_SHAPE)
    pooled = layers.AveragePooling2D(recipe.pooled_cells)(feature_maps)
    x = layers.Flatten()(pooled)
    for number, units in enumerate(recipe.hidden_units):
        x = layers.Dense(units, activation="relu", kernel_initializer=initial[number], name=f"hidden{number + 1}")(x)
    x = layers.Dropout(recipe.dropout, seed=seed)(x)
    logits = layers.Dense(2, kernel_initializer=initial[2], name="outputs")(x)
    return keras.Model(feature_maps, logits), keras.Model(feature_maps, layers.Softmax()(logits))
