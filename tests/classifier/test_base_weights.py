from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cxrscreen.classifier.base_weights import BaseWeights, layer_shapes, load_base_weights
from cxrscreen.errors import ModelError


def test_vgg16_has_26_arrays_and_14714688_parameters() -> None:
    assert len(layer_shapes()) == 26
    assert sum(int(np.prod(shape)) for shape in layer_shapes().values()) == 14_714_688


def test_a_missing_array_is_named(base: BaseWeights) -> None:
    arrays = {name: array for name, array in base.arrays.items() if name != "block3_conv2/bias"}
    with pytest.raises(ModelError, match="block3_conv2/bias"):
        BaseWeights.checked(arrays, origin="")


def test_a_wrong_shape_is_named(base: BaseWeights) -> None:
    with pytest.raises(ModelError, match=r"block1_conv1/bias has shape \(63,\)"):
        BaseWeights.checked({**base.arrays, "block1_conv1/bias": np.zeros(63)}, origin="")


def test_a_value_that_is_no_number_is_refused(base: BaseWeights) -> None:
    with pytest.raises(ModelError, match="not finite"):
        BaseWeights.checked({**base.arrays, "block1_conv1/bias": np.full(64, np.nan)}, origin="")


def test_the_digest_does_not_depend_on_the_order_of_the_arrays(base: BaseWeights) -> None:
    turned = dict(reversed(list(base.arrays.items())))
    assert BaseWeights.checked(turned, origin="").sha256 == base.sha256


def test_other_weights_than_imagenet_are_refused(tmp_path: Path, base: BaseWeights) -> None:
    file = tmp_path / "base.npz"
    np.savez(file, **base.arrays)  # type: ignore[arg-type]  # numpy's stub takes the names for its own option
    with pytest.raises(ModelError, match="not the expected ones"):
        load_base_weights(file)


@pytest.mark.parametrize("content", [b"", b"not an archive", b"PK\x03\x04 cut off"])
def test_a_damaged_file_is_refused_in_words(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "base.npz"
    file.write_bytes(content)
    with pytest.raises(ModelError, match=r"base\.npz is not a readable archive"):
        load_base_weights(file)


def test_a_pickle_is_never_opened(tmp_path: Path) -> None:
    file = tmp_path / "base.npz"
    np.savez(file, **{"block1_conv1/kernel": np.array([{"a": 1}], dtype=object)})  # type: ignore[arg-type]  # as above
    with pytest.raises(ModelError, match="not a readable archive"):
        load_base_weights(file)


def test_a_missing_file_is_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="Check the path"):
        load_base_weights(tmp_path / "nowhere.npz")


@pytest.mark.real_data
def test_the_published_weights_are_recognised(real_data: Path) -> None:
    weights = load_base_weights(real_data / "vgg16" / "vgg16_imagenet_conv.npz")
    assert weights.origin == "ImageNet, as Keras publishes them; file vgg16_imagenet_conv.npz."
