from __future__ import annotations

from math import log

import numpy as np
import pytest
from numpy.typing import NDArray

from cxrscreen.classifier.reference import MOST_VALUES, ByClass, Reference
from cxrscreen.errors import CalibrationError
from cxrscreen.evaluation.drift import (
    CHANCE,
    Drift,
    Mixture,
    best_share,
    drift,
    population_stability_index,
    share_drift,
)

PREVALENCE = 0.1
NIGHTS = 300


def scores(normal: int, covid: int, *, seed: int, shift: float = 0.0) -> NDArray[np.float64]:
    """Draw scores, normal ones first, each class as log-odds of the shipped model's held-out radiographs are spread.

    Args:
        normal: How many.
        covid: Likewise.
        seed: Of the draw.
        shift: Of the normal ones, in log-odds.
    """
    generator = np.random.default_rng(seed)
    odds = np.concatenate([generator.normal(shift - 2.0, 1.9, normal), generator.normal(3.9, 3.3, covid)])
    drawn: NDArray[np.float64] = 1 / (1 + np.exp(-odds))
    return drawn


def reference(seed: int) -> ByClass:
    """Draw one of the shipped model's size."""
    return ByClass.of(scores(85, 128, seed=seed).tolist(), np.arange(213) >= 85)


def night(n: int, seed: int, *, prevalence: float = PREVALENCE, shift: float = 0.0) -> list[float]:
    covid = int(np.random.default_rng(seed).binomial(n, prevalence))
    values: list[float] = scores(n - covid, covid, seed=seed + 7919, shift=shift).tolist()
    return values


def found_share(n: int, *, share: float | None, prevalence: float = PREVALENCE, shift: float = 0.0) -> float:
    """In which share of nights drift of scores is said, each against a card of its own; ``None`` fits the share."""
    said = []
    for seed in range(NIGHTS):
        card, now = reference(seed + 100_000), night(n, seed, prevalence=prevalence, shift=shift)
        found = drift("scores", card, now, share=best_share(card, now) if share is None else share)
        said.append(found is not None and found.drifted)
    return sum(said) / NIGHTS


def one_class(values: list[float]) -> ByClass:
    """A reference whose classes do not differ."""
    return ByClass(covid=Reference.of(values), normal=Reference.of(values))


def said(found: Drift | None) -> Drift:
    assert found is not None
    return found


@pytest.mark.parametrize("share", [PREVALENCE, None])
@pytest.mark.parametrize("n", [20, 50, 200])
def test_at_most_one_night_in_a_hundred_like_the_reference_raises_an_alarm(n: int, share: float | None) -> None:
    assert found_share(n, share=share) <= 0.01


@pytest.mark.parametrize("prevalence", [0.01, 0.3, 0.6])
def test_without_a_stated_share_no_share_raises_an_alarm(prevalence: float) -> None:
    assert found_share(100, share=None, prevalence=prevalence) <= 0.01


@pytest.mark.parametrize("stated", [PREVALENCE / 2, 2 * PREVALENCE])
def test_a_rare_disease_may_be_twice_or_half_as_frequent_as_stated(stated: float) -> None:
    assert found_share(50, share=stated) <= 0.02


def test_the_shares_of_the_card_itself_would_raise_an_alarm_each_night() -> None:
    assert found_share(50, share=128 / 213) > 0.95


def test_normal_radiographs_with_higher_scores_are_found_in_most_nights_where_the_share_is_known() -> None:
    assert found_share(50, share=PREVALENCE, shift=2) > 0.8
    assert found_share(50, share=None, shift=2) < 0.1  # they look like COVID-19, as the digest says


def test_scores_of_no_class_are_found_whatever_the_share() -> None:
    card, now = reference(1), np.linspace(0.4, 0.6, 60).tolist()
    assert said(drift("scores", card, now, share=best_share(card, now))).drifted


def test_the_share_whose_mixture_fits_is_that_of_the_night() -> None:
    card = reference(2)
    assert best_share(card, night(3000, 1, prevalence=0.25)) == pytest.approx(0.25, abs=0.1)
    assert best_share(card, list(card.covid.values)) == 1
    assert best_share(card, list(card.normal.values)) == 0


def test_a_mixture_is_as_good_as_the_class_that_it_leans_on() -> None:
    card = ByClass(covid=Reference.of([0.8, 0.9]), normal=Reference.of([0.1, 0.2, 0.3, 0.8]))
    assert Mixture.of(card, 0).n == 4
    assert Mixture.of(card, 1).n == 2
    mixed = Mixture.of(card, 0.5)
    assert mixed.n == pytest.approx(1 / (0.25 / 2 + 0.25 / 4))
    assert mixed.distribution(np.array([0.0, 0.2, 0.8, 1.0])) == pytest.approx([0, 0.25, 0.75, 1])


def test_strangeness_that_grows_by_a_third_is_found() -> None:
    generator = np.random.default_rng(6)
    card = one_class(generator.normal(0.6, 0.13, 213).tolist())
    now = generator.normal(0.6, 0.13, 50)
    assert not said(drift("strangeness", card, now.tolist(), share=PREVALENCE)).drifted
    found = said(drift("strangeness", card, (1.3 * now).tolist(), share=PREVALENCE))
    assert found.drifted
    assert (found.n, found.reference_n) == (50, 426)


def test_a_shift_beyond_chance_but_small_is_no_drift() -> None:
    card = one_class(np.random.default_rng(3).normal(size=5000).tolist())
    found = said(drift("scores", card, np.random.default_rng(4).normal(0.3, 1, 5000).tolist(), share=0.5))
    assert found.p < CHANCE
    assert found.psi == pytest.approx(0.09, abs=0.02)  # of two normal distributions: the shift's square
    assert not found.drifted


def test_a_handful_of_radiographs_says_nothing() -> None:
    assert drift("scores", reference(1), [0.99] * 19, share=0.5) is None
    assert share_drift("refused", before=0.02, before_n=300, now=10, n=19) is None


def test_the_index_is_the_one_of_the_books() -> None:
    tenths = np.repeat(np.arange(10) + 0.5, 400).tolist()
    before = Mixture.of(one_class(tenths), 0.5)
    halved_and_more = np.repeat(np.arange(10) + 0.5, [500] * 5 + [1500] * 5)
    by_hand = 5 * (0.05 - 0.1) * log(0.5) + 5 * (0.15 - 0.1) * log(1.5)
    assert population_stability_index(before, np.array(tenths)) == pytest.approx(0, abs=1e-9)
    assert population_stability_index(before, halved_and_more) == pytest.approx(by_hand, abs=1e-3)


def test_a_constant_quantity_is_compared_all_the_same() -> None:
    constant = one_class([1.0] * 50)
    assert not said(drift("lung_shares", constant, [1.0] * 50, share=0.5)).drifted
    assert said(drift("lung_shares", constant, [0.2] * 50, share=0.5)).drifted


def test_many_more_refusals_than_before_are_found() -> None:
    found = said(share_drift("refused", before=0.02, before_n=300, now=30, n=100))
    assert found.drifted
    assert found.difference == pytest.approx(0.28)
    assert not said(share_drift("refused", before=0.02, before_n=300, now=4, n=100)).drifted


def test_a_large_reference_is_thinned_and_keeps_its_spread() -> None:
    values = np.random.default_rng(4).normal(size=5000)
    kept = Reference.of(values.tolist())
    assert (len(kept.values), kept.n) == (MOST_VALUES, 5000)
    assert np.quantile(kept.values, (0.1, 0.5, 0.9)) == pytest.approx(np.quantile(values, (0.1, 0.5, 0.9)), abs=0.02)


@pytest.mark.parametrize("values", [[], [float("nan")], [0.1, float("inf")]])
def test_what_is_no_number_is_no_reference(values: list[float]) -> None:
    with pytest.raises(CalibrationError, match="finite"):
        Reference.of(values)


def test_a_reference_keeps_each_class_and_needs_both() -> None:
    kept = ByClass.of([0.3, 0.9, 0.1], np.array([False, True, False]))
    assert (kept.covid.values, kept.normal.values, kept.n) == ((0.9,), (0.1, 0.3), 3)
    with pytest.raises(CalibrationError, match="finite"):
        ByClass.of([0.3, 0.9], np.array([True, True]))
