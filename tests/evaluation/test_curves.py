from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import precision_recall_curve, roc_curve

from cxrscreen.evaluation.curves import LEAST_IN_BIN, calibration, curve
from cxrscreen.evaluation.intervals import wilson
from cxrscreen.evaluation.scored import Scored

Rows = list[tuple[bool, int]]
ROWS = st.lists(st.tuples(st.booleans(), st.integers(0, 20)), min_size=2, max_size=80).filter(
    lambda rows: len({diseased for diseased, _ in rows}) == 2
)


def scored_of(rows: Rows) -> Scored:
    diseased = np.array([d for d, _ in rows])
    return Scored(np.array([s / 20 for _, s in rows]), diseased, [str(k) for k in range(len(rows))])


@given(ROWS)
def test_the_curve_is_that_of_scikit_learn(rows: Rows) -> None:
    scored = scored_of(rows)
    points = curve(scored)
    false_positive_rate, sensitivity, thresholds = roc_curve(scored.diseased, scored.scores, drop_intermediate=False)
    assert [point.false_positive_rate for point in points] == pytest.approx(false_positive_rate.tolist())
    assert [point.sensitivity for point in points] == pytest.approx(sensitivity.tolist())
    assert [point.threshold for point in points[1:]] == thresholds[1:].tolist()
    precision, _, rising = precision_recall_curve(scored.diseased, scored.scores)
    assert [point.precision for point in points[1:]] == pytest.approx(precision[:-1][::-1].tolist())
    assert len(rising) == len(points) - 1


@given(ROWS)
def test_the_curve_goes_from_nothing_to_everything(rows: Rows) -> None:
    first, *_, last = curve(scored_of(rows))
    assert (first.threshold, first.sensitivity, first.false_positive_rate, first.precision) == (None, 0, 0, None)
    assert (last.sensitivity, last.false_positive_rate) == (1, 1)


@given(ROWS, st.integers(1, 12))
def test_calibration_counts_everybody_once_and_keeps_ties_together(rows: Rows, bins: int) -> None:
    scored = scored_of(rows)
    found = calibration(scored, bins=bins)
    assert 1 <= len(found) <= max(1, min(bins, len(rows) // LEAST_IN_BIN))
    assert sum(part.observed.n for part in found) == len(rows)
    assert sum(part.observed.value * part.observed.n for part in found) == pytest.approx(scored.diseased.sum())
    assert sum(part.mean_score * part.observed.n for part in found) == pytest.approx(scored.scores.sum())
    means = [part.mean_score for part in found]
    assert means == sorted(set(means))


def test_bins_of_distinct_scores_are_equally_full() -> None:
    scores = np.random.default_rng(2).permutation(200) / 200
    found = calibration(Scored(scores, scores > 0.5, [str(k) for k in range(200)]), bins=8)
    assert [part.observed.n for part in found] == [25] * 8
    assert found[0].mean_score == pytest.approx(np.arange(25).mean() / 200)
    assert (found[0].observed.low, found[0].observed.high) == wilson(0, 25)


def test_half_the_set_at_one_score_is_one_bin() -> None:
    scores = np.concatenate([np.full(50, 0.99), np.linspace(0, 0.9, 50)])
    found = calibration(Scored(scores, scores > 0.6, [str(k) for k in range(100)]))
    assert found[-1].observed.n == 50
    assert found[-1].mean_score == pytest.approx(0.99)
