"""Feature maps of everything that the comparison of recipes needs, each computed once and kept in a folder.

A pass of one framing and one change over the development part takes a minute on one core. A run that was killed goes on
with the passes that are missing; whoever changes a framing or a change must empty the folder.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from cxrscreen.classifier.base_weights import BLOCKS, BaseWeights
from cxrscreen.classifier.runtime import tf
from cxrscreen.types import PreparedBatch
from tests.benchmarks.recipe_framings import ACQUISITION_COPIES, Frame, acquisition_copies, changes, exchange, show
from tests.benchmarks.recipe_set import COPIES, SEEDS, DevelopmentSet

Scaling = Literal["unit", "ImageNet"]
Layer = Literal["b3", "b4", "b5"]

Maps = dict[str, NDArray[np.float16]]
"""``b3`` (n, 14, 14, 256), block 3's pooling averaged once more; ``b4`` (n, 14, 14, 512); ``b5`` (n, 7, 7, 512)."""

_MEANS = (103.939, 116.779, 123.68)  # blue, green, red of ImageNet, as VGG16 was trained
_BATCH = 8
_SIDE = 224

JUDGED = ("intact", "lungs out", "lungs only", *(exchange(seed, 0) for seed in range(len(SEEDS))), "other acquisition")
"""Changes by which every recipe is judged."""

_COPIES = acquisition_copies(ACQUISITION_COPIES)
_MORE_EXCHANGES = tuple(exchange(seed, copy) for seed in range(len(SEEDS)) for copy in range(1, COPIES))


@dataclass(frozen=True, slots=True)
class View:
    """What a base is shown of all radiographs, and how its numbers are scaled."""

    frame: Frame
    scaling: Scaling = "unit"


PASSES: dict[View, tuple[str, ...]] = {
    View("ranked"): (*JUDGED, *_COPIES, *_MORE_EXCHANGES),
    View("whole"): JUDGED,
    View("crop"): JUDGED,
    View("blanked"): JUDGED,
    View("ranked", "ImageNet"): JUDGED,
    View("blanked inside"): JUDGED,
}
"""Everything, in the order in which it is computed."""


class ThreeBlocks:
    """VGG16 with the outputs of its last three blocks; ``classifier.backbone`` gives one, of inputs scaled to 1."""

    def __init__(self, weights: BaseWeights) -> None:
        self._tensors = {name: tf.constant(array) for name, array in weights.arrays.items()}
        signature = [tf.TensorSpec((None, _SIDE, _SIDE, 3), tf.float32)]
        self._graph = tf.function(self._forward, input_signature=signature)

    def maps(self, prepared: PreparedBatch, scaling: Scaling) -> Maps:
        """Run the base on inputs of shape (n, 224, 224, 3); equal inputs are run once."""
        number: dict[bytes, int] = {}
        places = [number.setdefault(one.tobytes(), len(number)) for one in prepared]
        inputs = _scaled(prepared[[places.index(distinct) for distinct in range(len(number))]], scaling)
        parts = [
            [layer.numpy().astype(np.float16) for layer in self._graph(inputs[start : start + _BATCH])]
            for start in range(0, len(inputs), _BATCH)
        ]
        return {
            name: np.concatenate(layer)[places]
            for name, layer in zip(get_args(Layer), zip(*parts, strict=True), strict=True)
        }

    def _forward(self, x: tf.Tensor) -> list[tf.Tensor]:
        layers = []
        for block, filters_of_block in enumerate(BLOCKS, start=1):
            for convolution in range(1, len(filters_of_block) + 1):
                layer = f"block{block}_conv{convolution}"
                x = tf.nn.conv2d(x, self._tensors[f"{layer}/kernel"], strides=1, padding="SAME")
                x = tf.nn.relu(tf.nn.bias_add(x, self._tensors[f"{layer}/bias"]))
            x = tf.nn.max_pool2d(x, ksize=2, strides=2, padding="VALID")
            if block >= 3:
                layers.append(tf.nn.avg_pool2d(x, ksize=2, strides=2, padding="VALID") if block == 3 else x)
        return layers


def compute_passes(known: DevelopmentSet, base: BaseWeights, folder: Path) -> None:
    """Compute all passes that the folder lacks."""
    folder.mkdir(parents=True, exist_ok=True)
    blocks, by_name = ThreeBlocks(base), changes(known)
    for view, names in PASSES.items():
        for name in names:
            file = pass_file(folder, view, name)
            if file.exists():
                continue
            started = time.perf_counter()
            shown = [show(view.frame, *by_name[name](place)) for place in range(len(known))]
            as_screened = (view.frame, name) == ("whole", "intact")  # prepared from the file, not from its square
            inputs = known.prepared if as_screened else np.stack([one.prepared for one in shown])
            maps = blocks.maps(inputs, view.scaling)
            cover = np.stack([one.cover for one in shown])
            unfinished = file.with_suffix(".unfinished.npz")
            np.savez(unfinished, cover=cover, **maps)  # type: ignore[arg-type]  # NumPy's stub takes names for flags
            unfinished.rename(file)
            print(f"{file.name}: {time.perf_counter() - started:.0f} s", flush=True)


def pass_file(folder: Path, view: View, change: str) -> Path:
    """Where the feature maps of one view of changed radiographs lie."""
    return folder / f"{view.frame} {view.scaling} {change}.npz".replace(" ", "-")


def _scaled(inputs: PreparedBatch, scaling: Scaling) -> NDArray[np.float32]:
    grey = inputs.astype(np.float32)
    return grey / np.float32(255) if scaling == "unit" else grey - np.array(_MEANS, dtype=np.float32)
