from __future__ import annotations

import pytest

from cxrscreen.classifier.estimate import Estimate
from cxrscreen.evaluation.result import Evaluation
from cxrscreen.evaluation.site_verdict import Rule, judge_site, reason_of, verdict_of
from tests.evaluation.evaluation_samples import BIAS, DATA, FIGURES, GATE, estimate, evaluation, shortcuts

Limits = tuple[float, float]


def between(limits: Limits, n: int = 200) -> Estimate:
    return estimate(sum(limits) / 2, *limits, n=n)


def measured(  # noqa: PLR0913  # one for each rule
    *,
    auc: Limits = (0.9, 0.99),
    sensitivity: Limits = (0.85, 0.97),
    specificity: Limits = (0.7, 0.9),
    exchanged: Limits = (0.8, 0.95),
    difference: Limits = (0.2, 0.5),
    refused: Limits = (0.0, 0.04),
    **changes: object,
) -> Evaluation:
    """An evaluation that meets every rule, unless told otherwise."""
    figures = FIGURES.model_copy(
        update={"auc": between(auc), "sensitivity": between(sensitivity), "specificity": between(specificity)}
    )
    good = {
        "figures": figures,
        "seen": 0,
        "shortcuts": shortcuts(exchanged=exchanged, difference=difference),
        "gate": GATE.model_copy(update={"refused": between(refused)}),
    }
    return evaluation(**(good | changes))


def judged(found: Evaluation, *, patients: int = 100) -> tuple[Rule, ...]:
    return judge_site(found, healthy_patients=patients, diseased_patients=patients)


def outcome(rules: tuple[Rule, ...], name: str) -> str:
    return next(rule.outcome for rule in rules if rule.name == name)


def test_a_model_that_meets_every_rule_is_fit_for_a_trial() -> None:
    rules = judged(measured())
    assert {rule.outcome for rule in rules} == {"met"}
    assert verdict_of(rules) == "fit for a trial"
    assert reason_of(rules) == "All rules are met on these radiographs."


@pytest.mark.parametrize(
    ("name", "limits"),
    [
        ("auc", (0.6, 0.79)),
        ("sensitivity", (0.5, 0.79)),
        ("specificity", (0.3, 0.59)),
        ("exchanged", (0.02, 0.1)),
        ("refused", (0.11, 0.3)),
    ],
)
def test_one_figure_that_is_bad_beyond_chance_makes_it_unfit(name: str, limits: Limits) -> None:
    rules = judged(measured(**{name: limits}))  # type: ignore[arg-type]  # one of the figures
    assert verdict_of(rules) == "unfit"
    assert [rule.outcome for rule in rules].count("failed") == 1
    assert "beyond chance, the model fails in" in reason_of(rules)


@pytest.mark.parametrize(
    ("name", "limits"),
    [
        ("auc", (0.79, 0.99)),
        ("sensitivity", (0.79, 1.0)),
        ("specificity", (0.59, 0.9)),
        ("exchanged", (0.45, 0.9)),
        ("difference", (-0.01, 0.3)),
        ("difference", (0.0, 0.0)),
        ("refused", (0.02, 0.12)),
    ],
)
def test_a_figure_whose_interval_crosses_its_limit_shows_nothing(name: str, limits: Limits) -> None:
    rules = judged(measured(**{name: limits}))  # type: ignore[arg-type]  # one of the figures
    assert verdict_of(rules) == "not shown"
    is_held_against_shortcuts_too = name == "auc"
    assert [rule.outcome for rule in rules].count("open") == 1 + is_held_against_shortcuts_too


@pytest.mark.parametrize("changes", [{"seen": None}, {"seen": 3}, {"shortcuts": None}, {"gate": None}])
def test_what_was_not_measured_or_is_not_known_shows_nothing(changes: dict[str, object]) -> None:
    assert verdict_of(judged(measured(**changes))) == "not shown"  # type: ignore[arg-type]  # fields of an evaluation


def test_a_few_patients_show_nothing_however_good_the_figures() -> None:
    assert verdict_of(judged(measured(), patients=29)) == "not shown"
    assert verdict_of(judged(measured(), patients=30)) == "fit for a trial"


def test_a_shortcut_that_is_as_good_as_the_model_shows_nothing_and_a_thumbnail_may_see_disease() -> None:
    shape, thumbnail = BIAS.shortcuts
    assert (shape.name, thumbnail.name) == ("image shape", "16x16 thumbnail")
    strong = {"auc": estimate(0.95, 0.9, 0.98)}

    def outcome_with(*shortcuts: object) -> str:
        bias = BIAS.model_copy(update={"shortcuts": shortcuts})
        rules = judged(measured(data=DATA.model_copy(update={"bias": bias})))
        return outcome(rules, "What tells the classes apart here without disease")

    assert outcome_with(shape.model_copy(update=strong), thumbnail) == "open"
    assert outcome_with(shape, thumbnail.model_copy(update=strong)) == "met"
    assert outcome_with() == "open"


def test_a_failed_rule_outweighs_open_ones() -> None:
    rules = judged(measured(exchanged=(0.02, 0.1), seen=None), patients=3)
    assert verdict_of(rules) == "unfit"
    assert "exchanged lungs" in reason_of(rules)
