from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cxrscreen.classifier.estimate import Estimate
from cxrscreen.classifier.gate_card import GateCard, GateLimits, gate_sentences
from cxrscreen.classifier.neighbours import Neighbours
from cxrscreen.classifier.pose import PoseReader
from cxrscreen.errors import ModelError
from cxrscreen.lungs.gate import (
    CHILD,
    KINDS,
    MIRRORED,
    SCREEN,
    STRANGE,
    UNSURE_POSE,
    Gate,
    Looks,
    look_at,
    strangeness_of,
)
from cxrscreen.phantom.golden import golden_phantom
from cxrscreen.radiograph.refusal import Reason
from tests.lungs.drawn_looks import LUNG_FIELDS, ONE_LUNG, features, looks, signatures


def stacked(seeds: range) -> dict[str, np.ndarray]:
    return {kind: np.stack([getattr(looks(seed), kind) for seed in seeds]) for kind in KINDS}


MADE_FROM = stacked(range(8))
NEIGHBOURS = {kind: Neighbours.of(MADE_FROM[kind]) for kind in KINDS}
OTHERS = stacked(range(50, 80))
LIMITS = GateLimits(
    segmenter_sha256="0" * 64,
    quantile=0.98,
    far_from={kind: 1.3 * float(NEIGHBOURS[kind].distances(OTHERS[kind]).max()) for kind in KINDS},
    strange_from=0.8,
    refused_from=1.1,
    lead=0.08,
    unmirrored_from=-0.02,
    pattern_from=1.0,
)


@pytest.fixture(scope="module")
def gate() -> Gate:
    return Gate(LIMITS, NEIGHBOURS, PoseReader.fitted(np.stack([signatures(seed) for seed in range(5)])))


def test_a_radiograph_like_the_others_passes_without_a_word(gate: Gate) -> None:
    for admission in gate.admit([looks(seed) for seed in (20, 21, 22)]):
        assert admission.refusal is None
        assert admission.notices == ()
        assert 0 < admission.strangeness < 1


@pytest.mark.parametrize(
    ("way", "reason", "words"),
    [
        (2, Reason.TURNED, "side"),
        (4, Reason.TURNED, "upside down"),
        (5, Reason.TURNED, "upside down"),
        (6, Reason.TURNED, "side"),
        (8, Reason.NEGATIVE, "negative"),
        (13, Reason.NEGATIVE, "negative"),
    ],
)
def test_turned_and_negative_pictures_are_refused_with_their_reason(
    gate: Gate, way: int, reason: Reason, words: str
) -> None:
    refusal = gate.admit([looks(30, way=way)])[0].refusal
    assert refusal is not None
    assert refusal.reason is reason
    assert words in refusal.detail


@pytest.mark.parametrize("strange", [("lungs", "edges"), ("block4", "edges"), ("block4", "lungs", "edges")])
def test_what_is_strange_to_two_looks_is_refused(gate: Gate, strange: tuple[str, ...]) -> None:
    refusal = gate.admit([looks(31, strange=strange)])[0].refusal
    assert refusal is not None
    assert refusal.reason is Reason.NOT_FRONTAL_CHEST


def test_a_patient_whose_lungs_alone_are_strange_is_flagged_and_not_refused(gate: Gate) -> None:
    admission = gate.admit([looks(32, strange=("lungs",))])[0]
    assert admission.refusal is None
    assert admission.notices == (STRANGE,)


def test_mask_and_features_of_the_segmenter_are_one_look(gate: Gate) -> None:
    refusal = gate.admit([looks(32, strange=("lungs",), fields=ONE_LUNG)])[0].refusal
    assert refusal is not None
    assert refusal.reason is Reason.NO_LUNG_FIELDS


def test_a_texture_far_beyond_all_others_counts_for_two(gate: Gate) -> None:
    patient = looks(33, strange=("block4",))
    nearly_far = {**LIMITS.far_from, "lungs": 0.05, "edges": 0.08}
    limits = LIMITS.model_copy(update={"far_from": nearly_far})
    admission = Gate.from_arrays(limits, gate.arrays()).admit([patient])[0]
    assert admission.refusal is not None


def test_without_lung_fields_there_is_no_score_and_the_fault_is_the_reason(gate: Gate) -> None:
    whole, spared = gate.admit([looks(34, fields=ONE_LUNG), without_block4(looks(34, fields=ONE_LUNG))])
    for admission in (whole, spared):
        assert admission.refusal is not None
        assert admission.refusal.reason is Reason.NO_LUNG_FIELDS
        assert ONE_LUNG.fault is not None
        assert admission.refusal.detail == ONE_LUNG.fault.sentence


def test_without_lung_fields_two_looks_at_an_unlike_picture_say_that_it_is_no_chest(gate: Gate) -> None:
    for strange in (("lungs", "edges"), ("edges",)):  # the missing lungs are the second sign
        refusal = gate.admit([without_block4(looks(35, strange=strange, fields=ONE_LUNG))])[0].refusal
        assert refusal is not None
        assert refusal.reason is Reason.NOT_FRONTAL_CHEST


def without_block4(whole: Looks) -> Looks:
    return replace(whole, block4=None)


def test_the_doubtful_is_flagged_in_words(gate: Gate) -> None:
    cases = {
        MIRRORED: looks(36, way=1),
        SCREEN: looks(36, pattern=1.0),
        CHILD: looks(36, age_years=17.9),
        UNSURE_POSE: looks(37, strange=("edges",)),
    }
    limits = LIMITS.model_copy(update={"lead": 0.5, "refused_from": 5.0, "unmirrored_from": 0.0})
    admissions = Gate.from_arrays(limits, gate.arrays()).admit(list(cases.values()))
    for sentence, admission in zip(cases, admissions, strict=True):
        if sentence == UNSURE_POSE and sentence not in admission.notices:
            pytest.skip("noise happened to fit upright best")
        assert sentence in admission.notices
        assert admission.refusal is None
    assert CHILD not in gate.admit([looks(36, age_years=18)])[0].notices


def test_what_the_model_was_made_from_is_known_again_and_other_radiographs_are_not(gate: Gate) -> None:
    again, others = [looks(seed) for seed in range(8)], [looks(seed) for seed in range(50, 60)]
    faded = [1.01 * one.block4 + 1e-4 * features("block4", 99) for one in again if one.block4 is not None]
    assert gate.knows(np.stack(faded), [one.edges for one in again]).all()
    block4 = np.stack([one.block4 for one in others if one.block4 is not None])
    assert not gate.knows(block4, [one.edges for one in others]).any()
    assert gate.knows(np.zeros((0, 512)), []).shape == (0,)


def test_a_gate_comes_back_from_its_arrays_to_the_same_judgement(gate: Gate) -> None:
    several = [looks(40), looks(41, way=4), looks(42, strange=("block4", "edges"))]
    again = Gate.from_arrays(LIMITS, gate.arrays())
    for one, other in zip(gate.admit(several), again.admit(several), strict=True):
        assert one.strangeness == other.strangeness
        assert one.notices == other.notices
        assert (one.refusal is None) == (other.refusal is None)
    assert again.admit([]) == []


def test_a_gate_works_with_the_segmenter_only_that_it_was_made_with(gate: Gate) -> None:
    gate.check_segmenter("0" * 64)
    with pytest.raises(ModelError, match="another lung segmenter"):
        gate.check_segmenter("1" * 64)


def test_an_incomplete_gate_is_a_damaged_model(gate: Gate) -> None:
    arrays = gate.arrays()
    del arrays["neighbours/lungs"]
    with pytest.raises(ModelError, match="gate"):
        Gate.from_arrays(LIMITS, arrays)


def test_strangeness_is_the_mean_of_the_known_distances_in_units_of_their_limits_each_twice_at_most() -> None:
    ratios = np.array([[1, 0.5, 0.3], [9, 1, 0], [np.nan, 1.0, 0.5]])
    assert strangeness_of(ratios) == pytest.approx([0.6, 1, 0.75])


def test_looking_at_a_picture_takes_edges_and_pattern_from_it() -> None:
    pixels = golden_phantom(2, opacities=False)
    seen = look_at(pixels, block4=features("block4", 1), lungs=features("lungs", 1), fields=LUNG_FIELDS, age_years=40)
    assert np.array_equal(seen.edges, signatures(2)[0])
    assert 0 < seen.pattern < 1
    assert seen.age_years == 40


def test_the_card_says_in_words_what_the_gate_costs() -> None:
    share = Estimate(value=0.0125, low=0.005, high=0.031, n=240, method="Wilson, radiographs taken as independent")
    card = GateCard(
        limits=LIMITS,
        n=240,
        patients=180,
        refused=share,
        flagged=share,
        turned_found=share,
        negatives_found=share,
        mirrored_found=share,
    )
    said = " ".join(gate_sentences(card))
    assert "98% quantile of 240 radiographs of 180 patients" in said
    assert "1.2% (0.5% to 3.1%, n = 240) are refused" in said
