"""Weights of the frozen VGG16 base: from a file, or, only where a person asks, from ``keras.applications``.

A model bundle carries its base as well, see ``bundle.base_of_bundle``: retraining needs no network.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cxrscreen.classifier.fixed_point import from_fixed_point, to_fixed_point
from cxrscreen.errors import ModelError

BLOCKS: tuple[tuple[int, ...], ...] = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))
"""Filters of each convolution, block by block (Simonyan & Zisserman 2014, table 1, column D)."""

FEATURE_SHAPE = (7, 7, 512)
"""Of a feature map: rows, columns and channels at block5_pool for 224 pixels."""

IMAGENET_SHA256 = "d9a27cc1fc7f975ef8cff49180e794ccd7c4bc868ebb49740803b3bbaa8dbefd"
"""Digest, as ``digest_of`` takes it, of the weights that Keras publishes for VGG16 on ImageNet."""


def layer_shapes() -> dict[str, tuple[int, ...]]:
    """Shapes of all 26 arrays, in network order; kernels are (height, width, in, out)."""
    shapes: dict[str, tuple[int, ...]] = {}
    channels = 3
    for block, filters_of_block in enumerate(BLOCKS, start=1):
        for convolution, filters in enumerate(filters_of_block, start=1):
            layer = f"block{block}_conv{convolution}"
            shapes[f"{layer}/kernel"] = (3, 3, channels, filters)
            shapes[f"{layer}/bias"] = (filters,)
            channels = filters
    return shapes


@dataclass(frozen=True, slots=True)
class BaseWeights:
    """The 13 convolutions of VGG16.

    Attributes:
        arrays: ``<layer>/kernel`` and ``<layer>/bias``, float32, in network order.
        sha256: Over the arrays' little-endian bytes in network order.
        origin: Where they come from, one sentence for the model card, no path.
    """

    arrays: Mapping[str, NDArray[np.float32]] = field(repr=False)
    sha256: str
    origin: str

    @classmethod
    def checked(cls, arrays: Mapping[str, NDArray[np.floating]], *, origin: str) -> BaseWeights:
        """Take arrays of any float type, in any order.

        Raises:
            ModelError: An array is missing, superfluous, of another shape, or not finite.
        """
        wanted = layer_shapes()
        if arrays.keys() != wanted.keys():
            odd = ", ".join(sorted(arrays.keys() ^ wanted.keys())[:4])
            raise ModelError(f"These are not VGG16's base weights: {odd} missing or unknown. Name the right file.")
        taken: dict[str, NDArray[np.float32]] = {}
        for name, shape in wanted.items():
            array = np.ascontiguousarray(arrays[name], dtype="<f4")
            if array.shape != shape:
                raise ModelError(f"Base weight {name} has shape {array.shape}, not {shape}. Name the right file.")
            if not np.isfinite(array).all():
                raise ModelError(f"Base weight {name} holds values that are not finite. Fetch the file again.")
            taken[name] = array
        return cls(taken, digest_of(taken), origin)

    def rounded(self) -> BaseWeights:
        """The same weights as a bundle gives them back: what a head must be trained on."""
        return BaseWeights.unpacked(self.packed(), origin=self.origin)

    def packed(self) -> dict[str, NDArray[np.generic]]:
        """Kernels as ``<layer>/codes`` and ``<layer>/scale``, see ``fixed_point``; biases as they are."""
        packed: dict[str, NDArray[np.generic]] = {}
        for name, array in self.arrays.items():
            layer, part = name.split("/")
            if part == "kernel":
                packed[f"{layer}/codes"], packed[f"{layer}/scale"] = to_fixed_point(array)
            else:
                packed[name] = array
        return packed

    @classmethod
    def unpacked(cls, packed: Mapping[str, NDArray[Any]], *, origin: str) -> BaseWeights:
        """Undo ``packed``, up to its rounding.

        Raises:
            ModelError: As ``checked``.
        """
        arrays = {name: array for name, array in packed.items() if name.endswith("/bias")}
        for name, codes in packed.items():
            layer, part = name.split("/")
            if part == "codes" and f"{layer}/scale" in packed:
                arrays[f"{layer}/kernel"] = from_fixed_point(codes, packed[f"{layer}/scale"])
        return cls.checked(arrays, origin=origin)


def digest_of(arrays: Mapping[str, NDArray[np.float32]]) -> str:
    """SHA-256 over the arrays' little-endian bytes in network order, 64 hex digits."""
    digest = hashlib.sha256()
    for name in layer_shapes():
        digest.update(np.ascontiguousarray(arrays[name], dtype="<f4").tobytes())
    return digest.hexdigest()


def arrays_in(content: bytes, *, what: str) -> dict[str, NDArray[Any]]:
    """Unpack an ``.npz`` without ever unpickling.

    Args:
        content: Bytes of the file.
        what: Its name for the error message.

    Raises:
        ModelError: It is no ``.npz`` of plain arrays.
    """
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except (ValueError, OSError, EOFError, KeyError, TypeError, AttributeError, zipfile.BadZipFile) as exc:
        raise ModelError(f"{what} is not a readable archive of arrays. Fetch or restore it again.") from exc


def load_base_weights(file: Path) -> BaseWeights:
    """Read VGG16's ImageNet weights from an ``.npz`` with ``<layer>/kernel`` and ``<layer>/bias``.

    Raises:
        ModelError: The file is missing, damaged, or holds other weights.
    """
    try:
        content = file.read_bytes()
    except OSError as exc:
        raise ModelError(f"The base weights {file.name} cannot be read: {exc.strerror}. Check the path.") from exc
    origin = f"ImageNet, as Keras publishes them; file {file.name}."
    weights = BaseWeights.checked(arrays_in(content, what=file.name), origin=origin)
    if weights.sha256 != IMAGENET_SHA256:
        raise ModelError(
            f"The base weights {file.name} are not the expected ones (digest {weights.sha256[:12]}, expected "
            f"{IMAGENET_SHA256[:12]}). Fetch the file again."
        )
    return weights


def download_base_weights() -> BaseWeights:
    """Fetch VGG16's ImageNet weights through ``keras.applications``: needs a network, so a person must ask.

    Raises:
        ModelError: The download failed or brought other weights.
    """
    from cxrscreen.classifier.runtime import keras  # noqa: PLC0415  # starting TensorFlow takes seconds

    try:
        network = keras.applications.VGG16(weights="imagenet", include_top=False)
    except Exception as exc:  # Keras raises bare Exception when a download fails
        raise ModelError("VGG16's weights could not be downloaded. Retrain from a shipped model instead.") from exc
    arrays: dict[str, NDArray[np.floating]] = {}
    for layer in network.layers:
        if layer.weights:
            arrays[f"{layer.name}/kernel"], arrays[f"{layer.name}/bias"] = layer.get_weights()
    weights = BaseWeights.checked(
        arrays, origin="ImageNet, as Keras publishes them; downloaded through keras.applications."
    )
    if weights.sha256 != IMAGENET_SHA256:
        raise ModelError("The downloaded VGG16 weights are not the expected ones. Retrain from a shipped model.")
    return weights
