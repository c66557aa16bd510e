"""The sentences on a model card: what the model cannot do, and whom it owes thanks."""

from __future__ import annotations

import re
from collections.abc import Set as AbstractSet

from cxrscreen.classifier.bias_report import BiasReport
from cxrscreen.labelled.labelled_set import LabelledSet
from cxrscreen.labelled.shortcuts import IMAGE_SHAPE, SOURCE
from cxrscreen.labelled.traits import ADULT_YEARS, shared_values

_UNSTATED = "unstated"
_WELL_KNOWN = re.compile(r"CC0|CC[ -]BY(-NC)?(-SA|-ND)?([ -]\d\.\d)?", re.IGNORECASE)  # Creative Commons' own words

_NO_PROBABILITY = (
    "The score is no probability of disease. Its threshold was chosen on this collection and need not hold elsewhere."
)
_PROBABILITY = (
    "The score is a probability of COVID-19 among radiographs like those of this collection, where COVID-19 is far "
    "more frequent than in any hospital, and nowhere else. Threshold and band were chosen on it, too."
)


def limits_of(labelled: LabelledSet, bias: BiasReport, *, calibrated: bool = False) -> tuple[str, ...]:
    """Limits for a radiologist, each one measured on this set or true of any model that is trained here.

    Args:
        labelled: The whole set.
        bias: What was measured on it.
        calibrated: Whether scores are probabilities among patients like these.
    """
    return (
        _PROBABILITY if calibrated else _NO_PROBABILITY,
        "Never validated on radiographs of another hospital: expect worse figures there.",
        *_sources(bias),
        *(
            f"Width, height and aspect of the picture, without its content, tell the classes apart with an AUC of "
            f"{shortcut.auc.value:.2f} (n = {shortcut.auc.n}): a good figure is no evidence that the model reads the "
            "lungs."
            for shortcut in bias.shortcuts
            if shortcut.name == IMAGE_SHAPE
        ),
        (
            "It knows two answers only: other pneumonia, oedema, tumour or poor technique may be called COVID-19, "
            "and disease other than COVID-19 may be called normal."
        ),
        _ages(labelled),
        "COVID-19 with a normal radiograph cannot be seen by this method.",
    )


def credits_of(labelled: LabelledSet) -> tuple[str, ...]:
    """Sources of the base weights and of the radiographs, with the licences that the metadata state.

    A licence that few patients share is counted, not repeated, unless it is a well-known one.
    """
    named, others = _sources_to_name(labelled)
    repeated = shared_values([radiograph.licence for radiograph in labelled.radiographs], labelled.radiographs)
    licences: dict[str, set[str]] = {source: set() for source in named}
    for radiograph in labelled.radiographs:
        if radiograph.source in licences:
            licences[radiograph.source].add(radiograph.licence or _UNSTATED)
    return (
        (
            "Base: VGG16 weights of the Visual Geometry Group, Oxford (Simonyan & Zisserman 2014, arXiv 1409.1556), "
            "CC BY 4.0, here frozen and rounded to 16 bits."
        ),
        *(
            f"Radiographs: {source}. Licences as stated: {_listed(stated, repeated)}."
            for source, stated in licences.items()
        ),
        *((f"Radiographs of {others}: see the metadata of {labelled.name}.",) if others else ()),
    )


def _listed(stated: AbstractSet[str], repeated: AbstractSet[str]) -> str:
    told = sorted(one for one in stated if one in repeated | {_UNSTATED} or _WELL_KNOWN.fullmatch(one))
    others = len(stated) - len(told)
    return ", ".join([*told, f"{others} other{'s' if others > 1 else ''} (see the metadata)"] if others else told)


def name_of(labelled: LabelledSet) -> str:
    """The folder's name and, where the metadata name them, its sources."""
    named, others = _sources_to_name(labelled)
    if not named:
        return labelled.name
    return f"{labelled.name}: {'; '.join(named)}{f' and {others}' if others else ''}"


def _sources_to_name(labelled: LabelledSet) -> tuple[list[str], str]:
    """Sources of enough patients in the order of the alphabet, and how many others there are, in words or nothing."""
    sources = [radiograph.source for radiograph in labelled.radiographs]
    named = shared_values(sources, labelled.radiographs)
    others = len({*sources} - {None} - named)
    return sorted(named), f"{others} other source{'s' if others > 1 else ''}" if others else ""


def _sources(bias: BiasReport) -> tuple[str, ...]:
    if bias.disjoint_sources is None:
        return ("Where each radiograph comes from is not recorded: the model may tell sources apart, not disease.",)
    if not bias.disjoint_sources:
        return tuple(
            f"The source of a radiograph alone tells the classes apart with an AUC of {shortcut.auc.value:.2f} "
            f"(n = {shortcut.auc.n}): the model may tell sources apart, not disease."
            for shortcut in bias.shortcuts
            if shortcut.name == SOURCE
        )
    disjoint = (
        "All COVID-19 radiographs come from one set of sources and all normal ones from another: the model may "
        "tell sources apart, not disease."
    )
    return (disjoint,)


def _ages(labelled: LabelledSet) -> str:
    known = [radiograph.age_years for radiograph in labelled.radiographs if radiograph.age_years is not None]
    children = sum(age < ADULT_YEARS for age in known)
    return (
        f"Not for children: of {len(labelled.radiographs)} training and test radiographs, {children} show a patient "
        f"known to be under {ADULT_YEARS} (age known for {len(known)})."
    )
