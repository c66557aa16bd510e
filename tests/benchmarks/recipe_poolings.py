"""Feature maps to what a head sees of them, in the ways that were tried, read from the folder of passes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from cxrscreen.classifier.pooling import pool
from cxrscreen.classifier.recipe import recipe_named
from cxrscreen.types import FeatureMaps, Pooled
from tests.benchmarks.recipe_framings import CELLS
from tests.benchmarks.recipe_passes import Layer, View, pass_file

Pooling = Literal["study's window", "all", "lungs", "left and right", "thirds", "quantiles", "each cell"]

COARSE = 7
"""Rows and columns of what ``"each cell"`` keeps apart; a cell's channels are followed by its share of lung."""

_LUNG = 0.5  # share from which a cell is one of the lungs
_FEWEST = 4  # such cells, to take quantiles of
_QUANTILES = (0.25, 0.5, 0.75, 0.95)
_TRACE = 1e-3  # of a cell: less lung than that is none

Cover = NDArray[np.float32]
"""Share of lung in each cell: (n, rows, columns)."""


@dataclass(frozen=True, slots=True)
class Piece:
    """One part of what a head sees."""

    view: View
    layer: Layer
    pooling: Pooling = "all"


def vectors_of(folder: Path, pieces: Sequence[Piece], change: str) -> Pooled:
    """Pool each piece and join them: (n, features)."""
    return np.concatenate([_pooled_piece(folder, piece, change) for piece in pieces], axis=1)


@cache
def _pooled_piece(folder: Path, piece: Piece, change: str) -> Pooled:
    with np.load(pass_file(folder, piece.view, change)) as found:
        maps, cover = found[piece.layer].astype(np.float32), found["cover"]
    side = maps.shape[1]
    if side < CELLS:
        cover = _coarser(cover[..., np.newaxis], side)[..., 0]
    return pooled(maps, cover, piece.pooling).astype(np.float32)


def pooled(maps: FeatureMaps, cover: Cover, pooling: Pooling) -> Pooled:
    """Pool maps of shape (n, rows, columns, channels), whose cells hold lungs by ``cover``, to (n, features)."""
    if pooling == "study's window":
        return pool(recipe_named("study-2020"), maps)
    if pooling == "all":
        means: Pooled = maps.mean(axis=(1, 2))
        return means
    return _OF_LUNGS[pooling](maps, cover)


def _mean(maps: FeatureMaps, weights: Cover) -> Pooled:
    sums = np.einsum("nijc,nij->nc", maps, weights.astype(np.float32))
    means: Pooled = sums / np.maximum(weights.sum(axis=(1, 2)), _TRACE)[:, np.newaxis]
    return means


def _left_and_right(maps: FeatureMaps, cover: Cover) -> Pooled:
    """The larger and the smaller mean of the two lungs, whichever lung it is: one-sided disease is seen as such."""
    half = np.arange(maps.shape[2]) < maps.shape[2] / 2
    left, right = _mean(maps, cover * half), _mean(maps, cover * ~half)
    return np.concatenate([np.maximum(left, right), np.minimum(left, right)], axis=1)


def _thirds(maps: FeatureMaps, cover: Cover) -> Pooled:
    third = np.arange(maps.shape[1])[:, np.newaxis] * 3 // maps.shape[1]
    return np.concatenate([_mean(maps, cover * (third == number)) for number in range(3)], axis=1)


def _quantiles(maps: FeatureMaps, cover: Cover) -> Pooled:
    return np.stack([_quantiles_of(one, shares) for one, shares in zip(maps, cover, strict=True)])


def _quantiles_of(one: NDArray[np.float32], shares: NDArray[np.float32]) -> NDArray[np.float32]:
    cells = one[shares > _LUNG]
    if len(cells) < _FEWEST:
        cells = one.reshape(-1, one.shape[-1])
    quantiles: NDArray[np.float32] = np.quantile(cells, _QUANTILES, axis=0).ravel()
    return quantiles


def _each_cell(maps: FeatureMaps, cover: Cover) -> Pooled:
    shares = _coarser(cover[..., np.newaxis], COARSE)
    means = _coarser(maps * cover[..., np.newaxis], COARSE) / np.maximum(shares, _TRACE)
    return np.concatenate([means, shares], axis=-1).reshape(len(maps), -1)


def _coarser(maps: NDArray[np.float32], side: int) -> NDArray[np.float32]:
    n, rows, columns, channels = maps.shape
    blocks = maps.reshape(n, side, rows // side, side, columns // side, channels)
    means: NDArray[np.float32] = blocks.mean(axis=(2, 4))
    return means


_OF_LUNGS: dict[Pooling, Callable[[FeatureMaps, Cover], Pooled]] = {
    "lungs": _mean,
    "left and right": _left_and_right,
    "thirds": _thirds,
    "quantiles": _quantiles,
    "each cell": _each_cell,
}
