"""The development part as the comparison of recipes starts from it: pictures, lungs, truth, folds and exchanges."""

from __future__ import annotations

import csv
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlparse

import numpy as np
from numpy.typing import NDArray

from cxrscreen.labelled.changed_set import LungsSeen, draw_backgrounds
from cxrscreen.labelled.groups import joined_patients
from cxrscreen.labelled.labelled_set import LabelledSet, read_labelled
from cxrscreen.labelled.likeness import alike
from cxrscreen.labelled.sighted import Sighted
from cxrscreen.labelled.splits import Indices, Split, split_by_patient
from cxrscreen.lungs.bundle import SHIPPED_LUNGS
from cxrscreen.radiograph.acceptance import acceptance_limits
from cxrscreen.settings import load_settings
from cxrscreen.types import PreparedBatch

SEEDS = (11, 12, 13)
"""Of the three splits into folds; the test part is the same in all of them, and nothing here is computed of it."""

COPIES = 3
"""Exchanges of each radiograph within the folds of one split."""

_SOURCE = 10  # radiographs that make a place on the web a source of its own; the others are one together
_ATTRIBUTION = "attribution.csv"


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class DevelopmentSet:
    """Those n radiographs of the development part that have plausible lung fields.

    Attributes:
        seen: Squares, lung fields, truth, patients and views.
        prepared: The whole radiographs as classifier inputs, (n, 224, 224, 3).
        folds: Number of the fold that holds a radiograph out, of each seed: (seeds, n).
        backgrounds: Into whose picture its lungs are set: (seeds, COPIES, n), positions; of the same fold of that seed.
        sources: Where on the web a COVID-19 radiograph comes from, (n,), numbered; -1 for normal ones.
    """

    seen: LungsSeen
    prepared: PreparedBatch = field(repr=False)
    folds: NDArray[np.intp] = field(repr=False)
    backgrounds: NDArray[np.intp] = field(repr=False)
    sources: NDArray[np.intp] = field(repr=False)

    def __len__(self) -> int:
        return len(self.seen.diseased)


def development_set(folder: Path) -> DevelopmentSet:
    """Read the labelled folder, find the lungs with the shipped segmenter, and leave the test part behind."""
    from cxrscreen.lungs.segmenter import Segmenter  # noqa: PLC0415  # starts TensorFlow

    labelled = read_labelled(folder, limits=acceptance_limits(load_settings()))
    patients = joined_patients(labelled, alike(labelled))
    sighted = Sighted.of(labelled, Segmenter.of(SHIPPED_LUNGS))
    splits = [split_by_patient(patients, labelled.diseased, seed=seed) for seed in SEEDS]
    whole = splits[0].development
    places = sighted.part_with_fields(whole)
    seen = sighted.lungs_seen(places, patients, without_fields=len(whole) - len(places))
    folds = np.stack([_fold_of(split, places) for split in splits])
    backgrounds = [
        [draw_backgrounds(seen.diseased, seen.patients, seed=10 * seed + copy, parts=parts) for copy in range(COPIES)]
        for seed, parts in zip(SEEDS, folds, strict=True)
    ]
    return DevelopmentSet(
        seen=seen,
        prepared=labelled.prepared[places],
        folds=folds,
        backgrounds=np.array(backgrounds),
        sources=_sources(labelled, places, folder / _ATTRIBUTION),
    )


def _fold_of(split: Split, places: Indices) -> NDArray[np.intp]:
    fold_of = {int(place): number for number, (_, held_out) in enumerate(split.folds) for place in held_out}
    return np.array([fold_of[int(place)] for place in places])


def _sources(labelled: LabelledSet, places: Indices, attribution: Path) -> NDArray[np.intp]:
    """Number the hosts of the addresses that radiographs were taken from, the most frequent first."""
    with attribution.open(newline="", encoding="utf-8") as file:
        hosts = {row["filename"]: urlparse(row["url"]).netloc for row in csv.DictReader(file)}
    ours = [labelled.radiographs[place] for place in places]
    often = Counter(hosts[one.file_name] for one in ours if one.diseased).most_common()
    number = {host: position for position, (host, count) in enumerate(often) if count >= _SOURCE}
    return np.array([number.get(hosts[one.file_name], len(number)) if one.diseased else -1 for one in ours])
