from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cxrscreen.classifier.pooling import pool
from cxrscreen.classifier.recipe import recipe_named
from cxrscreen.types import FeatureMaps


@pytest.mark.tensorflow
@pytest.mark.parametrize("window", [1, 2, 4, 7])
def test_it_pools_as_keras_does(feature_maps: FeatureMaps, window: int) -> None:
    from cxrscreen.classifier.runtime import keras  # noqa: PLC0415  # starts TensorFlow

    expected = keras.layers.Flatten()(keras.layers.AveragePooling2D(window)(feature_maps)).numpy()
    found = pool(replace(recipe_named("standard"), pooled_cells=window), feature_maps)
    assert found.dtype == np.float32
    assert found == pytest.approx(expected, rel=1e-5, abs=1e-6)


@pytest.mark.parametrize("recipe", ["study-2020", "standard"])
def test_copies_are_pooled_each_by_itself(feature_maps: FeatureMaps, recipe: str) -> None:
    flat = pool(recipe_named(recipe), feature_maps)
    assert flat.shape == (6, 512)
    copies = pool(recipe_named(recipe), feature_maps.reshape(2, 3, 7, 7, 512))
    assert (copies == flat.reshape(2, 3, 512)).all()
