"""The training of the segmenter's network; what it learns from is drawn and changed elsewhere."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from cxrscreen.classifier.runtime import keras, tf
from cxrscreen.lungs.network import folded_arrays, network

LEARNING_RATE = 2e-3
WEIGHT_DECAY = 1e-3
GRADIENT_NORM = 1.0

Batch = tuple[NDArray[np.float32], NDArray[np.float32]]
"""Inputs and masks (0 or 1), each (n, MASK_SIDE, MASK_SIDE, 1)."""

_WARM_UP = 0.05  # of the steps
_LAST_RATE = 0.01  # of the learning rate


def fit(batches: Iterator[Batch], *, steps: int, seed: int) -> dict[str, NDArray[np.float32]]:
    """Train a network from nothing.

    AdamW (Loshchilov & Hutter 2019, arXiv 1711.05101) on a cosine that starts with a rise; the loss is the mean of
    cross-entropy plus one minus the soft Dice (Milletari et al. 2016, arXiv 1606.04797).

    Args:
        batches: At least ``steps`` of them.
        steps: How many are learnt from.
        seed: Of the first weights. The same batches and seed give the same weights on the same machine.

    Returns:
        Weights of the folded network.
    """
    learning = network(folded=False)
    _initialise(learning, np.random.default_rng(seed))
    warm = max(1, round(_WARM_UP * steps))
    rate = keras.optimizers.schedules.CosineDecay(
        LEARNING_RATE * _LAST_RATE,
        max(1, steps - warm),
        alpha=_LAST_RATE,
        warmup_target=LEARNING_RATE,
        warmup_steps=warm,
    )
    optimizer = keras.optimizers.AdamW(rate, weight_decay=WEIGHT_DECAY, clipnorm=GRADIENT_NORM)
    variables = learning.trainable_variables

    def learn(inputs: tf.Tensor, masks: tf.Tensor) -> None:
        with tf.GradientTape() as tape:
            loss = _loss(masks, learning(inputs, training=True))
        optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))

    step = tf.function(learn)
    for _, (inputs, masks) in zip(range(steps), batches, strict=False):
        step(tf.constant(inputs), tf.constant(masks))
    return folded_arrays(learning)


def _initialise(learning: keras.Model, generator: np.random.Generator) -> None:
    """Draw the kernels as in He et al. 2015 (arXiv 1502.01852, equation 10); all else starts neutral."""
    for layer in learning.layers:
        if isinstance(layer, keras.layers.Conv2D):
            height, width, channels, _ = shape = tuple(layer.kernel.shape)
            deviation = np.sqrt(2 / (height * width * channels))
            layer.kernel.assign(deviation * generator.standard_normal(shape, dtype=np.float32))


def _loss(masks: tf.Tensor, log_odds: tf.Tensor) -> tf.Tensor:
    entropy = tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(labels=masks, logits=log_odds))
    chances = tf.sigmoid(log_odds)
    shared = tf.reduce_sum(chances * masks, axis=(1, 2, 3))
    total = tf.reduce_sum(chances, axis=(1, 2, 3)) + tf.reduce_sum(masks, axis=(1, 2, 3))
    return entropy + 1 - tf.reduce_mean((2 * shared + 1) / (total + 1))
