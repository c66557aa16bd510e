"""How heads look at radiographs: by cell of the feature map, through to the pixels, and in their activation maps.

All as shares of a whole, one for each of the 7x7 cells:

- ``gradient``: absolute gradient of the log-odds with respect to the feature map; exactly zero is a proof.
- ``occlusion``: absolute change of the log-odds when one cell is set to zero.
- ``pixels``: absolute gradient with respect to the grey of each pixel, summed over the 32x32 pixels under each cell:
  cells of block5_pool look at about 212 of 224 pixels, so pixels under unseen cells still leak in.
- ``energy``: of the guided Grad-CAM, whose channel weights are means over all 49 cells; it is painted over all 49.
- ``maximum``: in how many maps the cell is the brightest.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cxrscreen.classifier.bundle import base_of_bundle
from cxrscreen.classifier.pooling import pool
from cxrscreen.classifier.recipe import RecipeName
from cxrscreen.classifier.registry import SHIPPED_MODELS, SHIPPED_VERSION
from tests.benchmarks.real_set import PARTS, RealSet, as_the_study

if TYPE_CHECKING:
    from cxrscreen.classifier.head import Head

CELLS = 7
WINDOW = 4  # cells down and across that the study's head sees

_STEP = 8  # radiographs in one pass forward and back, about 1 GB

Cells = NDArray[np.float64]
"""One number for each radiograph and cell: (n, 7, 7)."""


@dataclass(frozen=True)
class Looks:
    """What one recipe's heads did with each radiograph, averaged over the seeds.

    Attributes:
        shares: By name, see the module; each (n, 7, 7), sums to 1 for each radiograph, or not a number where there is
            nothing to share out.
        maps: Activation maps by seed, (seeds, n, 7, 7), not a number where a map is zero everywhere.
        largest_unseen: Largest absolute gradient at any cell outside the 4x4 window, over all radiographs and seeds.
        empty: Share of maps that are zero everywhere, (n,).
    """

    shares: dict[str, Cells]
    maps: NDArray[np.float64]
    largest_unseen: float
    empty: NDArray[np.float64]


def looks_of(real: RealSet, name: RecipeName, *, seeds: int, pixels: int, trained: bool = True) -> Looks:
    """Look at every radiograph through heads that never saw it: five for each seed.

    Args:
        real: All radiographs.
        name: Recipe of the heads.
        seeds: How often all five are trained.
        pixels: Radiographs whose gradient is carried on to the pixels; costly.
        trained: Or else with their initial weights.
    """
    from cxrscreen.classifier.gradcam import GradCam  # noqa: PLC0415  # starts TensorFlow
    from cxrscreen.classifier.head import Head  # noqa: PLC0415  # likewise
    from cxrscreen.classifier.runtime import tf  # noqa: PLC0415  # likewise

    tf.get_logger().setLevel("ERROR")  # one graph for each head is what is wanted here, whatever it costs
    recipe, diseased, n = as_the_study(name), real.labelled.diseased, len(real.groups)
    pooled = pool(recipe, real.feature_maps)
    by_seed: dict[str, Cells] = {
        what: np.full((seeds, n, CELLS, CELLS), np.nan) for what in ("gradient", "occlusion", "energy", "maximum")
    }
    empty, largest_unseen = np.zeros((seeds, n)), 0.0
    gradients = np.zeros_like(real.feature_maps)  # of the first seed's heads, for the way on to the pixels
    for seed in range(seeds):
        for number, (train, rest) in enumerate(real.parts(seed)):
            chance = PARTS * seed + number
            head = Head.fitted_pooled(recipe, pooled[train], diseased[train], seed=chance) if trained else None
            head = head or Head(recipe, seed=chance)
            maps = GradCam(head).activation_maps(real.feature_maps[rest], variant="guided").astype(np.float64)
            gradient = gradient_of(head, real.feature_maps[rest])
            by_cell = np.abs(gradient).sum(axis=-1, dtype=np.float64)
            largest_unseen = max(largest_unseen, float(outside_window(by_cell).max()))
            by_seed["gradient"][seed, rest] = as_shares(by_cell)
            by_seed["occlusion"][seed, rest] = as_shares(occlusion(head, real.feature_maps[rest]))
            by_seed["energy"][seed, rest] = as_shares(maps)
            by_seed["maximum"][seed, rest] = as_shares(maps == maps.max(axis=(1, 2), keepdims=True)) * as_ones(maps)
            empty[seed, rest] = ~maps.any(axis=(1, 2))
            if seed == 0:
                gradients[rest] = gradient
    shares = {what: mean_of_known(values, axis=0) for what, values in by_seed.items()}
    if pixels:
        shares["pixels"] = pixel_shares(real, gradients, count=pixels)
    return Looks(shares, by_seed["energy"], largest_unseen, empty.mean(axis=0))


def gradient_of(head: Head, feature_maps: NDArray[np.float32]) -> NDArray[np.float32]:
    """Gradient of the log-odds with respect to each value of the feature map, (n, 7, 7, 512)."""
    from cxrscreen.classifier.runtime import tf  # noqa: PLC0415  # starts TensorFlow

    with tf.GradientTape() as tape:
        inputs = tf.constant(feature_maps)
        tape.watch(inputs)
        log_odds = head.log_odds_of_tensor(inputs)
    gradient: NDArray[np.float32] = tape.gradient(log_odds, inputs).numpy()
    return gradient


def occlusion(head: Head, feature_maps: NDArray[np.float32]) -> Cells:
    """Absolute change of the log-odds when a cell is set to zero, (n, 7, 7)."""
    whole = head.log_odds_of_tensor(feature_maps).numpy()
    changes = np.zeros(feature_maps.shape[:3])
    for row in range(CELLS):
        for column in range(CELLS):
            blanked = feature_maps.copy()
            blanked[:, row, column] = 0
            changes[:, row, column] = np.abs(head.log_odds_of_tensor(blanked).numpy() - whole)
    return changes


def pixel_shares(real: RealSet, gradients: NDArray[np.float32], *, count: int) -> Cells:
    """Carry the gradient at the feature map on to the grey of the pixels, and sum it under each cell, (n, 7, 7).

    Args:
        real: Its prepared radiographs.
        gradients: Of the log-odds at the feature map, (n, 7, 7, 512).
        count: For how many radiographs, evenly spread; the others are not a number.
    """
    from cxrscreen.classifier.runtime import tf  # noqa: PLC0415  # starts TensorFlow
    from tests.benchmarks.study_way import study_base  # noqa: PLC0415  # likewise

    base = study_base(base_of_bundle(SHIPPED_MODELS / SHIPPED_VERSION))

    @tf.function(reduce_retracing=True)
    def to_pixels(pictures: tf.Tensor, at_maps: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            tape.watch(pictures)
            maps = base(pictures, training=False)
        return tf.abs(tf.reduce_sum(tape.gradient(maps, pictures, output_gradients=at_maps), axis=-1))

    shares = np.full((len(gradients), CELLS, CELLS), np.nan)
    chosen = np.unique(np.linspace(0, len(gradients) - 1, min(count, len(gradients))).astype(int))
    for start in range(0, len(chosen), _STEP):
        step = chosen[start : start + _STEP]
        pictures = real.labelled.prepared[step].astype(np.float32) / 255
        by_pixel = to_pixels(tf.constant(pictures), tf.constant(gradients[step])).numpy().astype(np.float64)
        side = by_pixel.shape[1] // CELLS
        shares[step] = as_shares(by_pixel.reshape(-1, CELLS, side, CELLS, side).sum(axis=(2, 4)))
    return shares


def as_shares(values: Cells) -> Cells:
    """Divide each radiograph's cells by their sum; not a number where the sum is zero."""
    sums = values.sum(axis=(1, 2), keepdims=True)
    return np.divide(values, sums, out=np.full(values.shape, np.nan), where=sums > 0)


def as_ones(maps: Cells) -> Cells:
    """One for each map, not a number for those that are zero everywhere: these have no maximum, (n, 1, 1)."""
    return np.where(maps.any(axis=(1, 2), keepdims=True), 1.0, np.nan)


def mean_of_known(values: NDArray[np.float64], *, axis: int) -> NDArray[np.float64]:
    """Mean over what is a number; not a number where nothing is."""
    known = np.isfinite(values)
    return np.divide(
        np.where(known, values, 0).sum(axis=axis),
        known.sum(axis=axis),
        out=np.full(np.delete(values.shape, axis), np.nan),
        where=known.any(axis=axis),
    )


def likeness(one: Looks, other: Looks) -> NDArray[np.float64]:
    """Pearson's correlation, over the cells, of two maps of one radiograph; mean over the seeds, (n,)."""
    centred = [look.maps - look.maps.mean(axis=(2, 3), keepdims=True) for look in (one, other)]
    products = (centred[0] * centred[1]).sum(axis=(2, 3))
    lengths = np.sqrt((centred[0] ** 2).sum(axis=(2, 3)) * (centred[1] ** 2).sum(axis=(2, 3)))
    correlations = np.divide(products, lengths, out=np.full(products.shape, np.nan), where=lengths > 0)
    return mean_of_known(correlations, axis=0)


def outside_window(cells: Cells) -> Cells:
    """Cells that the study's head does not see; the others set to zero."""
    outside = cells.copy()
    outside[:, :WINDOW, :WINDOW] = 0
    return outside
