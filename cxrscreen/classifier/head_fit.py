"""The training of a head, in NumPy: the base is frozen, so three small layers are all that learns.

One step takes 0.1 ms; through Keras it takes 2 to 5 ms, nearly all of it on the way to the arithmetic. The
arithmetic is Keras', and a test trains the whole VGG16 network with Keras beside it. All chance is drawn before
the first step.

The loss is what Keras 3 makes of "binary_crossentropy" behind a softmax layer: it goes back to the logits and takes
each by itself, as if behind a logistic function (``_keras_logits``). Taken from the softmax outputs, as the Keras of
2020 did, one fit in thirty on the development set ends with all its units dead and one score for every radiograph.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from cxrscreen.classifier.optimizers import new_optimizer
from cxrscreen.classifier.recipe import DenseRecipe
from cxrscreen.errors import ModelError
from cxrscreen.types import Pooled

HeadArrays = Mapping[str, NDArray[np.float32]]
"""Weights of a head, named and shaped as ``DenseRecipe.head_shapes`` says."""


@dataclass(frozen=True, slots=True)
class Draws:
    """All chance of one fit of n radiographs.

    Attributes:
        initial: Weights before the first step.
        orders: Which radiograph stands where in each epoch, shape (epochs, n).
        kept: Units of the second layer that dropout leaves to the radiograph at each place, shape (epochs, n, units).
        copies: Which of its copies stands for the radiograph at each place, 0 is itself, shape (epochs, n).
    """

    initial: HeadArrays
    orders: NDArray[np.intp]
    kept: NDArray[np.bool_]
    copies: NDArray[np.intp]


def initial_arrays(recipe: DenseRecipe, generator: np.random.Generator) -> dict[str, NDArray[np.float32]]:
    """Kernels as Glorot & Bengio 2010, equation 16, biases 0: what Keras gives a dense layer."""
    arrays = {}
    for name, shape in recipe.head_shapes().items():
        limit = np.sqrt(6 / sum(shape)) if name.endswith("/kernel") else 0.0
        arrays[name] = generator.uniform(-limit, limit, shape).astype(np.float32)
    return arrays


def draw(recipe: DenseRecipe, radiographs: int, *, copies: int, seed: int) -> Draws:
    """Draw everything that one fit leaves to chance.

    Args:
        recipe: Gives sizes, dropout and epochs.
        radiographs: How many there are to learn from.
        copies: How many shifted copies each of them has.
        seed: Any non-negative integer.
    """
    generator = np.random.default_rng(seed)
    initial = initial_arrays(recipe, generator)
    epochs = range(recipe.epochs)
    orders = [generator.permutation(radiographs) for _ in epochs]
    units = (radiographs, recipe.hidden_units[-1])
    kept = [generator.random(units, dtype=np.float32) >= recipe.dropout for _ in epochs]
    chosen = generator.integers(0, copies, endpoint=True, size=(recipe.epochs, radiographs))
    return Draws(initial, np.stack(orders), np.stack(kept), chosen)


def fit(
    recipe: DenseRecipe, pooled: Pooled, targets: NDArray[np.float32], draws: Draws
) -> dict[str, NDArray[np.float32]]:
    """Minimise the mean binary cross-entropy of the two logits; nothing here is left to chance.

    Args:
        recipe: Optimizer, learning rate, batch size.
        pooled: What the head sees of each radiograph and of its copies, shape (n, 1 + copies, features).
        targets: 1 in the column of the true class, else 0, shape (n, 2).
        draws: From ``draw``, for n radiographs.

    Raises:
        ModelError: The weights have grown beyond all numbers.
    """
    weights = np.concatenate([array.ravel() for array in draws.initial.values()])
    gradients = np.zeros_like(weights)
    layers, their_gradients = _parts(weights, recipe), _parts(gradients, recipe)
    optimizer = new_optimizer(recipe.optimizer, size=len(weights))
    step = 0
    # One thread: matrices this small only lose by more, and sums would come out in another order on another machine.
    with threadpool_limits(1, user_api="blas"), np.errstate(over="ignore", invalid="ignore"):  # told in words below
        for order, kept, copies in zip(draws.orders, draws.kept, draws.copies, strict=True):
            inputs, wanted = pooled[order, copies], targets[order]
            passed = kept / np.float32(1 - recipe.dropout)
            for start in range(0, len(order), recipe.batch_size):
                batch = slice(start, start + recipe.batch_size)
                _put_gradients(their_gradients, layers, inputs[batch], wanted[batch], passed[batch])
                optimizer.step(weights, gradients, rate=recipe.learning_rate_at(step), number=step)
                step += 1
    if not np.isfinite(weights).all():
        raise ModelError("The head's weights grew beyond all numbers. Choose a smaller learning rate.")
    return dict(zip(draws.initial, layers, strict=True))


def _parts(vector: NDArray[np.float32], recipe: DenseRecipe) -> list[NDArray[np.float32]]:
    """The named arrays as windows into one vector: what changes there changes here."""
    shapes = recipe.head_shapes().values()
    ends = np.cumsum([np.prod(shape) for shape in shapes])
    return [part.reshape(shape) for part, shape in zip(np.split(vector, ends[:-1]), shapes, strict=True)]


def _put_gradients(
    into: Sequence[NDArray[np.float32]],
    layers: Sequence[NDArray[np.float32]],
    inputs: Pooled,
    targets: NDArray[np.float32],
    passed: NDArray[np.float32],
) -> None:
    """Write the mean loss' gradient by each weight; ``passed`` is what dropout multiplies the second layer by."""
    kernel1, bias1, kernel2, bias2, kernel3, bias3 = layers
    first = inputs @ kernel1
    first += bias1
    np.maximum(first, 0, out=first)
    second = first @ kernel2
    second += bias2
    np.maximum(second, 0, out=second)
    dropped = second * passed
    by_logit = dropped @ kernel3
    by_logit += bias3  # the logits, turned into their own gradients in place
    by_logit *= np.float32(0.5)
    np.tanh(by_logit, out=by_logit)
    by_logit += 1
    by_logit *= np.float32(0.5)  # now the logistic function, without overflow
    by_logit -= targets
    by_logit /= np.float32(by_logit.size)
    np.matmul(dropped.T, by_logit, out=into[4])
    by_logit.sum(axis=0, out=into[5])
    by_second = by_logit @ kernel3.T
    by_second *= passed
    by_second *= second > 0
    np.matmul(first.T, by_second, out=into[2])
    by_second.sum(axis=0, out=into[3])
    by_first = by_second @ kernel2.T
    by_first *= first > 0
    np.matmul(inputs.T, by_first, out=into[0])
    by_first.sum(axis=0, out=into[1])
