"""May a model be tried at a site? Rules fixed before anybody's figures, and a verdict in words.

Each rule is met where the 95 % interval lies wholly on the good side of its limit, failed where it lies wholly on the
bad side, and open in between. One failed rule makes a model unfit; all met make it fit for a trial, in which people
read every radiograph as before; everything else is not shown. Fit for a trial is not fit for use.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from cxrscreen.classifier.estimate import Estimate, Frozen
from cxrscreen.evaluation.result import Evaluation

LEAST_PATIENTS = 30
"""Of each class. With fewer, not even a model that errs nowhere can reach the limits on sensitivity."""

LEAST_AUC = 0.80
LEAST_SENSITIVITY = 0.80
"""Operating points are chosen to find 95 of 100 patients; with fewer than 80, a negative finding misleads."""

LEAST_SPECIFICITY = 0.60
"""Where fewer are cleared, most flags are false at any prevalence that screening meets."""

MOST_REFUSED = 0.10
"""Of radiographs that people took for frontal chest radiographs."""

HOW = (
    "Each rule is met where the 95 % interval lies wholly on the good side of its limit, failed where it lies wholly "
    "on the bad side, and not shown in between. One failed rule makes the model unfit; all rules met make it fit for a "
    "trial; anything else is not shown. The rules and their limits stand in the software and were fixed before these "
    "radiographs were seen; nobody can move them for one site."
)

_GUESSING = 0.5
_KNOW_DISEASE = frozenset({"grey statistics", "16x16 thumbnail"})  # shortcuts in which a large opacity remains

Outcome = Literal["met", "open", "failed"]
SiteVerdict = Literal["fit for a trial", "not shown", "unfit"]


class Rule(Frozen):
    """One rule, and what was found.

    Attributes:
        name: What is judged.
        asked: What it takes to be met, one sentence.
        found: What was measured, in words, with interval and n where there are any.
        outcome: See the module.
    """

    name: str
    asked: str
    found: str
    outcome: Outcome


def judge_site(evaluation: Evaluation, *, healthy_patients: int, diseased_patients: int) -> tuple[Rule, ...]:
    """Apply the rules to what was measured on local radiographs.

    Args:
        evaluation: Of the model, at the operating point on its card.
        healthy_patients: Patients with a normal radiograph among those evaluated.
        diseased_patients: Patients with a COVID-19 radiograph among them.
    """
    figures = evaluation.figures
    return (
        _patients(healthy_patients, diseased_patients),
        _unseen(evaluation),
        _at_least("AUC", figures.auc, LEAST_AUC),
        _at_least("Sensitivity", figures.sensitivity, LEAST_SENSITIVITY),
        _at_least("Specificity", figures.specificity, LEAST_SPECIFICITY),
        *_lungs(evaluation),
        _shortcuts(evaluation),
        _gate(evaluation),
    )


def verdict_of(rules: tuple[Rule, ...]) -> SiteVerdict:
    """Sum the rules up."""
    outcomes = {rule.outcome for rule in rules}
    if "failed" in outcomes:
        return "unfit"
    return "fit for a trial" if outcomes == {"met"} else "not shown"


def reason_of(rules: tuple[Rule, ...]) -> str:
    """Say in one sentence which rules decided."""
    failed = [rule.name for rule in rules if rule.outcome == "failed"]
    still_open = [rule.name for rule in rules if rule.outcome == "open"]
    if failed:
        return f"Measured on these radiographs, and beyond chance, the model fails in: {_listed(failed)}."
    if still_open:
        return f"These radiographs do not show enough about: {_listed(still_open)}."
    return "All rules are met on these radiographs."


def _patients(healthy: int, diseased: int) -> Rule:
    return Rule(
        name="Number of patients",
        asked=f"At least {LEAST_PATIENTS} patients of each class.",
        found=f"{diseased} with COVID-19, {healthy} normal.",
        outcome="met" if min(healthy, diseased) >= LEAST_PATIENTS else "open",
    )


def _unseen(evaluation: Evaluation) -> Rule:
    found = {
        None: "It is not recorded which radiographs the model was made from.",
        0: "As far as the folder tells, it was made without any of them.",
    }.get(evaluation.seen, f"It has learnt from {evaluation.seen} of these radiographs or from their patients.")
    return Rule(
        name="Unseen patients",
        asked="The model has learnt from none of these patients.",
        found=found,
        outcome="met" if evaluation.seen == 0 else "open",
    )


def _at_least(name: str, measured: Estimate, least: float) -> Rule:
    return Rule(
        name=name,
        asked=f"At least {least:.2f}, with the whole 95 % interval.",
        found=_shown(measured),
        outcome=_above(measured, least),
    )


def _lungs(evaluation: Evaluation) -> Iterator[Rule]:
    audit = evaluation.shortcuts
    asked = (
        ("Loss without lungs", "The AUC falls when the lungs are taken out of the radiographs, beyond chance."),
        (
            "Exchanged lungs",
            "Lungs that are set into radiographs of the other class are still told by the lungs, beyond chance.",
        ),
    )
    if audit is None:
        yield from (Rule(name=name, asked=text, found="Could not be measured.", outcome="open") for name, text in asked)
        return
    for (name, text), measured, limit, what in zip(
        asked, (audit.difference, audit.exchanged), (0.0, _GUESSING), ("It falls by", "AUC"), strict=True
    ):
        yield Rule(name=name, asked=text, found=f"{what} {_shown(measured)}", outcome=_above(measured, limit))


def _shortcuts(evaluation: Evaluation) -> Rule:
    blind = [one for one in evaluation.data.bias.shortcuts if one.name not in _KNOW_DISEASE]
    strongest = max(blind, key=lambda one: one.auc.value, default=None)
    if strongest is None:
        found, outcome = "Too few patients to measure any.", "open"
    else:
        found = f"Strongest: {strongest.name}, AUC {_shown(strongest.auc)}"
        outcome = "met" if evaluation.figures.auc.low > strongest.auc.value else "open"
    return Rule(
        name="What tells the classes apart here without disease",
        asked=(
            "The model's AUC, with its whole interval, is above that of picture shape, border, source, view, and age "
            "and sex, each alone: else a good figure here may come from these."
        ),
        found=found,
        outcome=outcome,  # type: ignore[arg-type]  # one of two literals above
    )


def _gate(evaluation: Evaluation) -> Rule:
    gate = evaluation.gate
    asked = f"The gate by content refuses at most {MOST_REFUSED:.0%} of the radiographs, with the whole 95 % interval."
    if gate is None:
        return Rule(name="Refusals", asked=asked, found="The model has no gate by content.", outcome="open")
    passed = gate.refused.model_copy(update={"low": 1 - gate.refused.high, "high": 1 - gate.refused.low})
    return Rule(name="Refusals", asked=asked, found=_shown(gate.refused), outcome=_above(passed, 1 - MOST_REFUSED))


def _above(measured: Estimate, limit: float) -> Outcome:
    if measured.low >= limit and measured.low > 0:
        return "met"
    return "failed" if measured.high < limit else "open"


def _shown(measured: Estimate) -> str:
    return f"{measured.value:.3f} ({measured.low:.3f} to {measured.high:.3f}), n = {measured.n}"


def _listed(names: list[str]) -> str:
    return ", ".join(name[0].lower() + name[1:] if name != "AUC" else name for name in names)
