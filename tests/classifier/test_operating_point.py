from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxrscreen.classifier.estimate import Estimate
from cxrscreen.classifier.operating_point import Finding, Prediction, choose_operating_point
from cxrscreen.classifier.uncertain_band import UncertainBand
from cxrscreen.errors import CalibrationError

ROWS = st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=2, max_size=60).filter(
    lambda rows: len({diseased for _, diseased in rows}) == 2
)


@given(ROWS, st.floats(0.01, 1))
def test_it_reaches_the_sensitivity_and_no_higher_threshold_does(
    rows: list[tuple[float, bool]], min_sensitivity: float
) -> None:
    scores = np.array([score for score, _ in rows])
    diseased = np.array([is_diseased for _, is_diseased in rows])
    point = choose_operating_point(scores, diseased, min_sensitivity=min_sensitivity)
    assert np.mean(scores[diseased] >= point.threshold) == point.sensitivity >= min_sensitivity
    assert np.mean(scores[~diseased] < point.threshold) == point.specificity
    for higher in scores[scores > point.threshold]:
        assert np.mean(scores[diseased] >= higher) < min_sensitivity


@given(ROWS, st.floats(0.01, 1), st.floats(0.01, 1))
def test_asking_for_more_sensitivity_never_raises_the_threshold(
    rows: list[tuple[float, bool]], one: float, other: float
) -> None:
    scores = np.array([score for score, _ in rows])
    diseased = np.array([is_diseased for _, is_diseased in rows])
    modest, strict = sorted((one, other))
    assert (
        choose_operating_point(scores, diseased, min_sensitivity=strict).threshold
        <= choose_operating_point(scores, diseased, min_sensitivity=modest).threshold
    )


def test_19_of_20_is_enough_for_95_percent() -> None:
    scores = np.array([*np.linspace(0.5, 1, 19), 0.1, 0.3, 0.6])
    diseased = np.array([True] * 20 + [False] * 2)
    point = choose_operating_point(scores, diseased, min_sensitivity=0.95)
    assert (point.threshold, point.sensitivity, point.specificity) == (0.5, 0.95, 0.5)


@pytest.mark.parametrize("diseased", [[True, True], [False, False]])
def test_one_class_alone_is_refused(diseased: list[bool]) -> None:
    with pytest.raises(CalibrationError, match="both"):
        choose_operating_point(np.array([0.2, 0.8]), np.array(diseased), min_sensitivity=0.95)


@pytest.mark.parametrize("score", [float("nan"), -0.1, 1.1])
def test_what_is_no_score_is_refused(score: float) -> None:
    with pytest.raises(CalibrationError, match="not a number"):
        choose_operating_point(np.array([0.2, score]), np.array([False, True]), min_sensitivity=0.95)


@pytest.mark.parametrize("min_sensitivity", [0.0, 1.01])
def test_an_impossible_sensitivity_is_refused(min_sensitivity: float) -> None:
    with pytest.raises(CalibrationError, match="cannot be asked for"):
        choose_operating_point(np.array([0.2, 0.8]), np.array([False, True]), min_sensitivity=min_sensitivity)


def test_a_score_at_the_threshold_is_positive() -> None:
    point = choose_operating_point(np.array([0.2, 0.8]), np.array([False, True]), min_sensitivity=1)
    assert Prediction(score=0.8, operating_point=point).finding is Finding.POSITIVE
    assert Prediction(score=0.7999, operating_point=point).finding is Finding.NEGATIVE


@pytest.mark.parametrize(
    ("score", "finding"),
    [
        (0.2999, Finding.NEGATIVE),
        (0.3, Finding.UNCERTAIN),
        (0.6999, Finding.UNCERTAIN),
        (0.7, Finding.POSITIVE),
    ],
)
def test_a_band_outranks_the_threshold_and_its_lower_end_belongs_to_it(score: float, finding: Finding) -> None:
    share = Estimate(value=0.05, low=0.0, high=0.1, n=100, method="Wilson")
    band = UncertainBand(
        low=0.3,
        high=0.7,
        largest_error=0.05,
        missed=share,
        found=share,
        false_alarms=share,
        cleared=share,
        uncertain=share,
    )
    point = choose_operating_point(np.array([0.2, 0.5]), np.array([False, True]), min_sensitivity=1)
    assert Prediction(score=score, operating_point=point, band=band).finding is finding
