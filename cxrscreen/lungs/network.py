"""The segmenter's network: a small U-Net (Ronneberger et al. 2015, arXiv 1505.04597) at half the mask's resolution."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cxrscreen.classifier.runtime import keras
from cxrscreen.errors import ModelError
from cxrscreen.lungs.fields import MASK_SIDE

WIDTHS = (16, 32, 48, 64, 80)
"""Filters at a half, a quarter ... of the mask's resolution."""

Arrays = Mapping[str, NDArray[np.floating[Any]]]
"""Weights of a folded network by ``<layer>/kernel`` and ``<layer>/bias``; kernels are (height, width, in, out)."""

FEATURES = WIDTHS[-1]
AFTER_FEATURES = f"up{len(WIDTHS) - 2}_thinned"
"""The layer that reads the deepest feature map, which tells chest radiographs from other pictures by its mean."""

_NORM = "_norm"

layers = keras.layers


def network(*, folded: bool) -> keras.Model:
    """Build the network: (n, MASK_SIDE, MASK_SIDE, 1) to log-odds of lung, same shape.

    Args:
        folded: As it ships, each convolution with a bias; otherwise as it trains, each with batch normalisation
            (Ioffe & Szegedy 2015, arXiv 1502.03167).
    """
    pictures = keras.Input((MASK_SIDE, MASK_SIDE, 1))
    x = layers.ReLU()(_convolution(pictures, WIDTHS[0], "stem", folded=folded, size=4, stride=2))
    passed = []
    for depth, filters in enumerate(WIDTHS):
        if depth:
            passed.append(x)
            x = layers.MaxPooling2D(2)(x)
        x = _block(x, filters, f"down{depth}", folded=folded)
    for depth, filters in reversed(list(enumerate(WIDTHS[:-1]))):
        x = _convolution(x, filters, f"up{depth}_thinned", folded=folded, size=1)
        x = layers.UpSampling2D(2, interpolation="bilinear")(x)
        x = _block(layers.Concatenate()([x, passed[depth]]), filters, f"up{depth}", folded=folded)
    x = layers.Conv2D(1, 1, name="outline")(x)
    return keras.Model(pictures, layers.UpSampling2D(2, interpolation="bilinear")(x))


def _block(x: keras.KerasTensor, filters: int, name: str, *, folded: bool) -> keras.KerasTensor:
    """Two convolutions, the second one around a short cut (He et al. 2016, arXiv 1512.03385)."""
    x = layers.ReLU()(_convolution(x, filters, f"{name}_first", folded=folded))
    y = _convolution(x, filters, f"{name}_second", folded=folded)
    return layers.ReLU()(layers.Add()([x, y]))


def _convolution(  # noqa: PLR0913  # what a convolution is made of
    x: keras.KerasTensor, filters: int, name: str, *, folded: bool, size: int = 3, stride: int = 1
) -> keras.KerasTensor:
    x = layers.Conv2D(filters, size, strides=stride, padding="same", use_bias=folded, name=name)(x)
    return x if folded else layers.BatchNormalization(momentum=0.97, name=name + _NORM)(x)


def folded_arrays(trained: keras.Model) -> dict[str, NDArray[np.float32]]:
    """Return the weights of a trained network with each normalisation folded into the convolution before it."""
    arrays: dict[str, NDArray[np.float32]] = {}
    norms = {layer.name.removesuffix(_NORM): layer for layer in trained.layers if layer.name.endswith(_NORM)}
    for layer in trained.layers:
        if not isinstance(layer, layers.Conv2D):
            continue
        kernel, *bias = (np.asarray(weight, dtype=np.float32) for weight in layer.get_weights())
        if layer.name in norms:
            norm = norms[layer.name]
            gain, shift, mean, variance = norm.get_weights()
            factor = gain / np.sqrt(variance + norm.epsilon)
            kernel, bias = kernel * factor, [shift - mean * factor]
        arrays[f"{layer.name}/kernel"], arrays[f"{layer.name}/bias"] = kernel, bias[0]
    return arrays


def network_of(arrays: Arrays) -> keras.Model:
    """Build a network with given weights, for use.

    Args:
        arrays: From ``folded_arrays``, of any float type.

    Raises:
        ModelError: An array is missing, superfluous, of another shape or not finite.
    """
    built = network(folded=True)
    named = {f"{layer.name}/{weight.name}": weight for layer in built.layers for weight in layer.weights}
    if named.keys() != arrays.keys():
        raise ModelError("These are not the segmenter's weights: arrays are missing or unknown. Restore the folder.")
    for name, weight in named.items():
        if arrays[name].shape != tuple(weight.shape) or not np.isfinite(arrays[name]).all():
            raise ModelError(f"The segmenter's weight {name} is of another shape or not finite. Restore the folder.")
        weight.assign(arrays[name].astype(np.float32))
    return built
