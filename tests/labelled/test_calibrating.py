from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxrscreen.classifier.calibration import calibrated, log_odds
from cxrscreen.classifier.operating_point import choose_operating_point
from cxrscreen.classifier.uncertain_band import choose_band
from cxrscreen.errors import CalibrationError
from cxrscreen.evaluation.scored import Scored
from cxrscreen.labelled.calibrating import band_of, calibrate
from cxrscreen.labelled.splits import Indices
from cxrscreen.types import Diseased, Scores


def drawn(n: int, *, slope: float, intercept: float = 0.0, seed: int = 1) -> tuple[Scores, Diseased]:
    """Scores whose true probability has ``slope`` times their log-odds plus ``intercept``."""
    generator = np.random.default_rng(seed)
    odds = generator.normal(0, 3, n)
    truth = 1 / (1 + np.exp(-(slope * odds + intercept)))
    return 1 / (1 + np.exp(-odds)), generator.random(n) < truth


def folds_of(n: int, parts: int = 5) -> list[tuple[Indices, Indices]]:
    places = np.arange(n)
    return [(places[places % parts != k], places[places % parts == k]) for k in range(parts)]


def scored(scores: Scores, diseased: Diseased) -> Scored:
    return Scored(scores, diseased, [str(n) for n in range(len(scores))])


@pytest.mark.parametrize(("slope", "intercept"), [(0.4, 0.0), (1.0, -1.5), (2.0, 0.7)])
def test_a_known_distortion_is_found_and_undone(slope: float, intercept: float) -> None:
    scores, diseased = drawn(20_000, slope=slope, intercept=intercept)
    found = calibrate(scored(scores, diseased), folds_of(len(scores)), seed=1)
    assert found.slope == pytest.approx(slope, rel=0.06)
    assert found.intercept == pytest.approx(intercept, abs=0.08)
    probabilities = found.probabilities(scores)
    for low in (0.1, 0.4, 0.7):
        inside = (probabilities >= low) & (probabilities < low + 0.2)
        assert diseased[inside].mean() == pytest.approx(probabilities[inside].mean(), abs=0.03)


def test_overconfident_scores_get_a_better_brier_score_on_folds_that_had_no_part() -> None:
    scores, diseased = drawn(400, slope=0.3)
    found = calibrate(scored(scores, diseased), folds_of(400), seed=1)
    assert found.brier_after.value < found.brier_before.value - 0.02
    assert (found.brier_after.n, found.n) == (400, 400)


def test_a_perfect_separation_stays_finite() -> None:
    scores, diseased = np.array([0.0] * 20 + [1.0] * 30), np.array([False] * 20 + [True] * 30)
    found = calibrate(scored(scores, diseased), folds_of(50), seed=1)
    assert 0 < found.probabilities(scores)[0] < 0.1
    assert 0.9 < found.probabilities(scores)[-1] < 1


def test_scores_that_fall_with_disease_are_refused() -> None:
    scores, diseased = drawn(200, slope=1)
    with pytest.raises(CalibrationError, match="higher scores do not mean more disease"):
        calibrate(scored(1 - scores, diseased), folds_of(200), seed=1)


@given(st.lists(st.floats(0, 1), min_size=2, max_size=30), st.floats(0.1, 5), st.floats(-5, 5))
def test_calibrating_never_changes_an_order(scores: list[float], slope: float, intercept: float) -> None:
    moved = calibrated(np.sort(scores), slope=slope, intercept=intercept)
    assert (np.diff(moved) >= 0).all()
    assert ((moved >= 0) & (moved <= 1)).all()


def test_log_odds_of_certain_scores_are_finite_and_undone_by_no_change() -> None:
    scores = np.array([0.0, 1e-9, 0.5, 0.999, 1.0])
    assert np.isfinite(log_odds(scores)).all()
    assert calibrated(scores, slope=1, intercept=0) == pytest.approx(scores, abs=1e-11)


def test_the_band_keeps_both_errors_as_rare_as_asked_for() -> None:
    scores, diseased = drawn(1000, slope=0.8)
    band = band_of(scored(scores, diseased), folds_of(1000), largest_error=0.05)
    assert (scores[diseased] < band.low).mean() <= 0.05
    assert (scores[~diseased] >= band.high).mean() <= 0.05
    assert 0 < band.uncertain.value < 1
    assert band.missed.value + band.found.value < 1
    assert band.false_alarms.value + band.cleared.value < 1


def test_the_rates_on_folds_held_out_are_those_asked_for_and_no_higher() -> None:
    bands = []
    for seed in range(40):
        values, diseased = drawn(400, slope=0.8, seed=seed)
        bands.append(band_of(scored(values, diseased), folds_of(400), largest_error=0.05))
    for rates in ([band.missed.value for band in bands], [band.false_alarms.value for band in bands]):
        assert 0.035 < np.mean(rates) < 0.055  # 40 times 200 radiographs: known to 0.003


def test_the_band_holds_the_operating_point_where_the_classes_lie_apart() -> None:
    scores = np.concatenate([np.linspace(0.01, 0.3, 60), np.linspace(0.6, 0.99, 60)])
    diseased = np.arange(120) >= 60
    point = choose_operating_point(scores, diseased, min_sensitivity=0.90)
    low, high = choose_band(scores, diseased, largest_error=0.05)
    assert not low <= point.threshold <= high
    band = band_of(scored(scores, diseased), folds_of(120), largest_error=0.05, min_sensitivity=0.90)
    assert (band.low, band.high) == (low, point.threshold)
    assert (scores[diseased] < band.low).mean() <= 0.05
    assert (scores[~diseased] >= band.high).mean() <= 0.05


def test_whether_calibrating_helps_is_told_by_a_paired_difference() -> None:
    helped, made_no_difference = (
        calibrate(scored(*drawn(400, slope=slope)), folds_of(400), seed=1).brier_change for slope in (0.3, 1.0)
    )
    assert helped is not None
    assert helped.high < 0
    assert made_no_difference is not None
    assert made_no_difference.low < 0 < made_no_difference.high
    assert made_no_difference.method == "paired bootstrap by patient, 2000 draws"
    assert made_no_difference.high - made_no_difference.low < 0.02  # far narrower than either score's own interval


def test_a_positive_finding_means_little_where_the_disease_is_rare() -> None:
    scores, diseased = drawn(1000, slope=0.8)
    band = band_of(scored(scores, diseased), folds_of(1000), largest_error=0.05)
    rare, frequent = band.ppv(0.01), band.ppv(0.5)
    assert rare is not None
    assert frequent is not None
    by_hand = 0.01 * band.found.value / (0.01 * band.found.value + 0.99 * band.false_alarms.value)
    assert rare.value == pytest.approx(by_hand)
    assert rare.low < rare.value < rare.high < frequent.value
    reassuring = band.npv(0.01)
    assert reassuring is not None
    assert reassuring.value > 0.99


def test_a_band_holds_its_errors_in_new_draws() -> None:
    missed = []
    for seed in range(200):
        scores, diseased = drawn(160, slope=1, seed=seed)
        low, _ = choose_band(scores, diseased, largest_error=0.1)
        new, truth = drawn(2000, slope=1, seed=seed + 10_000)
        missed.append((new[truth] < low).mean())
    assert np.mean(missed) <= 0.1


def test_where_the_classes_lie_apart_everything_between_them_is_uncertain() -> None:
    scores = np.array([0.1, 0.12, 0.15, 0.2] * 6 + [0.8, 0.85, 0.9, 0.95] * 6)
    low, high = choose_band(scores, np.arange(48) >= 24, largest_error=0.05)
    assert low == pytest.approx(0.2)
    assert low > 0.2
    assert high == 0.8


def test_a_rate_that_so_few_radiographs_cannot_show_is_refused_with_the_number_that_could() -> None:
    with pytest.raises(CalibrationError, match="at least 19 radiographs labelled COVID-19, and there are 5"):
        choose_band(np.linspace(0, 1, 40), np.arange(40) >= 35, largest_error=0.05)
