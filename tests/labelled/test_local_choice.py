from __future__ import annotations

import numpy as np
import pytest

from cxrscreen.evaluation.scored import Scored
from cxrscreen.labelled.local_choice import choose_locally


def scored(each: int, *, apart: float = 3.0) -> Scored:
    generator = np.random.default_rng(5)
    odds = np.concatenate([generator.normal(apart, 1, each), generator.normal(0, 1, each)])
    return Scored(1 / (1 + np.exp(-odds)), np.arange(2 * each) < each, [f"p{number}" for number in range(2 * each)])


def test_a_site_chooses_its_own_point_and_band_and_each_is_measured_by_folds() -> None:
    local = scored(60)
    choice = choose_locally(local, seed=1)
    assert choice.notes == ()
    assert choice.point is not None
    assert choice.band is not None
    flagged = local.scores >= choice.point.threshold
    assert flagged[local.diseased].mean() >= 0.95
    assert choice.point.sensitivity.n == choice.point.specificity.n == 60
    assert choice.point.sensitivity.value == pytest.approx(0.95, abs=0.05)
    assert choice.band.low <= choice.band.high
    assert choose_locally(local, seed=1) == choice


def test_too_few_for_a_band_still_choose_a_point() -> None:
    choice = choose_locally(scored(15), seed=1)
    assert choice.point is not None
    assert choice.band is None
    assert choice.notes[0].startswith("No local uncertain band: An error rate of 0.05 takes at least 19")


def test_too_few_patients_choose_nothing_and_the_reason_is_said() -> None:
    choice = choose_locally(scored(5), seed=1)
    assert (choice.point, choice.band) == (None, None)
    assert choice.notes[0].startswith("No local operating point: 5 patients are labelled")
