"""Weights of the frozen VGG16 base: from a file, or, only where a person asks, from ``keras.applications``.

A model bundle carries its base as well, see ``bundle.base_of_bundle``: retraining needs no network.
"""

from __future__ import annotations

import hashlib
import io
import math
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Iterator, Mapping
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

FOURTH_SHAPE = (14, 14, 512)
"""The same at block4_pool."""

IMAGENET_SHA256 = "d9a27cc1fc7f975ef8cff49180e794ccd7c4bc868ebb49740803b3bbaa8dbefd"
"""Digest, as ``digest_of`` takes it, of the weights that Keras publishes for VGG16 on ImageNet."""

MOST_BYTES = 2**29
"""Of a file of weights, and of what it unpacks to; the base takes 59 MB in single precision."""


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
            layer, _, part = name.rpartition("/")
            scale = packed.get(f"{layer}/scale")
            if part == "codes" and scale is not None and scale.shape == codes.shape[-1:]:
                arrays[f"{layer}/kernel"] = from_fixed_point(codes, scale)
        return cls.checked(arrays, origin=origin)


def digest_of(arrays: Mapping[str, NDArray[np.float32]]) -> str:
    """SHA-256 over the arrays' little-endian bytes in network order, 64 hex digits."""
    digest = hashlib.sha256()
    for name in layer_shapes():
        digest.update(np.ascontiguousarray(arrays[name], dtype="<f4").tobytes())
    return digest.hexdigest()


def arrays_in(content: bytes, *, what: str) -> dict[str, NDArray[Any]]:
    """Unpack an ``.npz`` of plain numbers; nothing is ever unpickled, and no more memory taken than a model needs.

    Args:
        content: Bytes of the file.
        what: Its name for the error message.

    Raises:
        ModelError: It is no ``.npz`` of numbers, or far larger than any model.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return dict(_arrays(archive))
    # What a ZIP file and NumPy's header can hold raises nearly everything.
    except (
        ArithmeticError,
        LookupError,
        MemoryError,
        OSError,
        RuntimeError,
        SyntaxError,
        TypeError,
        ValueError,
    ) as exc:
        raise _unreadable(what) from exc
    except (AttributeError, EOFError, struct.error, tokenize.TokenError, zlib.error, zipfile.BadZipFile) as exc:
        raise _unreadable(what) from exc


def _arrays(archive: zipfile.ZipFile) -> Iterator[tuple[str, NDArray[Any]]]:
    if sum(member.file_size for member in archive.infolist()) > MOST_BYTES:
        raise ValueError("larger than any model")
    for name in archive.namelist():
        yield name.removesuffix(".npy"), _array_in(archive.read(name))


def _unreadable(what: str) -> ModelError:
    return ModelError(f"{what} is not a readable archive of arrays. Fetch or restore it again.")


def _array_in(content: bytes) -> NDArray[Any]:
    """Read one ``.npy`` (NumPy enhancement proposal 1); what its header says must agree with how much follows."""
    file = io.BytesIO(content)
    version = np.lib.format.read_magic(file)
    read_header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, by_columns, dtype = read_header(file)
    if dtype.kind not in "fi" or dtype.itemsize * math.prod(shape) != len(content) - file.tell():
        raise ValueError("no numbers, or not as many as it says")
    return np.frombuffer(content, dtype, offset=file.tell()).reshape(shape, order="F" if by_columns else "C")


def load_base_weights(file: Path) -> BaseWeights:
    """Read VGG16's ImageNet weights from an ``.npz`` with ``<layer>/kernel`` and ``<layer>/bias``.

    Raises:
        ModelError: The file is missing, damaged, or holds other weights.
    """
    try:
        with file.open("rb") as opened:
            content = opened.read(MOST_BYTES + 1)
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
