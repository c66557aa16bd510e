from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cxrscreen.errors import ModelError
from cxrscreen.lungs.bundle import SHIPPED_LUNGS, pack_arrays, read_segmenter, save_segmenter
from cxrscreen.phantom.thorax import draw_lateral
from cxrscreen.training.lung_agreement import dice
from tests.lungs.cards import lung_card
from tests.lungs.drawn_lungs import phantom

pytestmark = pytest.mark.tensorflow


def test_the_shipped_segmenter_finds_the_lungs_of_phantoms() -> None:
    from cxrscreen.lungs.segmenter import Segmenter  # noqa: PLC0415  # starts TensorFlow

    drawn = [phantom(seed, 300) for seed in range(9)]  # more than a batch
    found = Segmenter.of(SHIPPED_LUNGS).lung_fields([pixels for pixels, _ in drawn])
    assert [fields.fault for fields in found] == [None] * len(drawn)
    for fields, (_, lungs) in zip(found, drawn, strict=True):
        assert dice(fields.at(300, 300), lungs) > 0.88  # people draw the lung behind the heart too, which has no air


def test_a_radiograph_has_the_same_lungs_whatever_is_beside_it_and_whatever_its_size() -> None:
    from cxrscreen.lungs.segmenter import Segmenter  # noqa: PLC0415  # starts TensorFlow

    segmenter = Segmenter.of(SHIPPED_LUNGS)
    large, small = phantom(5, 900)[0], phantom(6, 300)[0]
    alone = segmenter.lung_fields([large])[0]
    together = segmenter.lung_fields([small, large, small])[1]
    assert np.array_equal(alone.mask, together.mask)
    assert segmenter.lung_fields([]) == []
    assert segmenter.card.segmenter_id.startswith("lungs-1 (")


@pytest.mark.parametrize("level", [0, 128, 255])
def test_a_picture_without_lungs_has_a_fault(level: int) -> None:
    from cxrscreen.lungs.segmenter import Segmenter  # noqa: PLC0415  # starts TensorFlow

    segmenter = Segmenter.of(SHIPPED_LUNGS)
    noise = np.random.default_rng(1).integers(256, size=(500, 400), dtype=np.uint8)
    found = segmenter.lung_fields([np.full((400, 400), level, np.uint8), noise])
    assert not any(fields.usable for fields in found)


def test_a_lateral_phantom_has_a_fault() -> None:
    from cxrscreen.lungs.segmenter import Segmenter  # noqa: PLC0415  # starts TensorFlow

    pictures = [(draw_lateral(seed, rows=448, columns=448) >> 4).astype(np.uint8) for seed in range(3)]
    assert not any(fields.usable for fields in Segmenter.of(SHIPPED_LUNGS).lung_fields(pictures))


def test_weights_of_another_network_are_not_used(tmp_path: Path) -> None:
    from cxrscreen.lungs.segmenter import Segmenter  # noqa: PLC0415  # starts TensorFlow

    _, arrays = read_segmenter(SHIPPED_LUNGS)
    for wrong in (
        {name: array for name, array in arrays.items() if name != "outline/bias"},
        arrays | {"outline/bias": np.zeros(2, np.float32)},
        arrays | {"outline/bias": np.array([np.nan], np.float32)},
    ):
        from cxrscreen.lungs.network import network_of  # noqa: PLC0415  # likewise

        with pytest.raises(ModelError, match="Restore the folder"):
            network_of(wrong)
    weights = pack_arrays({"other/kernel": np.zeros(3, np.float32)})
    with pytest.raises(ModelError, match="not the segmenter's weights"):
        Segmenter.of(save_segmenter(tmp_path, lung_card(weights), weights))
