"""What a labelled folder can teach a model besides disease: measured before any training."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping

from cxrscreen.classifier.bias_report import BalanceRow, BiasReport, Trait
from cxrscreen.evaluation.data_report import DataReport
from cxrscreen.evaluation.subgroups import NOT_STATED, place
from cxrscreen.labelled.bias_summary import summary_of
from cxrscreen.labelled.groups import joined_patients
from cxrscreen.labelled.labelled_set import LabelledSet
from cxrscreen.labelled.likeness import alike
from cxrscreen.labelled.shortcuts import measure_shortcuts
from cxrscreen.labelled.traits import traits_of
from cxrscreen.types import Progress


def examine(labelled: LabelledSet, *, seed: int, progress: Progress | None = None) -> DataReport:
    """Look for leaks and biases.

    Args:
        labelled: The whole set.
        seed: Of the folds and the bootstrap of the shortcuts.
        progress: Told of the steps "look-alikes" and "shortcuts".
    """
    pairs = alike(labelled, progress)
    shortcuts = measure_shortcuts(labelled, joined_patients(labelled, pairs), seed=seed)
    if progress:
        progress("shortcuts", 1, 1)
    labels_of = defaultdict(set)
    for radiograph in labelled.radiographs:
        labels_of[radiograph.patient].add(radiograph.diseased)
    bias = BiasReport(
        radiographs=len(labelled.radiographs),
        positives=int(labelled.diseased.sum()),
        patients=len(labels_of),
        patients_with_several=sum(count > 1 for count in Counter(labelled.patients).values()),
        patients_of_both_classes=sum(len(labels) > 1 for labels in labels_of.values()),
        copies=len(labelled.copies),
        alike=len(pairs),
        alike_across_classes=sum(pair.across_classes for pair in pairs),
        disjoint_sources=disjoint_sources(labelled),
        balance=tuple(_balance(labelled)),
        shortcuts=shortcuts,
        summary=(),
    )
    bias = bias.model_copy(update={"summary": summary_of(bias, labelled)})
    return DataReport(bias=bias, copies=labelled.copies, alike=pairs)


def disjoint_sources(labelled: LabelledSet) -> bool | None:
    """Tell whether no recorded source has radiographs of both classes; ``None`` where a class has no recorded one."""
    of_diseased = {radiograph.source for radiograph in labelled.radiographs if radiograph.diseased} - {None}
    of_healthy = {radiograph.source for radiograph in labelled.radiographs if not radiograph.diseased} - {None}
    if not (of_diseased and of_healthy):
        return None
    return not of_diseased & of_healthy


def _balance(labelled: LabelledSet) -> Iterator[BalanceRow]:
    traits: Mapping[Trait, tuple[str | None, ...]] = traits_of(labelled)
    for trait, stated in traits.items():
        values = [value or NOT_STATED for value in stated]
        counts = Counter(zip(values, labelled.diseased.tolist(), strict=True))
        for value in sorted({*values}, key=place):
            yield BalanceRow(by=trait, value=value, diseased=counts[value, True], healthy=counts[value, False])
