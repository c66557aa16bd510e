"""What the readable card says of how far a score may be trusted."""

from __future__ import annotations

import pytest

from cxrscreen.classifier.calibration import Calibration
from cxrscreen.classifier.card import ModelCard
from cxrscreen.classifier.card_text import render_card
from cxrscreen.classifier.estimate import Estimate
from cxrscreen.classifier.gate_card import GateCard, GateInTest, GateLimits
from cxrscreen.classifier.map_card import MapCard
from cxrscreen.classifier.recipe_choice import RecipeChoice, choice_of
from cxrscreen.classifier.segmenter_overlap import PartOverlap, SegmenterOverlap
from cxrscreen.classifier.uncertain_band import UncertainBand
from tests.classifier.random_model import card_for


def estimate(value: float, n: int = 50) -> Estimate:
    return Estimate(value=value, low=value - 0.01, high=value + 0.02, n=n, method="made up")


BAND = UncertainBand(
    low=0.2,
    high=0.7,
    largest_error=0.05,
    missed=estimate(0.05, 128),
    found=estimate(0.75, 128),
    false_alarms=estimate(0.04, 85),
    cleared=estimate(0.73, 85),
    uncertain=estimate(0.22, 213),
)
LIMITS = GateLimits(
    segmenter_sha256="2" * 64,
    quantile=0.98,
    far_from={"block4": 0.1, "lungs": 0.1, "edges": 0.1},
    strange_from=0.9,
    refused_from=1.25,
    lead=0.1,
    unmirrored_from=-0.1,
    pattern_from=1.0,
)
GATE = GateCard(
    limits=LIMITS,
    n=213,
    patients=161,
    refused=estimate(0.01, 213),
    flagged=estimate(0.04, 213),
    turned_found=estimate(0.98, 213),
    negatives_found=estimate(0.97, 213),
    mirrored_found=estimate(0.59, 213),
)


def page(**fields: object) -> str:
    return render_card(card(**fields))


def card(**fields: object) -> ModelCard:
    return card_for("v1", "0" * 64).model_copy(update=fields)


def overlap(*, learnt: int) -> SegmenterOverlap:
    part = PartOverlap(
        positives=32, positives_learnt=learnt, negatives=21, negatives_learnt=0, auc_of_others=estimate(0.91, 27)
    )
    return SegmenterOverlap(development=part, test=part)


def test_with_a_band_the_operating_point_is_named_as_what_it_is() -> None:
    assert "Positive from a score of 0.250000" in page()
    banded = page(band=BAND)
    assert "Positive from a score of" not in banded
    assert "## Operating point, for comparison only" in banded
    assert "Screening goes by the uncertain band below, not by this." in banded


def test_the_band_has_its_rates_on_the_held_out_test_beside_those_of_the_folds() -> None:
    in_test = BAND.model_copy(update={"missed": estimate(0.09, 32)})
    text = page(band=BAND, band_in_test=in_test)
    assert "| COVID-19 called negative | 0.050 | 0.040 to 0.070 | 128 | made up |" in text
    assert "| COVID-19 called negative | 0.090 | 0.080 to 0.110 | 32 | made up |" in text
    assert "on the held-out test" not in page(band=BAND)


def test_what_a_finding_means_has_its_n() -> None:
    assert page(band=BAND).count("n = 213)") == 4  # PPV and NPV at two prevalences


@pytest.mark.parametrize(
    ("looks", "said"), [(0, "no other models were"), (1, "1 other model was"), (2, "2 other models were")]
)
def test_who_else_was_scored_on_the_test_part_is_counted(looks: int, said: str) -> None:
    assert f"Before this one, {said} scored on some of these radiographs." in page(looks=looks)
    assert "Before this one" not in page()


def test_a_recipe_that_was_chosen_on_the_set_says_so_and_where() -> None:
    text = page(recipe_choice=RecipeChoice(among=92, record="deployments/recipes/criterion.md"))
    assert "chosen on this part, among 92, by the criterion in `deployments/recipes/criterion.md`" in text
    assert choice_of("lung-focused", "another set") is None


def test_a_segmenter_that_knew_patients_is_told_of_with_the_figures_without_them() -> None:
    text = page(segmenter_sha256="2" * 64, segmenter_overlap=overlap(learnt=26), gate=GATE)
    assert (
        "| held-out test | 26 of 32 | 0 of 21 | 0.900 (0.800 to 0.950, n = 40) | 0.910 (0.900 to 0.930, n = 27) |"
        in (text)
    )
    assert "which had learnt from some of these patients" in text
    assert "which had learnt from some" not in page(segmenter_sha256="2" * 64, segmenter_overlap=overlap(learnt=0))
    assert "It is not known whether the lung segmenter" in page(segmenter_sha256="2" * 64)
    assert overlap(learnt=0).limit is None
    assert "26 of 32 COVID-19 and 0 of 21 normal radiographs of the test part" in (overlap(learnt=26).limit or "")


def test_the_gate_tells_its_weak_figure_and_its_refusals_in_the_test_by_class() -> None:
    found = GateInTest(
        refused=estimate(0.02, 53),
        refused_positives=estimate(0.03, 32),
        refused_negatives=estimate(0.01, 21),
        flagged=estimate(0.05, 53),
    )
    text = page(gate=GATE.model_copy(update={"in_test": found}))
    assert "of their mirror images 59.0% (58.0% to 61.0%, n = 213) are flagged as mirrored" in text
    assert "98.0% (97.0% to 100.0%, n = 213) are recognised as turned" in text
    assert "of COVID-19 3.0% (2.0% to 5.0%, n = 32) and of normal radiographs 1.0% (0.0% to 3.0%, n = 21)" in text
    assert "from a strangeness of 1.25: as far above 0.90" in text
    assert "held-out test part" not in page(gate=GATE)


def test_the_limit_of_the_maps_is_said_to_warn_by_choice() -> None:
    text = page(maps=MapCard(least=1.45, n=213, below_chance=estimate(0.01, 213)))
    assert "The limit is the 5 % quantile of the same 213 maps" in text
    assert "quantile" not in page(maps=MapCard(least=1.0, n=213, below_chance=estimate(0.1, 213)))


@pytest.mark.parametrize(("change", "shown"), [((-0.004, 0.001), False), ((-0.02, -0.01), True)])
def test_a_brier_score_that_did_not_change_beyond_chance_is_said_to_show_nothing(
    change: tuple[float, float],
    shown: bool,  # noqa: FBT001  # a column of the table above
) -> None:
    calibration = Calibration(
        slope=0.8,
        intercept=0.1,
        prevalence=0.6,
        n=213,
        brier_before=estimate(0.09),
        brier_after=estimate(0.087),
        brier_change=Estimate(value=-0.003, low=change[0], high=change[1], n=213, method="paired"),
        curve_before=(),
        curve_after=(),
    )
    text = page(calibration=calibration)
    assert f"| after minus before | -0.003 | {change[0]:.3f} to {change[1]:.3f} | 213 | paired |" in text
    assert ("No difference between the two is shown." in text) != shown
