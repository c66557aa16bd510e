from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cxrscreen.classifier.gate_card import GateCard
from cxrscreen.errors import DataSetError
from cxrscreen.evaluation.intervals import wilson
from cxrscreen.phantom.golden import golden_phantom
from cxrscreen.training.gate_making import LookedAt, make_gate, signatures_of_all_ways
from tests.lungs.drawn_looks import ONE_LUNG, looks, signatures

N = 40
PART = np.arange(N) % 20 // 5
FOLDS = [(np.flatnonzero(part != PART), np.flatnonzero(part == PART)) for part in range(4)]


@pytest.fixture(scope="module")
def seen() -> LookedAt:
    """Two radiographs of each of twenty patients; eight phantoms' edges among them."""
    return LookedAt(
        [looks(seed, pattern=0.4 + 0.005 * seed) for seed in range(N)],
        np.stack([signatures(seed % 8) for seed in range(N)]),
        [f"P{seed % 20}" for seed in range(N)],
    )


def test_a_gate_is_made_and_measured_on_patients_left_out(seen: LookedAt) -> None:
    gate, card, _ = make_gate(seen, FOLDS, segmenter_sha256="1" * 64)
    assert (card.n, card.patients) == (N, 20)
    assert card.limits.segmenter_sha256 == "1" * 64
    assert card.refused.value == 0
    assert card.flagged.value <= 0.2
    assert card.turned_found.value == 1
    assert card.turned_found.n == N  # six views of one radiograph are no six radiographs
    assert card.turned_found.low == pytest.approx(wilson(20, 20)[0])  # nor two of one patient two patients
    assert card.negatives_found.value == 1
    assert card.limits.pattern_from == pytest.approx(1.1 * (0.4 + 0.005 * (N - 1)))
    assert card.limits.refused_from > card.limits.strange_from
    assert card.in_test is None
    assert card.limits.unmirrored_from <= 0
    assert GateCard.model_validate_json(card.model_dump_json()) == card
    passed, turned, strange = gate.admit([looks(100), looks(101, way=4), looks(102, strange=("block4", "edges"))])
    assert passed.refusal is None
    assert turned.refusal is not None
    assert strange.refusal is not None


def test_limits_compare_no_radiograph_with_its_own_patient(seen: LookedAt) -> None:
    twins = LookedAt(
        [seen.looks[place // 2] for place in range(N)],
        np.stack([seen.all_ways[place // 2] for place in range(N)]),
        [f"P{place // 2}" for place in range(N)],
    )
    halves = np.arange(N // 2), np.arange(N // 2, N)
    _, card, _ = make_gate(twins, [halves, halves[::-1]], segmenter_sha256="1" * 64)
    assert min(card.limits.far_from["block4"], card.limits.far_from["lungs"]) > 0.01


def test_one_odd_picture_among_the_accepted_ones_hardly_moves_the_limits(seen: LookedAt) -> None:
    odd = [looks(500, strange=("block4", "lungs")), *seen.looks[1:]]
    (_, usual, _), (_, moved, _) = (
        make_gate(LookedAt(some, seen.all_ways, seen.patients), FOLDS, segmenter_sha256="1" * 64, quantile=0.9)
        for some in (seen.looks, odd)
    )
    assert moved.limits.refused_from == pytest.approx(usual.limits.refused_from, rel=0.15)
    assert moved.refused.value == 1 / N  # and it is refused by the gates that were made without it


def test_folds_that_leave_radiographs_out_are_refused(seen: LookedAt) -> None:
    with pytest.raises(DataSetError, match="every radiograph"):
        make_gate(seen, FOLDS[:3], segmenter_sha256="1" * 64)


def test_a_part_of_a_set_has_its_own_radiographs(seen: LookedAt) -> None:
    part = seen.part(np.array([1]))
    assert part.patients == [seen.patients[1]]
    assert np.array_equal(part.looks[0].edges, seen.looks[1].edges)
    assert np.array_equal(part.all_ways, seen.all_ways[1:2])


def test_radiographs_without_lung_fields_count_as_refused_and_nothing_is_made_from_them(seen: LookedAt) -> None:
    faulty = [replace(one, block4=None, fields=ONE_LUNG) if place < 2 else one for place, one in enumerate(seen.looks)]
    gate, card, _ = make_gate(LookedAt(faulty, seen.all_ways, seen.patients), FOLDS, segmenter_sha256="1" * 64)
    assert card.n == N
    assert card.refused.value == 2 / N
    assert gate.arrays()["neighbours/block4"].shape == (N - 2, 512)


def test_signatures_of_all_ways_begin_with_the_picture_itself() -> None:
    assert np.array_equal(signatures_of_all_ways(golden_phantom(3, opacities=False)), signatures(3))
