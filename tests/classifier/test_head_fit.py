"""Training a head, against Keras and against itself."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from typing import Any, get_args

import numpy as np
import pytest
from numpy.typing import NDArray

from cxrscreen.classifier.base_weights import BaseWeights
from cxrscreen.classifier.head import Head
from cxrscreen.classifier.head_fit import Draws, draw, fit
from cxrscreen.classifier.pooling import pool
from cxrscreen.classifier.recipe import OptimizerName, Recipe, RecipeName, recipe_named
from cxrscreen.errors import ModelError
from cxrscreen.types import Diseased, Pooled, PreparedBatch

OPTIMIZERS = get_args(OptimizerName)


def short(recipe: str, optimizer: OptimizerName, *, epochs: int, batch_size: int = 3) -> Recipe:
    rate = {"Adam": 0.008, "SGD": 0.1, "RMSprop": 0.004}[optimizer]
    return replace(recipe_named(recipe), learning_rate=rate, batch_size=batch_size, optimizer=optimizer, epochs=epochs)


def pooled_classes(n: int, *, seed: int = 3) -> tuple[Pooled, Diseased]:
    generator = np.random.default_rng(seed)
    diseased = generator.permutation(n) % 2 == 0
    pooled = np.maximum(generator.normal(size=(n, 512)), 0).astype(np.float32)
    pooled[diseased, :40] += 0.5
    return pooled, diseased


def targets_of(diseased: Diseased) -> NDArray[np.float32]:
    return np.stack([diseased, ~diseased], axis=1).astype(np.float32)


def trained_by_keras(  # noqa: PLR0913  # inputs and what is made of them
    recipe: Recipe, inputs: Any, seen: Any, *, rows: Any, targets: Any, draws: Draws
) -> list[Any]:
    """Train dense layers of Keras on ``seen``, a tensor made from ``inputs``, with the same draws.

    ``rows(order, copies)`` gives what to feed for a batch. Returns all weights that could move.
    """
    from cxrscreen.classifier.runtime import keras  # noqa: PLC0415  # starts TensorFlow

    layers = keras.layers
    dense = [layers.Dense(units, activation="relu") for units in recipe.hidden_units] + [layers.Dense(2)]
    passed = keras.Input((recipe.hidden_units[-1],))
    dropped = layers.Multiply()([dense[1](dense[0](seen)), passed])  # stands for dropout with masks drawn before
    model = keras.Model([inputs, passed], layers.Softmax()(dense[2](dropped)))
    initial = list(draws.initial.values())
    for number, layer in enumerate(dense):
        layer.set_weights(initial[2 * number : 2 * number + 2])
    rate = keras.optimizers.schedules.InverseTimeDecay(
        recipe.learning_rate, decay_steps=1, decay_rate=recipe.learning_rate / recipe.epochs
    )
    model.compile(
        optimizer=getattr(keras.optimizers, recipe.optimizer)(rate),
        loss="binary_crossentropy",
    )
    for order, kept, copies in zip(draws.orders, draws.kept, draws.copies, strict=True):
        for start in range(0, len(order), recipe.batch_size):
            batch = slice(start, start + recipe.batch_size)
            factors = kept[batch].astype(np.float32) / (1 - recipe.dropout)
            model.train_on_batch([rows(order[batch], copies[batch]), factors], targets[order[batch]])
    return [variable.numpy() for variable in model.trainable_variables]


def assert_equal_to_float_tolerance(found: dict[str, Any], expected: list[Any], initial: Any) -> None:
    """Compare each array as a whole: Adam makes a whole step of a single gradient that is no more than rounding."""
    assert len(found) == len(expected) == 6
    for (name, array), theirs in zip(found.items(), expected, strict=True):
        moved = np.linalg.norm(theirs - initial[name])
        assert moved > 1e-4, name
        assert np.linalg.norm(array - theirs) < 1e-3 * moved, name


@pytest.mark.tensorflow
@pytest.mark.parametrize(
    ("recipe_name", "optimizer"), [*(("standard", optimizer) for optimizer in OPTIMIZERS), ("study-2020", "Adam")]
)
def test_a_fit_equals_training_through_the_whole_frozen_network(
    base: BaseWeights, prepared: PreparedBatch, recipe_name: RecipeName, optimizer: OptimizerName
) -> None:
    from cxrscreen.classifier.backbone import Backbone  # noqa: PLC0415  # starts TensorFlow
    from cxrscreen.classifier.runtime import keras  # noqa: PLC0415  # likewise

    radiographs = prepared[:5].copy()
    radiographs[::2, 40:180, 30:100] //= 4  # noise alone gives nearly one feature map for all
    diseased = np.array([True, False, True, False, False])
    recipe = short(recipe_name, optimizer, epochs=2)
    draws = draw(recipe, 5, copies=0, seed=8)

    network = keras.applications.VGG16(weights=None, include_top=False, input_shape=(224, 224, 3))
    for layer in network.layers:
        if layer.weights:
            layer.set_weights([base.arrays[f"{layer.name}/kernel"], base.arrays[f"{layer.name}/bias"]])
    network.trainable = False
    seen = keras.layers.Flatten()(keras.layers.AveragePooling2D(recipe.pooled_cells)(network.output))
    images = radiographs.astype(np.float32) / 255
    targets = targets_of(diseased)
    expected = trained_by_keras(
        recipe, network.input, seen, rows=lambda order, _: images[order], targets=targets, draws=draws
    )

    pooled = pool(recipe, Backbone(base).feature_maps(radiographs))
    assert_equal_to_float_tolerance(fit(recipe, pooled[:, None], targets, draws), expected, draws.initial)


@pytest.mark.tensorflow
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_many_steps_on_shifted_copies_equal_those_of_keras(optimizer: OptimizerName) -> None:
    from cxrscreen.classifier.runtime import keras  # noqa: PLC0415  # starts TensorFlow

    pooled, diseased = pooled_classes(23)
    versions = np.stack([pooled, pooled + 0.1, pooled * 0.9], axis=1)
    # Slow enough that the classes do not part, after which all gradients would be no more than rounding.
    recipe = short("standard", optimizer, epochs=4, batch_size=5)
    recipe = replace(recipe, learning_rate=recipe.learning_rate / 8)
    draws = draw(recipe, 23, copies=2, seed=8)
    inputs = keras.Input((512,))
    targets = targets_of(diseased)
    expected = trained_by_keras(
        recipe, inputs, inputs, rows=lambda order, copies: versions[order, copies], targets=targets, draws=draws
    )
    assert_equal_to_float_tolerance(fit(recipe, versions, targets, draws), expected, draws.initial)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_fit_learns(optimizer: OptimizerName) -> None:
    pooled, diseased = pooled_classes(60)
    head = Head.fitted_pooled(short("standard", optimizer, epochs=10, batch_size=7), pooled, diseased, seed=1)
    assert ((head.scores_pooled(pooled) > 0.5) == diseased).all()


def digest_of(head: Head) -> str:
    return hashlib.sha256(b"".join(array.tobytes() for array in head.arrays().values())).hexdigest()


def digest_of_a_fit(seed: int = 1, optimizer: OptimizerName = "Adam") -> str:
    pooled, diseased = pooled_classes(42)
    recipe = short("standard", optimizer, epochs=3, batch_size=10)
    return digest_of(Head.fitted_pooled(recipe, pooled, diseased, seed=seed))


def test_the_seed_decides_every_bit_whatever_was_fitted_before() -> None:
    first = {optimizer: digest_of_a_fit(optimizer=optimizer) for optimizer in OPTIMIZERS}
    assert digest_of_a_fit(seed=2) != first["Adam"]
    assert {optimizer: digest_of_a_fit(optimizer=optimizer) for optimizer in OPTIMIZERS[::-1]} == first


def test_another_process_gives_the_same_bits_and_needs_no_tensorflow() -> None:
    code = (
        "import sys; from tests.classifier.test_head_fit import digest_of_a_fit; "
        "print(digest_of_a_fit(), 'tensorflow' in sys.modules)"
    )
    answer = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert answer.stdout.split() == [digest_of_a_fit(), "False"]


def test_copies_like_the_original_change_nothing() -> None:
    pooled, diseased = pooled_classes(20)
    recipe = short("standard", "Adam", epochs=2)
    alone = Head.fitted_pooled(recipe, pooled, diseased, seed=4)
    same = Head.fitted_pooled(recipe, pooled, diseased, seed=4, shifted=np.repeat(pooled[:, None], 3, axis=1))
    other = Head.fitted_pooled(recipe, pooled, diseased, seed=4, shifted=np.zeros((20, 3, 512), np.float32))
    assert digest_of(alone) == digest_of(same) != digest_of(other)


def test_each_epoch_shows_each_radiograph_once_as_itself_or_as_one_of_its_copies() -> None:
    recipe = replace(recipe_named("standard"), epochs=40)
    draws = draw(recipe, 50, copies=3, seed=6)
    assert all(sorted(order.tolist()) == list(range(50)) for order in draws.orders)
    assert len({order.tobytes() for order in draws.orders}) == 40
    chosen = Counter(draws.copies.ravel().tolist())
    assert sorted(chosen) == [0, 1, 2, 3]
    assert min(chosen.values()) > 400  # 500 expected of 2000
    assert draws.kept.shape == (40, 50, 128)
    assert draws.kept.mean() == pytest.approx(0.5, abs=0.01)


def test_initial_weights_are_those_of_glorot() -> None:
    initial = draw(recipe_named("standard"), 5, copies=0, seed=6).initial
    for name, array in initial.items():
        if name.endswith("/bias"):
            assert not array.any()
        else:
            limit = np.sqrt(6 / sum(array.shape))
            assert 0.95 * limit < np.abs(array).max() <= limit
            assert abs(array.mean()) < 0.1 * limit


def test_weights_beyond_all_numbers_are_an_error_that_says_what_to_change() -> None:
    pooled, diseased = pooled_classes(20)
    recipe = replace(recipe_named("standard"), learning_rate=1e38, batch_size=5, optimizer="SGD", epochs=2)
    with pytest.raises(ModelError, match="smaller learning rate"):
        Head.fitted_pooled(recipe, pooled, diseased, seed=1)
