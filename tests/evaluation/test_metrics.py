from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from cxrscreen.errors import DataSetError
from cxrscreen.evaluation.intervals import bootstrap_auc, patient_weights, wilson
from cxrscreen.evaluation.metrics import auc, auc_value, performance
from cxrscreen.evaluation.scored import Scored

TRUTH_AND_SCORE = st.lists(st.tuples(st.booleans(), st.integers(0, 20)), min_size=2, max_size=60).filter(
    lambda rows: len({diseased for diseased, _ in rows}) == 2
)


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    [(32, 32, 0.893, 1.0), (21, 22, 0.782, 0.992), (0, 10, 0.0, 0.278), (81, 263, 0.255, 0.366)],
)
def test_wilson_gives_the_published_limits(successes: int, n: int, low: float, high: float) -> None:
    # The first two are the study's own figures, the last one is from Newcombe 1998, Stat Med 17:857.
    assert wilson(successes, n) == pytest.approx((low, high), abs=0.0005)


@given(TRUTH_AND_SCORE)
def test_auc_is_that_of_scikit_learn_also_with_ties(rows: list[tuple[bool, int]]) -> None:
    diseased = np.array([d for d, _ in rows])
    scores = np.array([s / 20 for _, s in rows])
    assert auc_value(scores, diseased) == pytest.approx(roc_auc_score(diseased, scores))


def test_fractions_count_what_their_names_say() -> None:
    diseased = np.array([True, True, True, False, False])
    scores = np.array([0.9, 0.5, 0.1, 0.5, 0.2])
    figures = performance("a set", Scored(scores, diseased, ["a", "a", "b", "c", "d"]), threshold=0.5, seed=0)
    assert figures.sensitivity.value == pytest.approx(2 / 3)
    assert figures.specificity.value == pytest.approx(1 / 2)
    assert figures.accuracy.value == pytest.approx(3 / 5)
    assert (figures.n, figures.positives, figures.patients) == (5, 3, 4)
    assert (figures.sensitivity.n, figures.specificity.n, figures.accuracy.n) == (3, 2, 5)
    assert (figures.sensitivity.low, figures.sensitivity.high) == wilson(2, 3)


def test_figures_without_one_class_are_refused() -> None:
    with pytest.raises(DataSetError, match="both"):
        Scored(np.array([0.1, 0.2]), np.array([True, True]), ["a", "b"])


def test_a_patient_is_drawn_whole_or_not_at_all() -> None:
    patients = ["a", "b", "a", "c", "b"]
    weights = patient_weights(patients, seed=3, draws=50)
    assert (weights[:, 0] == weights[:, 2]).all()
    assert (weights[:, 1] == weights[:, 4]).all()
    assert (weights[:, [0, 1, 3]].sum(axis=1) == 3).all()
    assert len(np.unique(weights, axis=0)) > 5


def test_bootstrap_equals_a_plain_loop_over_redrawn_patients() -> None:
    generator = np.random.default_rng(5)
    diseased = np.arange(40) % 2 == 0
    scores = np.round(generator.normal(size=40) + diseased, 1)
    patients = [str(k // 2) for k in range(40)]
    weights = patient_weights(patients, seed=7, draws=300).astype(int)
    values = [roc_auc_score(np.repeat(diseased, w), np.repeat(scores, w)) for w in weights]
    expected = np.quantile(values, [0.025, 0.975])
    assert bootstrap_auc(Scored(scores, diseased, patients), seed=7, draws=300) == pytest.approx(expected)


def test_more_patients_narrow_the_interval_and_more_pictures_of_the_same_do_not() -> None:
    generator = np.random.default_rng(6)
    diseased = np.arange(60) % 2 == 0
    scores = generator.normal(size=60) + diseased
    few = [str(k) for k in range(60)]
    once = bootstrap_auc(Scored(scores, diseased, few), seed=1)
    copied = bootstrap_auc(Scored(np.tile(scores, 4), np.tile(diseased, 4), few * 4), seed=1)
    more = bootstrap_auc(Scored(np.tile(scores, 4), np.tile(diseased, 4), [str(k) for k in range(240)]), seed=1)
    assert copied == pytest.approx(once)
    assert more[1] - more[0] < 0.7 * (once[1] - once[0])


def test_perfect_separation_still_has_a_lower_limit_below_one() -> None:
    diseased = np.array([True] * 6 + [False] * 4)
    estimate = auc(Scored(diseased.astype(float), diseased, list("aabcdeffgh")), seed=0)
    assert estimate.value == 1
    assert (estimate.low, estimate.high) == wilson(3, 3)
    assert "perfect separation" in estimate.method
