from __future__ import annotations

import numpy as np

from cxrscreen.lungs.acquisition import Acquisition, draw_acquisition, stored_otherwise
from cxrscreen.lungs.fields import LungFields
from tests.lungs.test_framing import FIELDS, chest

SAME = Acquisition(gamma=1.0, contrast=1.0, lift=0.0, side=512, noise=0.0, noise_seed=1, jpeg_quality=100, rim=0.0)


def drawn(seed: int) -> Acquisition:
    return draw_acquisition(np.random.default_rng(seed))


def test_the_same_draw_gives_the_same_picture_and_another_one_another() -> None:
    one, again = (stored_otherwise(chest(), FIELDS, drawn(4))[0] for _ in range(2))
    assert (one == again).all()
    assert (one != stored_otherwise(chest(), FIELDS, drawn(5))[0]).any()


def test_a_way_that_changes_nothing_leaves_the_radiograph() -> None:
    square, fields = stored_otherwise(chest(), FIELDS, SAME)
    assert np.abs(square.astype(int) - chest()).max() <= 3  # of the best JPEG
    assert (fields.mask == FIELDS.mask).all()


def test_every_way_leaves_a_radiograph_with_usable_fields() -> None:
    for seed in range(20):
        square, fields = stored_otherwise(chest(), FIELDS, drawn(seed))
        assert square.shape == (512, 512)
        assert square.dtype == np.uint8
        assert square.std() > 5
        assert isinstance(fields, LungFields)
        assert fields.usable
        assert 0.8 < fields.area / FIELDS.area < 1.2
        assert not (fields.left & fields.right).any()
