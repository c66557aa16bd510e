from __future__ import annotations

import pytest

from cxrscreen.classifier.bias_report import Shortcut
from cxrscreen.classifier.estimate import Estimate
from cxrscreen.evaluation.data_report import DataReport
from cxrscreen.evaluation.intervals import fraction
from cxrscreen.evaluation.result import Evaluation, SeenBy
from cxrscreen.evaluation.site_verdict import Rule, judge_site, reason_of, verdict_of
from cxrscreen.labelled.shortcuts import AGE, SEX, SOURCE, VIEW
from tests.evaluation.evaluation_samples import (
    BAND,
    BIAS,
    DATA,
    FIGURES,
    GATE,
    estimate,
    evaluation,
    shortcuts,
    unscored,
)

Limits = tuple[float, float]


def between(limits: Limits, n: int = 200) -> Estimate:
    return estimate(sum(limits) / 2, *limits, n=n)


SHAPE, THUMBNAIL = BIAS.shortcuts
KNOWN = tuple(Shortcut(name=name, meaning="", auc=estimate(0.5, 0.4, 0.6)) for name in ("source", "view", "age", "sex"))
WITHOUT_DISEASE = "What tells the classes apart here without disease"


def data(*shortcuts: Shortcut) -> DataReport:
    return DATA.model_copy(update={"bias": BIAS.model_copy(update={"shortcuts": shortcuts})})


def measured(  # noqa: PLR0913  # one for each rule
    *,
    auc: Limits = (0.9, 0.99),
    sensitivity: Limits = (0.85, 0.97),
    specificity: Limits = (0.7, 0.9),
    exchanged: Limits = (0.8, 0.95),
    difference: Limits = (0.2, 0.5),
    refused_diseased: Limits = (0.0, 0.04),
    refused_healthy: Limits = (0.0, 0.04),
    **changes: object,
) -> Evaluation:
    """An evaluation that meets every rule, unless told otherwise."""
    figures = FIGURES.model_copy(
        update={"auc": between(auc), "sensitivity": between(sensitivity), "specificity": between(specificity)}
    )
    good = {
        "figures": figures,
        "seen": 0,
        "seen_by": SeenBy(files=0, content=0),
        "data": data(SHAPE, THUMBNAIL, *KNOWN),
        "band": None,
        "shortcuts": shortcuts(exchanged=exchanged, difference=difference),
        "gate": GATE.model_copy(
            update={"refused_diseased": between(refused_diseased), "refused_healthy": between(refused_healthy)}
        ),
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
        ("refused_diseased", (0.11, 0.3)),
        ("refused_healthy", (0.11, 0.3)),
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
        ("refused_diseased", (0.02, 0.12)),
        ("refused_healthy", (0.02, 0.12)),
    ],
)
def test_a_figure_whose_interval_crosses_its_limit_shows_nothing(name: str, limits: Limits) -> None:
    rules = judged(measured(**{name: limits}))  # type: ignore[arg-type]  # one of the figures
    assert verdict_of(rules) == "not shown"
    is_held_against_shortcuts_too = name == "auc"
    assert [rule.outcome for rule in rules].count("open") == 1 + is_held_against_shortcuts_too


@pytest.mark.parametrize(
    "changes",
    [
        {"seen": None},
        {"seen": 3},
        {"seen_by": SeenBy(files=0, content=None)},
        {"seen_by": None},
        {"shortcuts": None},
        {"gate": None},
        {"gate": GATE.model_copy(update={"refused_healthy": None})},
    ],
)
def test_what_was_not_measured_or_is_not_known_shows_nothing(changes: dict[str, object]) -> None:
    assert verdict_of(judged(measured(**changes))) == "not shown"  # type: ignore[arg-type]  # fields of an evaluation


def test_a_few_patients_show_nothing_however_good_the_figures() -> None:
    assert verdict_of(judged(measured(), patients=29)) == "not shown"
    assert verdict_of(judged(measured(), patients=30)) == "fit for a trial"


def test_a_shortcut_that_is_as_good_as_the_model_shows_nothing_and_a_thumbnail_may_see_disease() -> None:
    assert (SHAPE.name, THUMBNAIL.name) == ("image shape", "16x16 thumbnail")
    strong = {"auc": estimate(0.95, 0.9, 0.98)}

    def outcome_with(*shortcuts: Shortcut) -> str:
        return outcome(judged(measured(data=data(*shortcuts))), WITHOUT_DISEASE)

    assert outcome_with(SHAPE.model_copy(update=strong), THUMBNAIL, *KNOWN) == "open"
    assert outcome_with(SHAPE, THUMBNAIL.model_copy(update=strong), *KNOWN) == "met"
    assert outcome_with() == "open"
    uncertain = {"auc": estimate(0.8, 0.6, 0.91)}  # its value lies below the model's interval, its upper limit does not
    assert outcome_with(SHAPE.model_copy(update=uncertain), *KNOWN) == "open"


@pytest.mark.parametrize("missing", ["source", "view", "age", "sex"])
def test_metadata_that_were_taken_away_never_improve_a_verdict(missing: str) -> None:
    rules = judged(measured(data=data(SHAPE, *(one for one in KNOWN if one.name != missing))))
    (rule,) = (rule for rule in rules if rule.name == WITHOUT_DISEASE)
    assert rule.outcome == "open"
    assert f"Not measured, since not known of enough radiographs: {missing}." in rule.found
    assert verdict_of(rules) == "not shown"


def test_the_judged_shortcuts_are_those_that_a_folder_is_measured_by() -> None:
    assert {one.name for one in KNOWN} <= {VIEW, SOURCE, AGE, SEX}


def test_whom_the_model_has_learnt_from_is_told_by_file_and_by_content() -> None:
    def found(**changes: object) -> str:
        return next(rule.found for rule in judged(measured(**changes)) if rule.name == "Unseen radiographs")  # type: ignore[arg-type]  # fields of an evaluation

    assert found(seen=9, seen_by=SeenBy(files=2, content=5)).startswith(
        "It has learnt from 9 of these radiographs or from their patients. Recognised by their files: 2, by what they "
        "show: 5."
    )
    assert "only byte-identical files can be recognised" in found(seen_by=SeenBy(files=0, content=None))
    assert found(seen=None, seen_by=None) == "It is not recorded which radiographs the model was made from."
    assert "Others of the same patients cannot be recognised." in found()


@pytest.mark.parametrize(("learnt", "expected"), [(None, "met"), (0, "met"), (1, "open")])
def test_a_patient_whom_the_segmenter_has_learnt_from_leaves_open_whether_all_are_unseen(
    learnt: int | None, expected: str
) -> None:
    rules = judged(measured(seen_by=SeenBy(files=0, content=0, segmenter=learnt)))
    assert outcome(rules, "Unseen radiographs") == expected
    (rule,) = (rule for rule in rules if rule.name == "Unseen radiographs")
    assert ("cannot be told" if learnt is None else f"Of patients of its segmenter: {learnt},") in rule.found


def band(*, missed: Limits = (0.0, 0.1), found: Limits = (0.6, 0.9), false_alarms: Limits = (0.0, 0.1)) -> object:
    rates = {"missed": between(missed), "found": between(found), "false_alarms": between(false_alarms)}
    return BAND.model_copy(update=rates)


def test_a_model_with_a_band_is_judged_by_what_it_says_and_not_by_its_operating_point() -> None:
    rules = judged(measured(band=band(), sensitivity=(0.1, 0.2), specificity=(0.1, 0.2)))
    assert verdict_of(rules) == "fit for a trial"
    names = [rule.name for rule in rules]
    assert names[3:6] == ["Missed COVID-19", "Found COVID-19", "False alarms"]
    assert not {"Sensitivity", "Specificity"} & {*names}
    assert "at the operating point of 0.300, for comparison only: sensitivity 0.150" in rules[4].found
    assert rules[4].asked == "Called positive, from 0.610: at least 0.50, with the whole 95 % interval."


@pytest.mark.parametrize(
    ("bad", "crossing"),
    [
        ({"missed": (0.25, 0.4)}, {"missed": (0.1, 0.25)}),
        ({"found": (0.2, 0.4)}, {"found": (0.4, 0.6)}),
        ({"false_alarms": (0.5, 0.6)}, {"false_alarms": (0.3, 0.5)}),
    ],
)
def test_each_rate_of_the_band_counts(bad: dict[str, Limits], crossing: dict[str, Limits]) -> None:
    assert verdict_of(judged(measured(band=band(**bad)))) == "unfit"
    assert verdict_of(judged(measured(band=band(**crossing)))) == "not shown"


def test_a_band_that_leaves_everything_to_people_finds_nothing() -> None:
    rules = judged(measured(band=band(missed=(0.0, 0.02), found=(0.0, 0.02), false_alarms=(0.0, 0.02))))
    assert [rule.name for rule in rules if rule.outcome == "failed"] == ["Found COVID-19"]


def test_a_gate_that_turns_the_sick_alone_away_fails_though_it_refuses_few() -> None:
    """22 of 52 with COVID-19 and none of 548 without: 3.7 % of all."""
    gate = GATE.model_copy(
        update={
            "refused": fraction(22, 600),
            "refused_diseased": fraction(22, 52),
            "refused_healthy": fraction(0, 548),
        }
    )
    rules = judged(measured(gate=gate))
    assert verdict_of(rules) == "unfit"
    assert "refusals" in reason_of(rules)
    assert "COVID-19 0.423" in rules[-1].found


def test_a_set_in_which_a_class_has_no_scores_is_judged_by_what_is_known() -> None:
    """Four of each, all refused: the gate fails beyond chance, the figures stay open."""
    rules = judge_site(unscored(), healthy_patients=0, diseased_patients=0)
    assert verdict_of(rules) == "unfit"
    assert [rule.name for rule in rules if rule.outcome == "failed"] == ["Refusals"]
    assert "not given scores to radiographs of both classes" in rules[2].found
    without_gate = judge_site(unscored().model_copy(update={"gate": None}), healthy_patients=0, diseased_patients=0)
    assert verdict_of(without_gate) == "not shown"
    assert "no score to 4 of 4 COVID-19 radiographs and to 4 of 4 normal ones" in without_gate[-1].found


def test_a_failed_rule_outweighs_open_ones() -> None:
    rules = judged(measured(exchanged=(0.02, 0.1), seen=None), patients=3)
    assert verdict_of(rules) == "unfit"
    assert "exchanged lungs" in reason_of(rules)


def test_of_a_model_that_is_shown_the_lungs_alone_the_audit_is_no_news() -> None:
    framed = {rule.name: rule.found for rule in judged(measured(recipe="lung-focused"))}
    for name in ("Loss without lungs", "Exchanged lungs"):
        assert framed[name].endswith("by construction: this model is shown the lungs alone")
