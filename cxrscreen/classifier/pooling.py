"""Feature maps to what a head sees of them."""

from __future__ import annotations

from cxrscreen.classifier.recipe import Recipe
from cxrscreen.types import FeatureMaps, Pooled


def pool(recipe: Recipe, feature_maps: FeatureMaps) -> Pooled:
    """Average over windows that do not overlap, as Keras' AveragePooling2D and Flatten do; incomplete windows drop.

    Args:
        recipe: Gives the window's side.
        feature_maps: Shape (..., 7, 7, 512): any leading axes, such as (n,) or (n, copies).

    Returns:
        Shape (..., features), windows row by row, channels last.
    """
    side = recipe.pooled_cells
    *leading, rows, columns, channels = feature_maps.shape
    down, across = rows // side, columns // side
    windows = feature_maps[..., : down * side, : across * side, :].reshape(*leading, down, side, across, side, channels)
    pooled: Pooled = windows.mean(axis=(-4, -2)).reshape(*leading, down * across * channels)
    return pooled
