from __future__ import annotations

from collections.abc import Callable
from time import process_time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, balanced_accuracy_score, brier_score_loss, roc_auc_score

from cxrscreen.classifier.estimate import Estimate
from cxrscreen.errors import DataSetError
from cxrscreen.evaluation import weighted
from cxrscreen.evaluation.intervals import Weights, patient_weights, wilson
from cxrscreen.evaluation.metrics import (
    BOOTSTRAP,
    FEW_PATIENTS,
    auc,
    auc_value,
    average_precision,
    figures,
    performance,
)
from cxrscreen.evaluation.scored import Scored
from cxrscreen.evaluation.weighted import Values
from cxrscreen.types import Diseased, Scores

Rows = list[tuple[bool, int]]
ROWS = st.lists(st.tuples(st.booleans(), st.integers(0, 20)), min_size=2, max_size=60).filter(
    lambda rows: len({diseased for diseased, _ in rows}) == 2
)


def scored_of(rows: Rows) -> Scored:
    diseased = np.array([d for d, _ in rows])
    return Scored(np.array([s / 20 for _, s in rows]), diseased, [str(k // 2) for k in range(len(rows))])


def simulated(n: int, *, seed: int = 5, radiographs_a_patient: int = 2) -> Scored:
    generator = np.random.default_rng(seed)
    diseased = np.arange(n) % 5 < 3
    scores = np.round(1 / (1 + np.exp(-generator.normal(size=n) - 2 * (diseased - 0.5))), 2)
    return Scored(scores, diseased, [str(k // radiographs_a_patient) for k in range(n)])


@given(ROWS)
def test_auc_is_that_of_scikit_learn_also_with_ties(rows: Rows) -> None:
    scored = scored_of(rows)
    assert auc_value(scored.scores, scored.diseased) == pytest.approx(roc_auc_score(scored.diseased, scored.scores))


@settings(max_examples=50)
@given(ROWS, st.integers(0, 20))
def test_figures_are_those_of_scikit_learn_and_lie_in_their_intervals(rows: Rows, threshold: int) -> None:
    scored = scored_of(rows)
    diseased, scores = scored.diseased, scored.scores
    found = figures(scored, threshold=threshold / 20, seed=0)
    assert found.average_precision.value == pytest.approx(average_precision_score(diseased, scores))
    assert found.brier.value == pytest.approx(brier_score_loss(diseased, scores))
    assert found.balanced_accuracy.value == pytest.approx(balanced_accuracy_score(diseased, scores >= threshold / 20))
    estimates = [value for _, value in found if isinstance(value, Estimate)]
    assert len(estimates) >= 7
    for estimate in estimates:
        assert 0 <= estimate.low <= estimate.value + 1e-9
        assert estimate.value - 1e-9 <= estimate.high <= 1
        assert estimate.low < estimate.high, estimate.method


def test_fractions_count_what_their_names_say() -> None:
    diseased = np.array([True, True, True, False, False])
    scores = np.array([0.9, 0.5, 0.1, 0.5, 0.2])
    found = figures(Scored(scores, diseased, ["a", "a", "b", "c", "d"]), threshold=0.5, seed=0)
    table = found.confusion
    assert (table.true_positive, table.false_negative, table.false_positive, table.true_negative) == (2, 1, 1, 1)
    assert found.precision is not None
    assert found.precision.value == pytest.approx(2 / 3)
    assert found.sensitivity.value == pytest.approx(2 / 3)
    assert found.specificity.value == pytest.approx(1 / 2)
    assert found.accuracy.value == pytest.approx(3 / 5)
    assert (found.n, found.positives, found.patients) == (5, 3, 4)
    assert [e.n for e in (found.precision, found.sensitivity, found.specificity, found.accuracy)] == [3, 3, 2, 5]
    assert (found.sensitivity.low, found.sensitivity.high) == wilson(2, 3)


def test_the_card_has_the_figures_of_the_evaluation() -> None:
    scored = simulated(100)
    found, on_card = figures(scored, threshold=0.4, seed=3), performance("a set", scored, threshold=0.4, seed=3)
    assert on_card.name == "a set"
    assert on_card.model_dump(exclude={"name"}).items() <= found.model_dump().items()


def test_without_a_positive_finding_there_is_no_precision() -> None:
    found = figures(simulated(100), threshold=1.01, seed=0)
    assert found.precision is None
    assert found.balanced_accuracy.value == 0.5
    assert found.balanced_accuracy.low < 0.5 < found.balanced_accuracy.high
    assert "Wilson" in found.balanced_accuracy.method


def test_figures_without_one_class_are_refused() -> None:
    with pytest.raises(DataSetError, match="both"):
        Scored(np.array([0.1, 0.2]), np.array([True, True]), ["a", "b"])


def test_a_score_that_is_no_number_is_refused() -> None:
    with pytest.raises(DataSetError, match="not a number"):
        Scored(np.array([0.1, np.nan]), np.array([True, False]), ["a", "b"])


@pytest.mark.parametrize(
    ("of_draws", "reference"),
    [(weighted.auc, roc_auc_score), (weighted.average_precision, average_precision_score)],
)
def test_bootstrap_equals_a_plain_loop_over_redrawn_patients(
    of_draws: Callable[[Scores, Diseased, Weights], Values], reference: Callable[..., float]
) -> None:
    scored = simulated(60)
    weights = patient_weights(scored.patients, seed=7, draws=200)
    plain = [
        reference(np.repeat(scored.diseased, counts), np.repeat(scored.scores, counts))
        for counts in weights.astype(int)
    ]
    assert of_draws(scored.scores, scored.diseased, weights) == pytest.approx(plain)


def test_the_interval_is_that_of_the_draws_in_the_middle() -> None:
    scored = simulated(60)
    values = weighted.auc(scored.scores, scored.diseased, patient_weights(scored.patients, seed=7))
    found = auc(scored, seed=7)
    assert found.method == BOOTSTRAP == "bootstrap by patient, 2000 draws"
    assert (found.low, found.high) == pytest.approx(tuple(np.quantile(values, [0.025, 0.975])))


def test_more_patients_narrow_the_interval_and_more_pictures_of_the_same_do_not() -> None:
    once = simulated(60, radiographs_a_patient=1)
    scores, diseased, patients = np.tile(once.scores, 4), np.tile(once.diseased, 4), list(once.patients) * 4
    few = auc(once, seed=1)
    copied = auc(Scored(scores, diseased, patients), seed=1)
    more = auc(Scored(scores, diseased, [str(k) for k in range(240)]), seed=1)
    assert (copied.low, copied.high) == pytest.approx((few.low, few.high))
    assert more.high - more.low < 0.7 * (few.high - few.low)


def test_the_same_seed_gives_the_same_figures() -> None:
    scored = simulated(80)
    assert figures(scored, threshold=0.5, seed=2) == figures(scored, threshold=0.5, seed=2)
    assert figures(scored, threshold=0.5, seed=2).auc != figures(scored, threshold=0.5, seed=3).auc


def test_perfect_separation_still_has_a_limit_short_of_perfection() -> None:
    diseased = np.array([True] * 30 + [False] * 20)
    found = figures(Scored(diseased.astype(float), diseased, [str(k) for k in range(50)]), threshold=0.5, seed=0)
    for estimate, limits in [
        (found.auc, wilson(20, 20)),
        (found.average_precision, wilson(20, 20)),
        (found.brier, wilson(0, 50)),
    ]:
        assert (estimate.low, estimate.high) == limits
        assert "perfect separation: Wilson on" in estimate.method
    assert (found.auc.value, found.brier.value) == (1, 0)
    assert found.balanced_accuracy.low < 0.95
    assert found.balanced_accuracy.high == 1


def test_perfect_separation_counts_patients_not_radiographs() -> None:
    diseased = np.array([True] * 6 + [False] * 4)
    estimate = auc(Scored(diseased.astype(float), diseased, list("aabcdeffgh")), seed=0)
    assert (estimate.low, estimate.high) == wilson(3, 3)


def test_one_score_for_everybody_is_not_taken_for_certainty() -> None:
    diseased = np.arange(40) % 2 == 0
    estimate = auc(Scored(np.full(40, 0.3), diseased, [str(k) for k in range(40)]), seed=0)
    assert (estimate.low, estimate.high) == wilson(10, 20)
    assert estimate.method == "every draw is the same: Wilson on 20 patients"


def test_one_patient_of_both_classes_gives_intervals_that_say_next_to_nothing() -> None:
    scored = Scored(np.array([0.9, 0.4, 0.6, 0.1]), np.array([True, True, False, False]), ["a"] * 4)
    found = figures(scored, threshold=0.5, seed=0)
    for estimate in (found.auc, found.average_precision, found.brier):
        assert estimate.high - estimate.low > 0.7
        assert estimate.method == f"fewer than {FEW_PATIENTS} patients to redraw: Wilson on 1 patient"


@pytest.mark.parametrize("diseased_patients", [4, 8, 22])
def test_intervals_of_the_auc_hold_the_truth_also_with_few_patients(diseased_patients: int) -> None:
    generator = np.random.default_rng(diseased_patients)
    diseased = np.arange(diseased_patients + 30) < diseased_patients
    patients = [str(k) for k in range(len(diseased))]
    held = 0
    for seed in range(120):
        scores = generator.normal(size=len(diseased)) + 1.4657 * diseased  # true AUC 0.85
        estimate = auc(Scored(scores, diseased, patients), seed=seed)
        held += estimate.low <= 0.85 <= estimate.high
    assert held / 120 > 0.88


def test_intervals_of_the_average_precision_hold_the_truth_also_where_nothing_is_redrawn() -> None:
    generator = np.random.default_rng(1)
    diseased = np.arange(49) < 9
    patients = [str(k) for k in range(49)]
    held = 0
    for seed in range(200):
        scores = generator.normal(size=49) + 1.8 * diseased  # true average precision 0.718 with this share of diseased
        estimate = average_precision(Scored(scores, diseased, patients), seed=seed)
        held += estimate.low <= 0.718 <= estimate.high
    assert held / 200 > 0.93


def test_figures_of_the_development_set_take_well_under_a_second() -> None:
    scored = simulated(266)
    figures(scored, threshold=0.5, seed=0)
    started = process_time()
    figures(scored, threshold=0.5, seed=0)
    assert process_time() - started < 0.5  # 0.1 s on the machine that it was measured on
