"""The first paragraph of an evaluation report: what the folder itself can lead a reader to believe."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from cxrscreen.classifier.bias_report import BiasReport, Shortcut
from cxrscreen.labelled.labelled_set import LabelledSet
from cxrscreen.labelled.metadata import METADATA_FILE
from cxrscreen.labelled.shortcuts import SOURCE
from cxrscreen.labelled.traits import ADULT_YEARS

_CHANCE = 0.5


def summary_of(bias: BiasReport, labelled: LabelledSet) -> tuple[str, ...]:
    """Say the findings in sentences, the worst news first; they name neither files nor patients.

    Args:
        bias: All but its summary.
        labelled: The set that it was measured on.
    """
    return (
        _of_sources(bias, labelled),
        _of_shortcuts(bias),
        *_of_metadata(labelled),
        *_of_leaks(bias),
        *_of_patients(bias, labelled),
    )


def _of_sources(bias: BiasReport, labelled: LabelledSet) -> str:
    unknown = sum(radiograph.source is None for radiograph in labelled.radiographs)
    not_recorded = f"Where {unknown} of {bias.radiographs} radiographs come from is not recorded"
    if bias.disjoint_sources is None:
        return (
            f"{not_recorded}: nobody can say whether the classes come from different sources, and a model may tell "
            "sources apart, not disease."
        )
    aside = f" {not_recorded}." if unknown else ""
    if bias.disjoint_sources:
        recorded = " whose source is recorded" if unknown else ""
        return (
            f"All COVID-19 radiographs{recorded} come from one set of sources and all normal ones from another: no "
            f"figure that is measured on this folder can show whether a model recognises the disease or the source."
            f"{aside}"
        )
    for shortcut in bias.shortcuts:
        if shortcut.name == SOURCE and shortcut.auc.low > _CHANCE:
            return f"The source alone tells the classes apart with {_figure(shortcut)}: a model may learn it.{aside}"
    classes_of = defaultdict(list)  # the balance may have put several sources together
    for radiograph in labelled.radiographs:
        if radiograph.source is not None:
            classes_of[radiograph.source].append(radiograph.diseased)
    if one_sided := sum(len(classes) for classes in classes_of.values() if len({*classes}) == 1):
        return (
            f"{one_sided} of {bias.radiographs} radiographs come from sources that have one class only: on these a "
            f"model may tell sources apart, not disease.{aside}"
        )
    return f"Every recorded source has radiographs of both classes.{aside}"


def _of_shortcuts(bias: BiasReport) -> str:
    if not bias.shortcuts:
        return "There are too few patients to measure what else tells the classes apart: ten of each class are needed."
    others = [shortcut for shortcut in bias.shortcuts if shortcut.name != SOURCE]  # has had its sentence
    worst = max(others, key=lambda shortcut: shortcut.auc.value)
    if worst.auc.low <= _CHANCE:
        return (
            f"Of {len(others)} trivial descriptors none tells the classes apart beyond chance; the best, "
            f"{worst.name}, has {_figure(worst)}."
        )
    return (
        f"A trivial descriptor, {worst.name}, tells the classes apart with {_figure(worst)}: a model that is not "
        "clearly better need not have looked at the lungs."
    )


def _of_metadata(labelled: LabelledSet) -> Iterator[str]:
    if wrong := labelled.contradicted:
        yield (
            f"{_counted(wrong, 'row')} of {METADATA_FILE} {_verb(wrong, 'name')} another class than the folder that "
            f"the file lies in: look at {'it' if wrong == 1 else 'them'}."
        )
    if unmatched := labelled.unmatched_rows:
        match = "matches" if unmatched == 1 else "match"
        yield (
            f"{_counted(unmatched, 'row')} of {METADATA_FILE} {match} no file: what is said there of patients and "
            "sources was not used."
        )


def _of_leaks(bias: BiasReport) -> Iterator[str]:
    if across := bias.alike_across_classes:
        yield (
            f"{_counted(across, 'pair')} of radiographs with different labels {_verb(across, 'seem')} to show one "
            "exposure: look at them, a label is wrong."
        )
    if within := bias.alike - bias.alike_across_classes:
        yield (
            f"{_counted(within, 'pair')} of radiographs with the same label {_verb(within, 'seem')} to show one "
            "exposure; wherever the folder is split, they stay together."
        )
    if bias.copies:
        yield f"{_counted(bias.copies, 'file')} repeated the content of another and {_was(bias.copies)} left out."


def _of_patients(bias: BiasReport, labelled: LabelledSet) -> Iterator[str]:
    if both := bias.patients_of_both_classes:
        have = "have" if both > 1 else "has"
        yield (
            f"{_counted(both, 'patient')} {have} radiographs of both classes: possible where the disease came or went, "
            "worth a look everywhere."
        )
    unnumbered = {radiograph.sha256 for radiograph in labelled.radiographs}  # who names nobody is called by its content
    if joined := sum(unnumbered.isdisjoint(pair) for pair in labelled.same_person):
        yield (
            f"{_counted(joined, 'file')} {_was(joined)} stored under two patient numbers; the patients of each were "
            "taken for one person."
        )
    if unnamed := sum(not radiograph.names_patient for radiograph in labelled.radiographs):
        yield (
            f"Of {_counted(unnamed, 'radiograph')} the patient is not recorded: each counts as a patient of its own, "
            "and one person may stand on both sides of a split."
        )
    if children := [r for r in labelled.radiographs if r.age_years is not None and r.age_years < ADULT_YEARS]:
        diseased = sum(child.diseased for child in children)
        yield (
            f"{_counted(len(children), 'radiograph')} {_verb(len(children), 'show')} a patient under {ADULT_YEARS} "
            f"({diseased} COVID-19, {len(children) - diseased} normal)."
        )
    if several := bias.patients_with_several:
        have = "have" if several > 1 else "has"
        yield (
            f"{several} of {bias.patients} patients {have} several radiographs; wherever the folder is split, these "
            "stay together."
        )


def _figure(shortcut: Shortcut) -> str:
    auc = shortcut.auc
    return f"an AUC of {auc.value:.2f} (95 % interval {auc.low:.2f} to {auc.high:.2f}, n = {auc.n})"


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _verb(count: int, verb: str) -> str:
    return f"{verb}s" if count == 1 else verb


def _was(count: int) -> str:
    return "was" if count == 1 else "were"
