from __future__ import annotations

import numpy as np
import pytest

from cxrscreen.evaluation.metrics import figures
from cxrscreen.evaluation.predictive import PREVALENCES, predictive
from cxrscreen.evaluation.result import Figures
from cxrscreen.evaluation.scored import Scored


def figures_of(*, found: int, missed: int, cleared: int, alarmed: int) -> Figures:
    diseased = np.repeat([True, True, False, False], [found, missed, cleared, alarmed])
    scores = np.repeat([0.9, 0.1, 0.1, 0.9], [found, missed, cleared, alarmed])
    return figures(Scored(scores, diseased, [str(k) for k in range(len(scores))]), threshold=0.5, seed=0)


def test_values_follow_from_counting_a_thousand_patients() -> None:
    # Sensitivity 0.9, specificity 0.8; of 1000 patients 100 are ill: 90 found, 10 missed, 720 cleared, 180 alarmed.
    (at_ten_percent,) = predictive(figures_of(found=45, missed=5, cleared=40, alarmed=10), [0.1])
    assert at_ten_percent.ppv is not None
    assert at_ten_percent.npv is not None
    assert at_ten_percent.ppv.value == pytest.approx(90 / 270)
    assert at_ten_percent.npv.value == pytest.approx(720 / 730)
    assert at_ten_percent.ppv.n == 100


def test_at_the_prevalence_of_the_set_ppv_is_its_precision() -> None:
    found = figures_of(found=28, missed=4, cleared=17, alarmed=5)
    (at_its_own,) = predictive(found, [32 / 54])
    assert at_its_own.ppv is not None
    assert found.precision is not None
    assert at_its_own.ppv.value == pytest.approx(found.precision.value)


def test_limits_are_those_of_the_worst_and_the_best_pair() -> None:
    found = figures_of(found=45, missed=5, cleared=40, alarmed=10)
    for at in predictive(found):
        assert at.ppv is not None
        worst, best = (
            se * at.prevalence / (se * at.prevalence + (1 - sp) * (1 - at.prevalence))
            for se, sp in [
                (found.sensitivity.low, found.specificity.low),
                (found.sensitivity.high, found.specificity.high),
            ]
        )
        assert (at.ppv.low, at.ppv.high) == pytest.approx((worst, best))
        assert "Wilson" in at.ppv.method


def test_a_positive_finding_means_more_where_the_disease_is_frequent() -> None:
    by_prevalence = predictive(figures_of(found=31, missed=1, cleared=21, alarmed=1))
    assert [at.prevalence for at in by_prevalence] == list(PREVALENCES) == [0.01, 0.05, 0.1, 0.3]
    ppv = [at.ppv.value for at in by_prevalence if at.ppv]
    npv = [at.npv.value for at in by_prevalence if at.npv]
    assert ppv == sorted(ppv)
    assert npv == sorted(npv, reverse=True)
    assert ppv[0] < 0.2
    assert ppv[-1] > 0.9


def test_perfect_figures_still_have_a_lower_limit_that_warns() -> None:
    rare = predictive(figures_of(found=32, missed=0, cleared=22, alarmed=0))[0]
    assert rare.ppv is not None
    assert rare.ppv.value == rare.ppv.high == 1
    assert rare.ppv.low < 0.1


def test_a_finding_that_never_occurs_has_no_predictive_value() -> None:
    never_positive = predictive(figures_of(found=0, missed=20, cleared=20, alarmed=0))[0]
    assert never_positive.ppv is None
    assert never_positive.npv is not None
    never_negative = predictive(figures_of(found=20, missed=0, cleared=0, alarmed=20))[0]
    assert never_negative.npv is None
    assert never_negative.ppv is not None
    assert never_negative.ppv.value == pytest.approx(0.01)
