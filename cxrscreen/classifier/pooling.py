"""Feature maps to what a head sees of them."""

from __future__ import annotations

from cxrscreen.classifier.recipe import LinearRecipe, Recipe
from cxrscreen.types import FeatureMaps, Pooled


def pool(recipe: Recipe, feature_maps: FeatureMaps) -> Pooled:
    """Average over windows that do not overlap, as Keras' AveragePooling2D and Flatten do; incomplete windows drop.

    Args:
        recipe: Gives the window's side; a linear one takes the whole map.
        feature_maps: Shape (..., rows, columns, 512): any leading axes, such as (n,) or (n, copies).

    Returns:
        Shape (..., features), windows row by row, channels last.
    """
    if isinstance(recipe, LinearRecipe):
        means: Pooled = feature_maps.mean(axis=(-3, -2))
        return means
    side = recipe.pooled_cells
    *leading, rows, columns, channels = feature_maps.shape
    down, across = rows // side, columns // side
    windows = feature_maps[..., : down * side, : across * side, :].reshape(*leading, down, side, across, side, channels)
    pooled: Pooled = windows.mean(axis=(-4, -2)).reshape(*leading, down * across * channels)
    return pooled
