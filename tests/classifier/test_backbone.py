from __future__ import annotations

import numpy as np
import pytest

from cxrscreen.classifier.base_weights import BaseWeights
from cxrscreen.types import PreparedBatch

pytestmark = pytest.mark.tensorflow


def test_it_is_the_vgg16_of_keras(base: BaseWeights, prepared: PreparedBatch) -> None:
    from cxrscreen.classifier.backbone import Backbone  # noqa: PLC0415  # starts TensorFlow
    from cxrscreen.classifier.runtime import keras  # noqa: PLC0415  # likewise

    network = keras.applications.VGG16(weights=None, include_top=False, input_shape=(224, 224, 3))
    for layer in network.layers:
        if layer.weights:
            layer.set_weights([base.arrays[f"{layer.name}/kernel"], base.arrays[f"{layer.name}/bias"]])
    expected = network(prepared[:2].astype(np.float32) / 255, training=False).numpy()
    found = Backbone(base).feature_maps(prepared[:2])
    assert expected.shape == (2, 7, 7, 512)
    assert expected.std() > 0.01
    assert np.abs(found - expected).max() < 1e-4 * expected.max()


def test_steps_of_any_size_give_the_same_maps(base: BaseWeights, prepared: PreparedBatch) -> None:
    from cxrscreen.classifier.backbone import Backbone  # noqa: PLC0415  # starts TensorFlow

    backbone = Backbone(base)
    together = backbone.feature_maps(prepared)  # 11: one full step and a rest
    alone = np.concatenate([backbone.feature_maps(prepared[row : row + 1]) for row in (0, 7, 8, 10)])
    assert together[[0, 7, 8, 10]] == pytest.approx(alone, abs=1e-4 * float(together.max()))
    assert backbone.feature_maps(prepared[:0]).shape == (0, 7, 7, 512)


def test_the_fourth_block_comes_out_by_the_way_as_the_mean_of_keras_own(
    base: BaseWeights, prepared: PreparedBatch
) -> None:
    from cxrscreen.classifier.backbone import Backbone  # noqa: PLC0415  # starts TensorFlow
    from cxrscreen.classifier.runtime import keras  # noqa: PLC0415  # likewise

    network = keras.applications.VGG16(weights=None, include_top=False, input_shape=(224, 224, 3))
    for layer in network.layers:
        if layer.weights:
            layer.set_weights([base.arrays[f"{layer.name}/kernel"], base.arrays[f"{layer.name}/bias"]])
    cut = keras.Model(network.input, network.get_layer("block4_pool").output)
    expected = cut(prepared[:2].astype(np.float32) / 255, training=False).numpy().mean(axis=(1, 2))
    maps, fourth = Backbone(base).run(prepared[:2])
    assert fourth == pytest.approx(expected, abs=1e-4 * float(expected.max()))
    assert np.array_equal(maps, Backbone(base).feature_maps(prepared[:2]))
