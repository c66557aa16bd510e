from __future__ import annotations

import numpy as np
import pytest

from cxrscreen.classifier.shortcut_audit import ShortcutAudit
from cxrscreen.evaluation.audited_shortcuts import ChangedScores, exchanged_auc, same_view_auc, shortcut_audit
from cxrscreen.evaluation.scored import Scored
from cxrscreen.types import Scores

N = 160
DISEASED = np.arange(N) < 90
PATIENTS = [str(n // 2) for n in range(N)]


def scores(strength: float, *, seed: int) -> Scores:
    """Scores that follow the disease by ``strength`` standard deviations."""
    odds = np.random.default_rng(seed).normal(0, 1, N) + strength * DISEASED
    return 1 / (1 + np.exp(-odds))


def audit(*, intact: Scores, lungs_out: Scores, exchanged: float = 1) -> ShortcutAudit:
    changed = ChangedScores(
        intact=intact, lungs_out=lungs_out, lungs_only=scores(2, seed=3), exchanged=scores(exchanged, seed=4)
    )
    truth = Scored(intact, DISEASED, PATIENTS)
    return shortcut_audit(changed, truth, views=[None] * N, without_fields=3, seed=1)


def test_a_model_that_needs_the_lungs_is_shown_to_use_them() -> None:
    found = audit(intact=scores(3, seed=1), lungs_out=scores(0, seed=2))
    assert found.shown_to_use_lungs
    assert found.difference.value == pytest.approx(found.intact.value - found.lungs_out.value)
    assert 0 < found.difference.low < found.difference.value < found.difference.high
    assert (found.n, found.positives, found.patients, found.without_fields) == (N, 90, 80, 3)
    assert found.lungs_only.value > 0.5
    assert found.sentence.startswith("shown to use the lungs; AUC 0.9")


def test_a_model_that_loses_by_the_lungs_but_calls_exchanged_ones_by_their_background_is_not() -> None:
    found = audit(intact=scores(3, seed=1), lungs_out=scores(1, seed=2), exchanged=-1)
    assert found.difference.low > 0
    assert not found.shown_to_use_lungs
    assert found.follows_the_rest
    assert "follows the rest of the picture" in found.sentence


def test_exchanges_that_say_nothing_show_nothing_either_way() -> None:
    found = audit(intact=scores(3, seed=1), lungs_out=scores(0, seed=2), exchanged=0.2)
    assert not found.shown_to_use_lungs
    assert not found.follows_the_rest


def test_a_model_that_reads_a_corner_marker_is_not() -> None:
    marker = scores(3, seed=1)
    found = audit(intact=marker, lungs_out=np.clip(marker + np.random.default_rng(2).normal(0, 0.02, N), 0, 1))
    assert not found.shown_to_use_lungs
    assert found.difference.low < 0 < found.difference.high


def test_the_difference_is_paired_so_that_what_both_share_cancels_out() -> None:
    intact = scores(1.5, seed=1)
    blurred = np.clip(intact - 0.05 * DISEASED, 0, 1)
    found = audit(intact=intact, lungs_out=blurred)
    alone = found.intact.high - found.intact.low
    assert found.difference.high - found.difference.low < alone / 3


def test_backgrounds_that_a_few_patients_share_widen_the_interval_of_exchanged_lungs() -> None:
    """The score is the background's alone: 160 exchanges into radiographs of four patients are no 160 findings."""
    generator = np.random.default_rng(5)
    few = np.where(DISEASED, N - 1 - generator.integers(0, 4, N), generator.integers(0, 4, N))
    of_background = Scored(generator.random(N // 2)[few // 2], DISEASED, PATIENTS)
    alone, shared = (exchanged_auc(of_background, behind, seed=1) for behind in (None, few))
    assert shared.value == alone.value
    assert shared.high - shared.low > 1.5 * (alone.high - alone.low)
    assert "backgrounds; rather too wide" in shared.method


def test_a_perfect_separation_of_exchanged_lungs_keeps_its_own_interval() -> None:
    perfect = Scored(np.where(DISEASED, 0.9, 0.1), DISEASED, PATIENTS)
    assert exchanged_auc(perfect, np.arange(N), seed=1) == exchanged_auc(perfect, None, seed=1)


def test_a_view_that_follows_the_class_gives_nothing_within_one_view() -> None:
    views = ["AP" if one else "PA" for one in DISEASED]
    views[:10], views[-10:] = ["PA"] * 10, ["AP"] * 10
    of_view = Scored(np.array([view == "AP" for view in views], dtype=float), DISEASED, PATIENTS)
    found = same_view_auc(of_view, views, seed=1)
    assert found is not None
    assert found.value == 0.5
    assert found.n == N


def test_pairs_of_one_view_are_counted_as_by_hand() -> None:
    scored = Scored(
        np.array([0.9, 0.2, 0.5, 0.7, 0.1, 0.3, 0.8]),
        np.array([True, False, True, False, True, False, False]),
        [str(n) for n in range(7)],
    )
    views = ["PA", "PA", "AP", "AP", "AP", "AP", None]
    found = same_view_auc(scored, views, seed=1)
    assert found is not None
    assert found.value == pytest.approx((1 + 0 + 1 + 0 + 0) / 5)  # PA: 1 of 1 pair; AP: 1 of 4
    assert found.n == 6
    assert "Wilson" in found.method


def test_without_a_view_that_both_classes_have_there_is_no_figure() -> None:
    scored = Scored(np.array([0.1, 0.9]), np.array([False, True]), ["a", "b"])
    assert same_view_auc(scored, ["PA", "AP"], seed=1) is None
    assert same_view_auc(scored, [None, None], seed=1) is None
