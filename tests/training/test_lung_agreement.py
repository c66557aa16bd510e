from __future__ import annotations

import numpy as np
import pytest

from cxrscreen.lungs.fields import fields_of
from cxrscreen.training.lung_agreement import agreement_of, dice
from tests.lungs.drawn_lungs import LEFT, RIGHT, lungs

BOTH = lungs(LEFT, RIGHT)


def test_dice_is_one_for_equal_masks_and_zero_for_masks_that_never_meet() -> None:
    assert dice(BOTH, BOTH) == 1
    assert dice(lungs(LEFT), lungs(RIGHT)) == 0
    assert dice(lungs(), lungs()) == 1
    assert dice(lungs(LEFT), BOTH) == pytest.approx(2 * lungs(LEFT).sum() / (lungs(LEFT).sum() + BOTH.sum()), abs=1e-12)


def test_figures_and_interval_rest_on_patients() -> None:
    found = [fields_of(BOTH), fields_of(BOTH), fields_of(lungs(RIGHT))]
    agreement = agreement_of("drawn", found, [BOTH] * 3, ["a", "a", "b"], seed=1)
    worst = dice(lungs(RIGHT), BOTH)
    assert (agreement.n, agreement.patients, agreement.poor, agreement.implausible) == (3, 2, 1, 1)
    assert (agreement.median, agreement.least) == (1, worst)
    assert agreement.mean.value == pytest.approx(np.mean([1, 1, worst]))
    assert agreement.mean.low == pytest.approx(worst)
    assert agreement.mean.high == pytest.approx(1)
    assert "1 of their masks" in agreement.sentence
