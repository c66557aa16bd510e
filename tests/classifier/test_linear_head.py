from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from cxrscreen.classifier.linear_head import BOUND, LinearHead
from cxrscreen.errors import ModelError
from cxrscreen.types import Diseased, Pooled

N, FEATURES = 120, 12


def drawn(seed: int = 1, *, signal: int = 3) -> tuple[Pooled, Diseased]:
    """Features of which one follows the disease."""
    generator = np.random.default_rng(seed)
    diseased = np.arange(N) % 2 == 0
    pooled = generator.gamma(4, 1, (N, FEATURES))
    pooled[:, signal] += 6 * diseased
    return pooled.astype(np.float32), diseased


def fitted(
    pooled: Pooled, diseased: Diseased, *, penalty: float = 0.01, counts: NDArray[np.float64] | None = None
) -> LinearHead:
    equal = np.ones(len(pooled)) if counts is None else counts
    return LinearHead.fitted(pooled, diseased, equal, standardised_by=pooled, penalty=penalty)


def test_it_finds_the_feature_that_follows_the_disease() -> None:
    head = fitted(*drawn())
    assert int(np.abs(head.weights).argmax()) == 3
    new, truth = drawn(seed=2)
    scores = head.scores_pooled(new)
    assert np.mean(scores[truth][:, None] > scores[~truth][None]) > 0.9


def test_the_same_radiographs_give_the_same_head() -> None:
    one, other = fitted(*drawn()), fitted(*drawn())
    assert (one.weights == other.weights).all()
    assert one.bias == other.bias


def test_a_feature_far_outside_of_all_that_was_seen_moves_the_score_no_further_than_its_bound() -> None:
    pooled, diseased = drawn()
    head = fitted(pooled, diseased)
    at_bound, beyond = pooled[:1].copy(), pooled[:1].copy()
    at_bound[0, 3] = head.centre[3] + BOUND * head.scale[3]
    beyond[0, 3] = 1e6
    assert head.log_odds(beyond)[0] == pytest.approx(head.log_odds(at_bound)[0], abs=1e-5)


def test_a_feature_that_hardly_varies_is_not_blown_up() -> None:
    pooled, diseased = drawn()
    pooled[:, 5] = 1 + 1e-6 * diseased  # tells the classes apart, but by nothing that is more than rounding
    head = fitted(pooled, diseased)
    assert abs(float(head.weights[5])) < 0.01


def test_more_penalty_makes_smaller_weights() -> None:
    pooled, diseased = drawn()
    lengths = [np.linalg.norm(fitted(pooled, diseased, penalty=penalty).weights) for penalty in (0.001, 0.03, 1.0)]
    assert lengths[0] > lengths[1] > lengths[2]


def test_only_the_ratios_of_the_counts_matter_and_a_count_of_two_is_two_rows() -> None:
    pooled, diseased = drawn()
    counts = np.ones(N)
    counts[:10] = 2
    twice = np.concatenate([pooled, pooled[:10]])
    one = fitted(pooled, diseased, counts=7 * counts)
    other = LinearHead.fitted(
        twice, np.concatenate([diseased, diseased[:10]]), np.ones(N + 10), standardised_by=pooled, penalty=0.01
    )
    assert one.weights == pytest.approx(other.weights, abs=1e-4)


def test_what_a_bundle_keeps_gives_the_same_scores() -> None:
    pooled, diseased = drawn()
    head = fitted(pooled, diseased)
    again = LinearHead.from_arrays(head.arrays(), features=FEATURES)
    assert (again.log_odds(pooled) == head.log_odds(pooled)).all()


@pytest.mark.parametrize("fault", ["missing", "shape", "scale"])
def test_a_damaged_head_is_refused(fault: str) -> None:
    arrays = fitted(*drawn()).arrays()
    if fault == "missing":
        del arrays["bias"]
    elif fault == "shape":
        arrays["weights"] = arrays["weights"][:-1]
    else:
        arrays["scale"] = np.zeros_like(arrays["scale"])
    with pytest.raises(ModelError, match="Restore"):
        LinearHead.from_arrays(arrays, features=FEATURES)


def drawn_maps(seed: int = 3) -> NDArray[np.float32]:
    return np.random.default_rng(seed).gamma(4, 1, (2, 14, 14, FEATURES)).astype(np.float32)


def test_a_map_is_scored_by_the_mean_of_its_cells() -> None:
    maps, head = drawn_maps(), fitted(*drawn())
    assert head.scores(maps) == pytest.approx(head.scores_pooled(maps.reshape(2, -1, FEATURES).mean(axis=1)), rel=1e-5)


def test_cells_add_up_to_the_log_odds() -> None:
    maps, head = drawn_maps(), fitted(*drawn())
    by_cell = np.einsum("nijc->nij", (maps - head.centre) / head.scale * head.weights) / 14**2
    pooled = maps.mean(axis=(1, 2))
    assert by_cell.sum(axis=(1, 2)) + head.bias == pytest.approx(head.log_odds(pooled), abs=1e-4)
    found = head.activation_maps(maps)
    positive = np.maximum(by_cell, 0)
    assert found == pytest.approx(positive / positive.max(axis=(1, 2), keepdims=True), abs=1e-3)
    assert (head.activation_maps(maps, variant="guided") == found).all()


def test_a_cell_that_speaks_for_the_disease_is_the_brightest() -> None:
    maps, head = drawn_maps(), fitted(*drawn())
    maps[:, 7, 9] = head.centre + 2 * np.maximum(head.weights, 0) * head.scale * 20
    assert int(head.activation_maps(maps)[0].argmax()) == 7 * 14 + 9


def test_where_nothing_speaks_for_the_disease_the_map_is_zero() -> None:
    maps = drawn_maps()
    head = LinearHead(
        np.zeros(FEATURES, np.float32), np.full(FEATURES, 10, np.float32), -np.ones(FEATURES, np.float32), 0.0
    )
    assert head.activation_maps(maps).max() == 0
    assert head.activation_maps(maps[:0]).shape == (0, 14, 14)


def test_a_map_counts_from_the_blank_picture_where_one_is_given() -> None:
    maps, head = drawn_maps(), fitted(*drawn())
    blank = drawn_maps(9)[0]
    maps[:, 3:5] = blank[3:5]
    found = replace(head, blank=blank).activation_maps(maps)
    assert found[:, 3:5].max() == 0
    assert found.max() == 1
    again = LinearHead.from_arrays(replace(head, blank=blank).arrays(), features=FEATURES)
    assert again.blank is not None
    assert (again.blank == blank).all()
