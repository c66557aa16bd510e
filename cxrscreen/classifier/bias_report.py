"""What a labelled folder can teach a model besides disease: leaks and biases, measured before any training."""

from __future__ import annotations

from typing import Literal

from cxrscreen.classifier.estimate import Estimate, Frozen

Trait = Literal["source", "view", "sex", "age", "size"]


class BalanceRow(Frozen):
    """How the classes share one value of one trait."""

    by: Trait
    value: str  # e.g. "PA", "60 to 79 years", "not stated"
    diseased: int
    healthy: int


class Shortcut(Frozen):
    """How well a trivial descriptor, which cannot know disease, tells the classes apart."""

    name: str  # e.g. "border without the lungs"
    meaning: str  # one sentence: what is looked at
    auc: Estimate


class BiasReport(Frozen):
    """Names nobody and no file: it lands on the model's card.

    ``summary`` is the first paragraph of the evaluation report, the worst news first.
    """

    radiographs: int
    positives: int
    patients: int
    patients_with_several: int  # who have more than one radiograph in the set
    patients_of_both_classes: int
    copies: int  # files left out because their content was there already
    alike: int  # pairs of different files that show one exposure, also mirrored
    alike_across_classes: int
    disjoint_sources: bool | None  # None: the sources are not recorded
    balance: tuple[BalanceRow, ...]
    shortcuts: tuple[Shortcut, ...]  # empty where there are too few patients to measure them
    summary: tuple[str, ...]
