from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import brier_score_loss, roc_auc_score

from cxrscreen.classifier.estimate import Estimate
from cxrscreen.classifier.uncertain_band import UncertainBand
from cxrscreen.errors import DataSetError
from cxrscreen.evaluation.comparison import Judged, compare
from cxrscreen.evaluation.intervals import patient_weights, tango, wilson
from cxrscreen.evaluation.result import Comparison
from cxrscreen.types import Diseased, Scores

NAMED_BANDS = (("narrow", 0.4, 0.4), ("wide", 0.2, 0.9))


def banded(low: float, high: float) -> UncertainBand:
    rate = Estimate(value=0.5, low=0.4, high=0.6, n=10, method="made up")
    rates = dict.fromkeys(("missed", "found", "false_alarms", "cleared", "uncertain"), rate)
    return UncertainBand(low=low, high=high, largest_error=0.05, **rates)


def truth(n: int) -> Diseased:
    return np.arange(n) % 2 == 0


def scores_of(diseased: Diseased, *, strength: float, seed: int) -> Scores:
    noise = np.random.default_rng(seed).normal(size=len(diseased))
    return 1 / (1 + np.exp(-noise - strength * (diseased - 0.5)))


def model(diseased: Diseased, *, strength: float, seed: int, threshold: float = 0.4) -> Judged:
    return Judged(f"model-{seed}", scores_of(diseased, strength=strength, seed=seed), threshold)


def compared(
    champion: Judged, challenger: Judged, diseased: Diseased, patients: list[str] | None = None, *, seen: int = 0
) -> Comparison:
    alone = [str(k) for k in range(len(diseased))]
    return compare(champion, challenger, patients or alone, diseased, seen_by_champion=seen, seed=9)


def test_a_much_better_challenger_is_promoted_with_the_reason_first() -> None:
    diseased = truth(300)
    found = compared(model(diseased, strength=1, seed=1), model(diseased, strength=4, seed=2), diseased)
    assert found.verdict == "promote"
    assert found.reasons[0] == (
        "The challenger is better beyond chance in AUC, specificity and Brier score, and neither AUC nor sensitivity "
        "suffers."
    )
    assert found.auc is not None
    assert f"{found.auc.value:+.3f} ({found.auc.low:+.3f} to {found.auc.high:+.3f}), n = 300" in found.reasons[1]
    assert (found.champion, found.challenger) == ("model-1", "model-2")
    assert (found.n, found.positives, found.patients) == (300, 150, 300)


def test_a_much_worse_challenger_is_not() -> None:
    diseased = truth(300)
    found = compared(model(diseased, strength=4, seed=1), model(diseased, strength=1, seed=2), diseased)
    assert found.verdict == "keep"
    assert found.reasons[0].startswith("The challenger is worse beyond chance in AUC, sensitivity, specificity and")


def test_with_few_radiographs_nobody_can_tell() -> None:
    diseased = truth(40)
    found = compared(model(diseased, strength=2, seed=1), model(diseased, strength=2.3, seed=2), diseased)
    assert found.verdict == "cannot tell"
    assert any("takes 73 patients with COVID-19" in reason and "there are 20." in reason for reason in found.reasons)


def test_the_same_model_again_is_no_reason_to_change() -> None:
    diseased = truth(300)
    same = model(diseased, strength=3, seed=1)
    found = compared(same, same, diseased)
    assert found.verdict == "cannot tell"
    assert found.reasons[0] == "The challenger is not better beyond chance in AUC, specificity or Brier score."
    assert found.sensitivity is not None
    assert (found.sensitivity.low, found.sensitivity.high) == pytest.approx(tango(0, 0, 150))


def test_better_scores_with_a_threshold_that_clears_nobody_are_for_a_person_to_weigh() -> None:
    diseased = truth(300)
    found = compared(model(diseased, strength=2, seed=1), model(diseased, strength=3, seed=2, threshold=0), diseased)
    assert found.verdict == "cannot tell"
    assert found.reasons[0] == "The challenger is better in AUC and Brier score but worse in specificity."


def test_a_loss_of_sensitivity_outweighs_every_gain() -> None:
    diseased = truth(300)
    champion = model(diseased, strength=2, seed=1, threshold=0.2)
    found = compared(champion, model(diseased, strength=4, seed=2, threshold=0.9), diseased)
    assert found.auc is not None
    assert found.auc.low > 0
    assert found.verdict == "keep"
    assert "sensitivity" in found.reasons[0]


def test_differences_are_paired_challenger_minus_champion() -> None:
    diseased = truth(80)
    patients = [str(k // 2) for k in range(80)]
    old, new = model(diseased, strength=1.5, seed=1), model(diseased, strength=2, seed=2, threshold=0.5)
    found = compared(old, new, diseased, patients)
    weights = patient_weights(patients, seed=9)
    for difference, reference in ((found.auc, roc_auc_score), (found.brier, brier_score_loss)):
        assert difference is not None
        assert difference.value == pytest.approx(reference(diseased, new.scores) - reference(diseased, old.scores))
        drawn = [
            reference(diseased, new.scores, sample_weight=drawn) - reference(diseased, old.scores, sample_weight=drawn)
            for drawn in weights[:200]
        ]
        # the first 200 of the same 2000 draws, so near the limits but not at them
        assert (difference.low, difference.high) == pytest.approx(tuple(np.quantile(drawn, [0.025, 0.975])), abs=0.03)
        assert difference.n == 80
    assert found.sensitivity is not None
    assert found.specificity is not None
    assert found.sensitivity.value == pytest.approx(new.positive[diseased].mean() - old.positive[diseased].mean())
    assert found.specificity.value == pytest.approx(old.positive[~diseased].mean() - new.positive[~diseased].mean())
    assert (found.sensitivity.n, found.specificity.n) == (40, 40)


def test_pairing_narrows_the_difference_of_models_that_agree() -> None:
    diseased = truth(120)
    champion = model(diseased, strength=2, seed=1)
    shaken = np.clip(champion.scores + np.random.default_rng(0).normal(scale=0.01, size=120), 0, 1)
    alike = compared(champion, Judged("b", shaken, 0.4), diseased)
    other = compared(champion, model(diseased, strength=2, seed=2), diseased)
    assert alike.auc is not None
    assert other.auc is not None
    assert alike.auc.high - alike.auc.low < 0.3 * (other.auc.high - other.auc.low)


def test_radiographs_of_the_same_patients_do_not_count_as_more_patients() -> None:
    diseased, twice = truth(60), np.tile(truth(60), 2)
    old, new = model(diseased, strength=2, seed=1), model(diseased, strength=3, seed=2)
    once = compared(old, new, diseased)
    old_twice, new_twice = (Judged("x", np.tile(judged.scores, 2), 0.4) for judged in (old, new))
    doubled = compared(old_twice, new_twice, twice, [str(k % 60) for k in range(120)])
    for few, copied in ((once.auc, doubled.auc), (once.sensitivity, doubled.sensitivity), (once.brier, doubled.brier)):
        assert few is not None
        assert copied is not None
        assert (copied.low, copied.high) == pytest.approx((few.low, few.high))


def test_two_perfect_models_may_still_differ() -> None:
    diseased = truth(60)
    perfect = Judged("a", np.where(diseased, 0.9, 0.1), 0.5)
    found = compared(perfect, Judged("b", np.where(diseased, 0.8, 0.2), 0.5), diseased)
    assert found.auc is not None
    assert (found.auc.low, found.auc.high) == pytest.approx((wilson(30, 30)[0] - 1, 1 - wilson(30, 30)[0]))
    assert found.verdict == "cannot tell"


def test_one_patient_proves_nothing() -> None:
    diseased = truth(40)
    found = compared(
        model(diseased, strength=1, seed=1), model(diseased, strength=6, seed=2), diseased, ["the only one"] * 40
    )
    assert found.verdict == "cannot tell"


def test_without_a_radiograph_the_reason_is_said() -> None:
    nothing = np.array([], dtype=np.float64)
    found = compared(Judged("a", nothing, 0.5), Judged("b", nothing, 0.5), nothing.astype(bool), seen=54)
    assert found.verdict == "cannot tell"
    assert (found.auc, found.sensitivity, found.specificity, found.brier) == (None, None, None, None)
    assert found.reasons == (
        "No radiograph is left that both models may be judged on.",
        "54 radiographs were left out: the champion was developed on their patients.",
    )


def test_with_one_class_the_reason_is_said() -> None:
    scores = np.array([0.2, 0.7, 0.9])
    found = compared(Judged("a", scores, 0.5), Judged("b", scores, 0.5), np.array([True, True, True]), seen=1)
    assert (found.verdict, found.n, found.positives, found.auc) == ("cannot tell", 3, 3, None)
    assert found.reasons == (
        "Only radiographs of one class are left (3) that both models may be judged on.",
        "1 radiograph was left out: the champion was developed on its patient.",
    )


def test_a_score_that_is_no_number_is_refused() -> None:
    diseased = truth(20)
    with pytest.raises(DataSetError, match="not a number"):
        compared(Judged("a", np.full(20, np.nan), 0.5), model(diseased, strength=1, seed=2), diseased)


def test_a_challenger_that_is_no_better_is_hardly_ever_promoted() -> None:
    diseased = truth(160)
    verdicts = [
        compared(model(diseased, strength=3, seed=2 * k), model(diseased, strength=3, seed=2 * k + 1), diseased).verdict
        for k in range(20)
    ]
    assert verdicts.count("promote") <= 2


def test_models_with_bands_are_judged_by_what_screening_says() -> None:
    diseased = truth(300)
    scores = scores_of(diseased, strength=3, seed=1)
    narrow, wide = (Judged(name, scores, 0.4, band=banded(low, high)) for name, low, high in NAMED_BANDS)
    found = compared(narrow, wide, diseased)
    assert found.not_missed is not None
    assert found.found is not None
    assert found.spared is not None
    assert found.not_missed.value == pytest.approx(((scores >= 0.2) & (scores < 0.4))[diseased].mean())
    assert found.found.value == pytest.approx(-((scores >= 0.4) & (scores < 0.9))[diseased].mean())
    assert found.spared.value == pytest.approx(((scores >= 0.4) & (scores < 0.9))[~diseased].mean())
    assert (found.sensitivity, found.specificity) != (None, None)
    assert found.verdict != "promote"  # it spares and misses fewer only by leaving more to people
    assert any(reason.startswith("COVID-19 called positive: challenger minus champion -") for reason in found.reasons)


def test_a_champion_without_a_band_leaves_nothing_to_people() -> None:
    diseased = truth(300)
    scores = scores_of(diseased, strength=3, seed=1)
    found = compared(Judged("old", scores, 0.4), Judged("new", scores, 0.4, band=banded(0.2, 0.4)), diseased)
    assert found.found is not None
    assert found.found.value == 0
    assert found.not_missed is not None
    assert found.not_missed.value > 0
    without = compared(Judged("old", scores, 0.4), Judged("new", scores, 0.4), diseased)
    assert without.not_missed is without.found is without.spared is None
