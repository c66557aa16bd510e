from __future__ import annotations

import numpy as np
import pytest

from cxrscreen.classifier.reference import MOST_VALUES, Reference
from cxrscreen.errors import CalibrationError
from cxrscreen.evaluation.drift import drift, population_stability_index, psi_by_chance, share_drift

REFERENCE = Reference.of(np.random.default_rng(1).beta(2, 2, 260).tolist())


def beta(a: float, b: float, n: int, seed: int = 2) -> list[float]:
    values: list[float] = np.random.default_rng(seed).beta(a, b, n).tolist()
    return values


def test_nights_like_the_reference_raise_no_alarm_in_a_year() -> None:
    nights = [drift("scores", REFERENCE, beta(2, 2, n, seed)) for seed in range(365) for n in (25, 90)]
    assert sum(night is not None and night.drifted for night in nights) <= 1


@pytest.mark.parametrize("n", [40, 400])
def test_another_population_is_found(n: int) -> None:
    found = drift("scores", REFERENCE, beta(5, 2, n))
    assert found is not None
    assert found.drifted
    assert (found.n, found.reference_n) == (n, 260)


def test_a_shift_beyond_chance_but_small_is_no_drift() -> None:
    found = drift("scores", Reference.of(beta(2, 2, 5000)), beta(2.6, 2, 5000, seed=3))
    assert found is not None
    assert found.p < 0.001
    assert found.psi is not None
    assert found.psi < 0.25
    assert not found.drifted


def test_a_handful_of_radiographs_says_nothing() -> None:
    assert drift("scores", REFERENCE, [0.99] * 19) is None
    assert share_drift("refused", before=0.02, before_n=300, now=10, n=19) is None


def test_the_index_is_the_one_of_the_books() -> None:
    before, now = np.repeat(np.arange(10) + 0.5, 1000), np.repeat([0.5, 9.5], 5000)
    shares = np.full(10, 0.1), np.array([0.5, *[1e-12] * 8, 0.5])
    assert population_stability_index(before, before) == 0
    assert population_stability_index(before, now) > ((shares[1] - shares[0]) * np.log(5))[[0, 9]].sum()


def test_the_index_without_drift_stays_below_what_chance_brings() -> None:
    generator = np.random.default_rng(3)
    above = [
        population_stability_index(generator.normal(size=260), generator.normal(size=60)) > psi_by_chance(260, 60)
        for _ in range(1000)
    ]
    assert sum(above) <= 5


def test_a_constant_quantity_is_compared_all_the_same() -> None:
    constant = Reference.of([1.0] * 50)
    same, other = drift("lung_shares", constant, [1.0] * 50), drift("lung_shares", constant, [0.2] * 50)
    assert same is not None
    assert not same.drifted
    assert other is not None
    assert other.drifted


def test_many_more_refusals_than_before_are_found() -> None:
    found = share_drift("refused", before=0.02, before_n=300, now=30, n=100)
    assert found is not None
    assert found.drifted
    assert found.difference == pytest.approx(0.28)
    few = share_drift("refused", before=0.02, before_n=300, now=4, n=100)
    assert few is not None
    assert not few.drifted


def test_a_large_reference_is_thinned_and_keeps_its_spread() -> None:
    values = np.random.default_rng(4).normal(size=5000)
    kept = Reference.of(values.tolist())
    assert (len(kept.values), kept.n) == (MOST_VALUES, 5000)
    assert np.quantile(kept.values, (0.1, 0.5, 0.9)) == pytest.approx(np.quantile(values, (0.1, 0.5, 0.9)), abs=0.02)


@pytest.mark.parametrize("values", [[], [float("nan")], [0.1, float("inf")]])
def test_what_is_no_number_is_no_reference(values: list[float]) -> None:
    with pytest.raises(CalibrationError, match="finite"):
        Reference.of(values)
