from __future__ import annotations

import numpy as np
import pytest

from cxrscreen.classifier.neighbours import Neighbours
from cxrscreen.errors import ModelError


def drawn(n: int, width: int = 6, seed: int = 4) -> np.ndarray:
    return np.random.default_rng(seed).random((n, width))


def test_distance_is_the_mean_to_the_three_nearest_and_lengths_do_not_matter() -> None:
    kept = np.eye(5)
    asked = np.array([[3.0, 3.0, 0, 0, 0], [0, 0, 0, 0, 0.2]])
    cosines = np.array([2 / np.sqrt(2), 1]) / 3
    assert Neighbours.of(7 * kept).distances(asked) == pytest.approx(1 - cosines, abs=1e-3)


def test_a_radiograph_that_was_kept_is_near_and_without_its_patient_it_is_not() -> None:
    kept = np.repeat(np.eye(4), 3, axis=0)
    patients = [str(place // 3) for place in range(12)]
    neighbours = Neighbours.of(kept)
    assert neighbours.distances(kept) == pytest.approx(np.zeros(12), abs=1e-6)
    assert neighbours.left_out_distances(kept, patients, patients) == pytest.approx(np.ones(12))


def test_nothing_asked_nothing_answered() -> None:
    assert Neighbours.of(drawn(5)).distances(np.empty((0, 6))).shape == (0,)


def test_half_precision_moves_distances_by_less_than_a_thousandth() -> None:
    kept, asked = drawn(50, 512), drawn(20, 512, seed=9)
    kept_unit, asked_unit = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in (kept, asked))
    exact = 1 - np.sort(asked_unit @ kept_unit.T, axis=1)[:, -3:].mean(axis=1)
    assert np.abs(Neighbours.of(kept).distances(asked) - exact).max() < 1e-3


def test_features_without_any_signal_are_as_far_as_unrelated_ones() -> None:
    assert Neighbours.of(np.eye(4)).distances(np.zeros((1, 4))) == pytest.approx([1.0])


@pytest.mark.parametrize("kept", [np.eye(2), np.full((4, 4), np.nan), np.ones(8)])
def test_too_few_or_damaged_neighbours_are_no_neighbours(kept: np.ndarray) -> None:
    with pytest.raises(ModelError, match="neighbours"):
        Neighbours(kept.astype(np.float16))


def test_features_of_another_width_belong_to_another_model() -> None:
    with pytest.raises(ModelError, match="not those"):
        Neighbours.of(drawn(5)).distances(drawn(2, 7))


def test_one_patient_alone_has_nobody_to_be_compared_with() -> None:
    with pytest.raises(ModelError, match="other patients"):
        Neighbours.of(drawn(5)).left_out_distances(drawn(5), ["a"] * 5, ["a"] * 5)
