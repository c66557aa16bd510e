from __future__ import annotations

import pytest

from cxrscreen.classifier.estimate import Estimate
from cxrscreen.classifier.shortcut_audit import ShortcutAudit
from cxrscreen.evaluation.result import Verdict
from cxrscreen.evaluation.verdict import BY_FRAMING, BandDifferences, Differences, held_to_lungs, judge
from tests.evaluation.evaluation_samples import shortcuts

Interval = tuple[float, float]
NONE: Interval = (-0.01, 0.01)


def estimate(interval: Interval) -> Estimate:
    return Estimate(value=sum(interval) / 2, low=interval[0], high=interval[1], n=200, method="made up")


def judged(
    *, auc: Interval = NONE, sensitivity: Interval = NONE, specificity: Interval = NONE, brier: Interval = NONE
) -> tuple[Verdict, tuple[str, ...]]:
    differences = Differences(
        auc=estimate(auc), sensitivity=estimate(sensitivity), specificity=estimate(specificity), brier=estimate(brier)
    )
    return judge(differences, diseased_patients=100, seen_by_champion=0)


@pytest.mark.parametrize("gain", [{"auc": (0.01, 0.05)}, {"specificity": (0.01, 0.2)}, {"brier": (-0.05, -0.01)}])
def test_any_gain_promotes_where_nothing_is_lost(gain: dict[str, Interval]) -> None:
    assert judged(**gain)[0] == "promote"


def test_more_sensitivity_alone_may_be_a_lower_threshold_and_does_not_promote() -> None:
    assert judged(sensitivity=(0.01, 0.1), specificity=(-0.1, 0.01))[0] == "cannot tell"


def judged_by_band(*, not_missed: Interval = NONE, found: Interval = NONE) -> tuple[Verdict, tuple[str, ...]]:
    band = BandDifferences(not_missed=estimate(not_missed), found=estimate(found), spared=estimate(NONE))
    differences = Differences(
        auc=estimate(NONE), sensitivity=estimate(NONE), specificity=estimate(NONE), brier=estimate(NONE), band=band
    )
    return judge(differences, diseased_patients=100, seen_by_champion=0)


def test_more_covid_that_is_called_positive_promotes_where_nothing_is_lost() -> None:
    verdict, reasons = judged_by_band(found=(0.1, 0.2))
    assert verdict == "promote"
    assert reasons[0].startswith("The challenger is better beyond chance in COVID-19 called positive, and neither ")


def test_more_covid_that_is_called_positive_does_not_outweigh_what_may_be_missed() -> None:
    assert judged_by_band(found=(0.1, 0.2), not_missed=(-0.05, 0.01))[0] == "cannot tell"
    assert judged_by_band(found=(0.1, 0.2), not_missed=(-0.3, -0.001))[0] == "keep"


def test_with_a_band_no_gain_is_told_of_all_that_might_have_gained() -> None:
    verdict, reasons = judged_by_band(not_missed=(0.1, 0.2))
    assert verdict == "cannot tell"
    assert reasons[0].endswith("in AUC, COVID-19 called positive, normal not called positive or Brier score.")


@pytest.mark.parametrize("loss", [{"auc": (-0.04, -0.001)}, {"sensitivity": (-0.3, -0.001)}])
def test_a_loss_of_auc_or_sensitivity_keeps_the_champion_whatever_is_gained(loss: dict[str, Interval]) -> None:
    verdict, reasons = judged(**loss, brier=(-0.05, -0.01))
    assert verdict == "keep"
    assert next(iter(loss)).lower() in reasons[0].lower()


@pytest.mark.parametrize("loss", [{"specificity": (-0.9, -0.4)}, {"brier": (0.01, 0.02)}])
def test_any_loss_keeps_the_champion_where_nothing_is_gained(loss: dict[str, Interval]) -> None:
    assert judged(**loss, sensitivity=(-0.1, 0.1))[0] == "keep"


@pytest.mark.parametrize(
    ("figure", "low", "verdict"),
    [
        ("sensitivity", -0.0499, "promote"),
        ("sensitivity", -0.05, "cannot tell"),
        ("auc", -0.0499, "promote"),
        ("auc", -0.05, "cannot tell"),
        ("specificity", -0.5, "promote"),  # no margin: the gain in Brier score may cost some
    ],
)
def test_the_margins_are_what_may_not_be_lost(figure: str, low: float, verdict: Verdict) -> None:
    assert judged(brier=(-0.05, -0.01), **{figure: (low, 0.01)})[0] == verdict


@pytest.mark.parametrize("loss", [{"specificity": (-0.2, -0.01)}, {"brier": (0.01, 0.02)}])
def test_a_gain_against_another_loss_is_for_a_person_to_weigh(loss: dict[str, Interval]) -> None:
    verdict, reasons = judged(auc=(0.01, 0.05), **loss)
    assert verdict == "cannot tell"
    assert reasons[0].startswith("The challenger is better in AUC but worse in ")


def test_a_lower_brier_score_is_called_better() -> None:
    _, reasons = judged(brier=(-0.05, -0.01))
    assert (
        reasons[-1]
        == "Brier score: challenger minus champion -0.030 (-0.050 to -0.010), n = 200; better beyond chance."
    )


def test_every_difference_is_told_with_its_interval() -> None:
    _, reasons = judged(auc=(-0.06, 0.02), sensitivity=(-0.02, 0.04), specificity=(-0.1, 0.1))
    assert [reason.split(";")[1] for reason in reasons[1:]] == [
        " a loss of 0.05 cannot be excluded.",
        " a loss of 0.05 can be excluded.",
        " no difference beyond chance.",
        " no difference beyond chance.",
    ]


USES, READS_BACKGROUND = shortcuts(exchanged=(0.9, 0.97)), shortcuts(exchanged=(0.02, 0.1))


@pytest.mark.parametrize("challenger", [None, READS_BACKGROUND])
def test_who_is_not_shown_to_use_the_lungs_never_takes_the_place_of_one_who_is(
    challenger: ShortcutAudit | None,
) -> None:
    by_figures = judged(auc=(0.01, 0.05))
    assert by_figures[0] == "promote"
    verdict, reasons = held_to_lungs(by_figures, champion=USES, challenger=challenger)
    assert verdict == "cannot tell"
    assert "the challenger has not" in reasons[0]
    assert "never audited" in reasons[-2] if challenger is None else "follows the rest" in reasons[-2]


def test_a_champion_that_reads_the_background_is_not_kept_for_its_better_figures() -> None:
    by_figures = judged(auc=(-0.04, -0.001))
    assert by_figures[0] == "keep"
    verdict, reasons = held_to_lungs(by_figures, champion=READS_BACKGROUND, challenger=USES)
    assert verdict == "cannot tell"
    assert "the champion has not" in reasons[0]
    assert held_to_lungs(by_figures, champion=USES, challenger=USES)[0] == "keep"


@pytest.mark.parametrize("champion", [None, READS_BACKGROUND, USES])
def test_a_better_model_that_uses_the_lungs_is_promoted_over_any(champion: ShortcutAudit | None) -> None:
    assert held_to_lungs(judged(auc=(0.01, 0.05)), champion=champion, challenger=USES)[0] == "promote"


def test_of_a_model_that_is_shown_the_lungs_alone_the_reasons_say_that_its_audit_could_not_end_otherwise() -> None:
    _, reasons = held_to_lungs(judged(auc=(0.01, 0.05)), champion=USES, challenger=USES, framed=["challenger"])
    assert reasons[-2].endswith(BY_FRAMING)
    assert BY_FRAMING not in reasons[-1]
    _, unknown = held_to_lungs(judged(), champion=USES, challenger=None, framed=["challenger"])
    assert BY_FRAMING not in " ".join(unknown)


def test_two_models_that_were_never_audited_are_judged_as_before() -> None:
    by_figures = judged(auc=(0.01, 0.05))
    assert held_to_lungs(by_figures, champion=None, challenger=None) == by_figures
