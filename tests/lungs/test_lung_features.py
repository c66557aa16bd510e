from __future__ import annotations

import numpy as np
import pytest

from cxrscreen.lungs.bundle import SHIPPED_LUNGS, read_segmenter
from tests.lungs.drawn_lungs import phantom

pytestmark = pytest.mark.tensorflow


def test_features_are_the_mean_of_what_the_network_knows_before_it_climbs_again() -> None:
    from cxrscreen.classifier.runtime import keras  # noqa: PLC0415  # starts TensorFlow
    from cxrscreen.lungs.network import AFTER_FEATURES, FEATURES, network_of  # noqa: PLC0415  # likewise
    from cxrscreen.lungs.preparation import segmenter_inputs  # noqa: PLC0415  # likewise
    from cxrscreen.lungs.segmenter import Segmenter  # noqa: PLC0415  # likewise

    pictures = [phantom(seed, 200)[0] for seed in range(3)] * 3  # more than a batch
    fields, features = Segmenter.of(SHIPPED_LUNGS).look(pictures)
    whole = network_of(read_segmenter(SHIPPED_LUNGS)[1])
    deepest = keras.Model(whole.input, whole.get_layer(AFTER_FEATURES).input)(segmenter_inputs(pictures)).numpy()
    assert deepest.shape[1] < deepest.shape[3] == FEATURES
    assert features == pytest.approx(deepest.mean(axis=(1, 2)), abs=1e-4)
    assert features[0] == pytest.approx(features[6], abs=1e-5)
    assert np.ptp(features, axis=0).max() > 0.01
    assert len(fields) == 9
    assert Segmenter.of(SHIPPED_LUNGS).look([])[1].shape == (0, FEATURES)
