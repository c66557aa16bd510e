"""The sentences on a model card: what the model cannot do, and whom it owes thanks."""

from __future__ import annotations

from cxrscreen.labelled.labelled_set import LabelledSet

_ADULT_YEARS = 18


def limits_of(labelled: LabelledSet, *, shape_auc: float, shape_n: int) -> tuple[str, ...]:
    """Limits for a radiologist, each one measured on this set or true of any model that is trained here.

    Args:
        labelled: The whole set.
        shape_auc: From ``shortcuts.shape_auc``.
        shape_n: Radiographs that it rests on.
    """
    return (
        (
            "The score is no probability of disease. Its threshold was chosen on this collection and need not hold "
            "elsewhere."
        ),
        "Never validated on radiographs of another hospital: expect worse figures there.",
        *_sources(labelled),
        (
            f"Width, height and aspect of the picture, without its content, tell the classes apart with an AUC of "
            f"{shape_auc:.2f} (n = {shape_n}): a good figure is no evidence that the model reads the lungs."
        ),
        (
            "It knows two answers only: other pneumonia, oedema, tumour or poor technique may be called COVID-19, "
            "and disease other than COVID-19 may be called normal."
        ),
        _ages(labelled),
        "COVID-19 with a normal radiograph cannot be seen by this method.",
    )


def credits_of(labelled: LabelledSet) -> tuple[str, ...]:
    """Sources of the base weights and of the radiographs, with the licences that the metadata state."""
    licences: dict[str, set[str]] = {}
    for radiograph in labelled.radiographs:
        if radiograph.source:
            licences.setdefault(radiograph.source, set()).add(radiograph.licence or "unstated")
    return (
        (
            "Base: VGG16 weights of the Visual Geometry Group, Oxford (Simonyan & Zisserman 2014, arXiv 1409.1556), "
            "CC BY 4.0, here frozen and rounded to 16 bits."
        ),
        *(
            f"Radiographs: {source}. Licences as stated: {', '.join(sorted(stated))}."
            for source, stated in sorted(licences.items())
        ),
    )


def name_of(labelled: LabelledSet) -> str:
    """The folder's name and, where the metadata name them, its sources."""
    sources = sorted({radiograph.source for radiograph in labelled.radiographs if radiograph.source})
    return f"{labelled.name}: {'; '.join(sources)}" if sources else labelled.name


def _sources(labelled: LabelledSet) -> tuple[str, ...]:
    of_diseased = {radiograph.source for radiograph in labelled.radiographs if radiograph.diseased}
    of_healthy = {radiograph.source for radiograph in labelled.radiographs if not radiograph.diseased}
    if None in of_diseased | of_healthy:
        return ("Where each radiograph comes from is not recorded: the model may tell sources apart, not disease.",)
    if of_diseased & of_healthy:
        return ()
    disjoint = (
        "All COVID-19 radiographs come from one set of sources and all normal ones from another: the model may "
        "tell sources apart, not disease."
    )
    return (disjoint,)


def _ages(labelled: LabelledSet) -> str:
    known = [radiograph.age_years for radiograph in labelled.radiographs if radiograph.age_years is not None]
    children = sum(age < _ADULT_YEARS for age in known)
    return (
        f"Not for children: of {len(labelled.radiographs)} training and test radiographs, {children} show a patient "
        f"known to be under {_ADULT_YEARS} (age known for {len(known)})."
    )
