from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError

from cxrscreen.evaluation.intervals import wilson
from cxrscreen.evaluation.metrics import auc
from cxrscreen.evaluation.scored import Scored
from cxrscreen.evaluation.subgroups import NOT_STATED, place, subgroups

DISEASED = np.array([True, True, False, False, True, False, True, True])
SCORES = np.array([0.9, 0.2, 0.1, 0.7, 0.8, 0.3, 0.6, 0.4])
SCORED = Scored(SCORES, DISEASED, list("aabcdefg"))
VIEW = ["PA", "PA", "PA", "PA", "AP", None, "AP", ""]


def test_each_value_is_measured_on_its_own_radiographs() -> None:
    lying, standing, unknown = subgroups(SCORED, {"view": VIEW}, threshold=0.5, seed=0)
    assert [part.value for part in (lying, standing, unknown)] == ["AP", "PA", NOT_STATED]
    assert [(part.n, part.positives) for part in (lying, standing, unknown)] == [(2, 2), (4, 2), (2, 1)]
    assert standing.sensitivity is not None
    assert standing.specificity is not None
    assert (standing.sensitivity.value, standing.specificity.value) == (0.5, 0.5)
    assert (standing.sensitivity.low, standing.sensitivity.high) == wilson(1, 2)
    assert standing.auc == auc(Scored(SCORES[:4], DISEASED[:4], list("aabc")), seed=0)


def test_a_part_without_one_class_has_no_figures_of_it() -> None:
    lying, *_ = subgroups(SCORED, {"view": VIEW}, threshold=0.5, seed=0)
    assert lying.sensitivity is not None
    assert lying.sensitivity.value == 1
    assert (lying.specificity, lying.auc) == (None, None)
    (healthy,) = (
        part
        for part in subgroups(SCORED, {"sex": ["M" if d else "F" for d in DISEASED]}, threshold=0.5, seed=0)
        if part.value == "F"
    )
    assert (healthy.positives, healthy.sensitivity, healthy.auc) == (0, None, None)
    assert healthy.specificity is not None


def test_age_bands_rise_and_what_is_not_stated_comes_last() -> None:
    ages = ["80 and over", None, "under 18", "18 to 39", "60 to 79", "18 to 39", "40 to 59", "under 18"]
    found = subgroups(SCORED, {"age": ages, "view": VIEW}, threshold=0.5, seed=0)
    assert [part.value for part in found if part.by == "age"] == [
        "under 18",
        "18 to 39",
        "40 to 59",
        "60 to 79",
        "80 and over",
        NOT_STATED,
    ]
    assert [part.by for part in found] == ["age"] * 6 + ["view"] * 3


def test_bands_of_size_rise_too_and_names_follow_the_alphabet() -> None:
    sizes = ["under 500 pixels", "500 to 999 pixels", "1000 to 1999 pixels", "2000 and more", NOT_STATED]
    assert sorted({*sizes}, key=place) == sizes
    assert sorted(["PA", NOT_STATED, "AP Supine", "AP"], key=place) == ["AP", "AP Supine", "PA", NOT_STATED]


def test_a_trait_that_nobody_recorded_is_left_out() -> None:
    assert subgroups(SCORED, {"sex": [None] * 8, "source": [""] * 8}, threshold=0.5, seed=0) == ()


def test_an_unknown_trait_is_refused() -> None:
    with pytest.raises(ValidationError, match="weather"):
        subgroups(SCORED, {"weather": ["rain"] * 8}, threshold=0.5, seed=0)
