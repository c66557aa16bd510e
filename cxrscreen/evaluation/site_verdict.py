"""May a model be tried at a site? Rules fixed before anybody's figures, and a verdict in words.

Each rule is met where the 95 % interval lies wholly on the good side of its limit, failed where it lies wholly on the
bad side, and open in between; what was not measured is open, too. One failed rule makes a model unfit; all met make it
fit for a trial, in which people read every radiograph as before; everything else is not shown. Fit for a trial is not
fit for use.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from cxrscreen.classifier.estimate import Estimate, Frozen
from cxrscreen.evaluation.result import Evaluation
from cxrscreen.evaluation.trust_rows import OTHERS, by_segmenter
from cxrscreen.evaluation.unscored import Unscored
from cxrscreen.reporting.page_parts import shows_lungs_alone

LEAST_PATIENTS = 30
"""Of each class. With fewer, not even a model that errs nowhere can reach the limits on sensitivity."""

LEAST_AUC = 0.80
LEAST_SENSITIVITY = 0.80
"""Operating points are chosen to find 95 of 100 patients; with fewer than 80, a negative finding misleads."""

LEAST_SPECIFICITY = 0.60
"""Where fewer are cleared, most flags are false at any prevalence that screening meets."""

MOST_MISSED, MOST_FALSE_ALARMS = 1 - LEAST_SENSITIVITY, 1 - LEAST_SPECIFICITY
"""Of a model with an uncertain band, which says negative and positive by other scores than the operating point."""

LEAST_FOUND = 0.50
"""Of COVID-19, called positive by such a model: one that leaves more to people, or misses them, finds little."""

MOST_REFUSED = 0.10
"""Of radiographs that people took for frontal chest radiographs, in each class: a gate that turns away the sick alone
leaves a model that has not met them."""

HOW = (
    "Each rule is met where the 95 % interval lies wholly on the good side of its limit, failed where it lies wholly "
    "on the bad side, and not shown in between or where nothing was measured. One failed rule makes the model unfit; "
    "all rules met make it fit for a trial; anything else is not shown. The rules and their limits stand in the "
    "software and were fixed before these radiographs were seen; nobody can move them for one site."
)

_GUESSING = 0.5
_NO_SCORES = "Could not be measured: the model has not given scores to radiographs of both classes."
_KNOW_DISEASE = frozenset({"grey statistics", "16x16 thumbnail"})  # shortcuts in which a large opacity remains
_MUST_BE_KNOWN = ("source", "view", "age", "sex")  # shortcuts that nobody can measure without metadata

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


def judge_site(evaluation: Evaluation | Unscored, *, healthy_patients: int, diseased_patients: int) -> tuple[Rule, ...]:
    """Apply the rules to what was measured on local radiographs.

    Args:
        evaluation: Of the model, at the operating point on its card and with its uncertain band; or what is known where
            a class has no scores.
        healthy_patients: Patients with a normal radiograph among those evaluated.
        diseased_patients: Patients with a COVID-19 radiograph among them.
    """
    figures = evaluation.figures
    return (
        _patients(healthy_patients, diseased_patients),
        _unseen(evaluation),
        _at_least("AUC", None if figures is None else figures.auc, LEAST_AUC),
        *_findings(evaluation),
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


def _unseen(evaluation: Evaluation | Unscored) -> Rule:
    seen, by = evaluation.seen, evaluation.seen_by
    outcome: Outcome = "open"
    if seen is None:
        found = "It is not recorded which radiographs the model was made from."
    elif seen:
        found = f"It has learnt from {seen} of these radiographs or from their patients."
        if by is not None:
            found += f" Recognised by their files: {by.files}" + (
                "; those stored anew could not be." if by.content is None else f", by what they show: {by.content}."
            )
    elif by is None or by.content is None:
        found = (
            "None of these files; but only byte-identical files can be recognised: the model has no gate by content."
        )
    else:
        found = f"By files and content, it was made without these pictures. {OTHERS}"
        outcome = "open" if by.segmenter else "met"
    if by is not None:
        found += f" {by_segmenter(by)}"
    return Rule(
        name="Unseen radiographs",
        asked="The model is not known to have learnt from these pictures, nor its segmenter from their patients.",
        found=found,
        outcome=outcome,
    )


def _at_least(name: str, measured: Estimate | None, least: float) -> Rule:
    return Rule(
        name=name,
        asked=f"At least {least:.2f}, with the whole 95 % interval.",
        found=_NO_SCORES if measured is None else _shown(measured),
        outcome="open" if measured is None else _above(measured, least),
    )


def _at_most(name: str, asked: str, measured: Estimate, most: float) -> Rule:
    return Rule(
        name=name,
        asked=f"{asked}: at most {most:.2f}, with the whole 95 % interval.",
        found=_shown(measured),
        outcome=_above(_complement(measured), 1 - most),
    )


def _findings(evaluation: Evaluation | Unscored) -> Iterator[Rule]:
    """Judge what screening says: by the band, where there is one, else by the operating point."""
    figures, band = evaluation.figures, evaluation.band
    if figures is None or band is None:
        yield _at_least("Sensitivity", None if figures is None else figures.sensitivity, LEAST_SENSITIVITY)
        yield _at_least("Specificity", None if figures is None else figures.specificity, LEAST_SPECIFICITY)
        return
    point = f"; at the operating point of {evaluation.threshold:.3f}, for comparison only:"
    compared = (
        f"{point} sensitivity {figures.sensitivity.value:.3f}",
        f"{point} specificity {figures.specificity.value:.3f}",
    )
    missed = _at_most("Missed COVID-19", f"Called negative, below {band.low:.3f}", band.missed, MOST_MISSED)
    found = _at_least("Found COVID-19", band.found, LEAST_FOUND)
    alarms = _at_most(
        "False alarms", f"Normal called positive, from {band.high:.3f}", band.false_alarms, MOST_FALSE_ALARMS
    )
    yield missed
    yield found.model_copy(
        update={
            "asked": f"Called positive, from {band.high:.3f}: {found.asked[0].lower()}{found.asked[1:]}",
            "found": found.found + compared[0],
        }
    )
    yield alarms.model_copy(update={"found": alarms.found + compared[1]})


def _lungs(evaluation: Evaluation | Unscored) -> Iterator[Rule]:
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
    by = "; by construction: this model is shown the lungs alone" if shows_lungs_alone(evaluation.recipe) else ""
    for (name, text), measured, limit, what in zip(
        asked, (audit.difference, audit.exchanged), (0.0, _GUESSING), ("It falls by", "AUC"), strict=True
    ):
        found = f"{what} {_shown(measured)}{by}"
        yield Rule(name=name, asked=text, found=found, outcome=_above(measured, limit))


def _shortcuts(evaluation: Evaluation | Unscored) -> Rule:
    figures, measured = evaluation.figures, evaluation.data.bias.shortcuts
    blind = [one for one in measured if one.name not in _KNOW_DISEASE]
    missing = [name for name in _MUST_BE_KNOWN if name not in {one.name for one in measured}]
    strongest = max(blind, key=lambda one: one.auc.high, default=None)
    found = "Too few patients to measure any." if strongest is None else ""
    outcome: Outcome = "open"
    if strongest is not None:
        found = f"Strongest: {strongest.name}, AUC {_shown(strongest.auc)}"
        if figures is not None and not missing and figures.auc.low > strongest.auc.high:
            outcome = "met"
        if missing:
            found += f". Not measured, since not known of enough radiographs: {', '.join(missing)}."
    return Rule(
        name="What tells the classes apart here without disease",
        asked=(
            "The model's AUC, with its whole interval, is above that of picture shape, border, source, view, age and "
            "sex, with theirs, each alone: else a good figure here may come from these."
        ),
        found=found,
        outcome=outcome,
    )


def _gate(evaluation: Evaluation | Unscored) -> Rule:
    asked = f"Of each class the gate by content refuses at most {MOST_REFUSED:.0%}, with the whole 95 % interval."
    gate = evaluation.gate
    if gate is None:
        found = "The model has no gate by content."
        if isinstance(evaluation, Unscored):
            found += f" {evaluation.sentence}"
        return Rule(name="Refusals", asked=asked, found=found, outcome="open")
    judged = {"COVID-19": gate.refused_diseased, "normal": gate.refused_healthy}
    outcomes = {"open" if one is None else _above(_complement(one), 1 - MOST_REFUSED) for one in judged.values()}
    return Rule(
        name="Refusals",
        asked=asked,
        found="; ".join(f"{name} {'none judged' if one is None else _shown(one)}" for name, one in judged.items()),
        outcome=next(worst for worst in ("failed", "open", "met") if worst in outcomes),
    )


def _complement(measured: Estimate) -> Estimate:
    """The share of all others."""
    return measured.model_copy(update={"value": 1 - measured.value, "low": 1 - measured.high, "high": 1 - measured.low})


def _above(measured: Estimate, limit: float) -> Outcome:
    if measured.low >= limit and measured.low > 0:
        return "met"
    return "failed" if measured.high < limit else "open"


def _shown(measured: Estimate) -> str:
    basis = f"n = {measured.n}".replace(" ", "\N{NO-BREAK SPACE}")
    return f"{measured.value:.3f} ({measured.low:.3f} to {measured.high:.3f}), {basis}"


def _listed(names: list[str]) -> str:
    return ", ".join(name[0].lower() + name[1:] if name != "AUC" else name for name in names)
