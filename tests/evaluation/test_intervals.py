from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxrscreen.evaluation import intervals
from cxrscreen.evaluation.intervals import (
    Limits,
    Weights,
    bootstrap,
    patient_weights,
    square_and_add,
    tango,
    wilson,
    wilson_of_mean,
)
from cxrscreen.evaluation.weighted import Values

Z = 1.959963984540054


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    [(32, 32, 0.893, 1.0), (21, 22, 0.782, 0.992), (0, 10, 0.0, 0.278), (81, 263, 0.255, 0.366)],
)
def test_wilson_gives_the_published_limits(successes: int, n: int, low: float, high: float) -> None:
    # The first two are the study's own figures, the last one is from Newcombe 1998, Stat Med 17:857.
    assert wilson(successes, n) == pytest.approx((low, high), abs=0.0005)


@given(st.integers(1, 300).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_limits_are_where_the_normal_test_of_that_fraction_turns(case: tuple[int, int]) -> None:
    successes, n = case
    low, high = wilson(successes, n)
    assert 0 <= low <= successes / n <= high <= 1
    for limit in (low, high):
        assert abs(successes / n - limit) == pytest.approx(Z * np.sqrt(limit * (1 - limit) / n), abs=1e-7)


def test_tango_gives_published_limits() -> None:
    # 1 and 7 discordant pairs of 21: Bentur et al. 2009 as analysed by Fagerland et al. 2013, Stat Med 32:2850.
    assert tango(1, 7, 21) == pytest.approx((-0.517, -0.026), abs=0.0005)


def test_tango_without_a_differing_case_is_as_wide_as_the_number_of_cases_allows() -> None:
    assert tango(0, 0, 32) == pytest.approx((-(Z**2) / (32 + Z**2), Z**2 / (32 + Z**2)))
    assert tango(0, 0, 72)[0] < -0.05 < tango(0, 0, 73)[0]


@given(st.integers(0, 12), st.integers(0, 12), st.integers(0, 40))
def test_tango_mirrors_when_the_two_change_places(gained: int, lost: int, same: int) -> None:
    n = gained + lost + same + 1
    low, high = tango(gained, lost, n)
    assert tango(lost, gained, n) == pytest.approx((-high, -low), abs=1e-9)
    assert -1 <= low <= (gained - lost) / n <= high <= 1


@pytest.mark.parametrize(("gained", "lost", "n"), [(3, 1, 30), (1, 7, 21), (0, 2, 12), (5, 5, 40)])
def test_tango_limits_are_where_the_score_test_of_the_likelihood_turns(gained: int, lost: int, n: int) -> None:
    for limit in tango(gained, lost, n):
        only_first = np.linspace(max(0, -limit), (1 - limit) / 2, 200_001)[1:-1]
        both_or_none = 1 - 2 * only_first - limit
        likelihood = gained * np.log(only_first + limit) + lost * np.log(only_first)
        likelihood += (n - gained - lost) * np.log(np.maximum(both_or_none, 1e-300))
        best = only_first[np.argmax(likelihood)]
        deviation = (2 * best + limit - limit**2) / n
        assert ((gained - lost) / n - limit) ** 2 / deviation == pytest.approx(Z**2, rel=2e-3)


def test_squares_are_added_on_the_side_where_each_limit_stands() -> None:
    low, high = square_and_add(0.3, (0.5, (0.2, 0.6)), (-0.2, (-0.6, 0.1)))
    assert (low, high) == pytest.approx((0.3 - 0.5, 0.3 + np.hypot(0.1, 0.3)))


def test_a_patient_is_drawn_whole_or_not_at_all() -> None:
    patients = ["a", "b", "a", "c", "b"]
    weights = patient_weights(patients, seed=3, draws=50)
    assert (weights[:, 0] == weights[:, 2]).all()
    assert (weights[:, 1] == weights[:, 4]).all()
    assert (weights[:, [0, 1, 3]].sum(axis=1) == 3).all()
    assert len(np.unique(weights, axis=0)) > 5


def _mean_of(values: Values) -> intervals.Statistic:
    return lambda weights: ((weights @ values) / weights.sum(axis=1))[:, np.newaxis]


def test_blocks_change_nothing_but_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.random.default_rng(0).random(30)
    patients = [str(k) for k in range(30)]
    whole = bootstrap(_mean_of(values), patients, seed=4, draws=100)
    seen: list[int] = []

    def watched(weights: Weights) -> Values:
        seen.append(len(weights))
        return _mean_of(values)(weights)

    monkeypatch.setattr(intervals, "_WEIGHTS_AT_ONCE", 30 * 7)
    assert bootstrap(watched, patients, seed=4, draws=100) == whole
    assert seen == [7] * 14 + [2]


def test_draws_without_meaning_are_left_out_for_that_figure_alone() -> None:
    def half_undefined(weights: Weights) -> Values:
        first = weights[:, 0]
        return np.stack([first, np.where(first > 0, first, np.nan), np.full(len(first), np.nan)], axis=1)

    every, some, none = bootstrap(half_undefined, list("abcdef"), seed=1)
    assert every is not None
    assert every[0] == 0
    assert some is not None
    assert some[0] == 1
    assert none is None


def _intervals_of_simulated_means(sets: int) -> Iterator[tuple[Limits | None, Limits]]:
    generator = np.random.default_rng(11)
    patients = [str(k // 2) for k in range(120)]
    for seed in range(sets):
        of_patient = generator.beta(1, 3, size=60)  # true mean 0.25; both radiographs of a patient share its value
        values = of_patient[np.arange(120) // 2]
        yield bootstrap(_mean_of(values), patients, seed=seed, draws=400)[0], wilson_of_mean(values.mean(), 60)


def test_bootstrap_by_patient_holds_the_truth_about_as_often_as_it_says() -> None:
    found = list(_intervals_of_simulated_means(400))
    held = np.mean([limits is not None and limits[0] <= 0.25 <= limits[1] for limits, _ in found])
    assert 0.91 < held < 0.985


def test_wilson_on_patients_is_on_the_safe_side_of_a_mean_of_terms_between_0_and_1() -> None:
    assert np.mean([low <= 0.25 <= high for _, (low, high) in _intervals_of_simulated_means(400)]) > 0.99
