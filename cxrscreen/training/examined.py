"""A labelled set before any head is fitted: who is in which part, from which base, in which run."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from cxrscreen.classifier.shifts import Shifts, draw_shifts
from cxrscreen.evaluation.data_report import DataReport
from cxrscreen.labelled.labelled_set import LabelledSet
from cxrscreen.labelled.splits import Indices, Split
from cxrscreen.training.base import Bases
from cxrscreen.training.libraries import library_versions
from cxrscreen.training.request import RetrainRequest
from cxrscreen.training.runs import Run


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Examined:
    """What a retraining knows once the folder is read.

    Attributes:
        labelled: The whole set.
        report: Leaks and biases of the whole set.
        patients: Patient of each radiograph, look-alikes joined.
        split: By these patients.
        bases: Given and rounded.
        run: Folder and version.
    """

    labelled: LabelledSet
    report: DataReport
    patients: Sequence[str]
    split: Split
    bases: Bases
    run: Run

    def test_set(self) -> LabelledSet:
        """The test part as a set of its own."""
        radiographs = tuple(self.labelled.radiographs[position] for position in self.split.test)
        return replace(self.labelled, radiographs=radiographs, prepared=self.labelled.prepared[self.split.test])

    def files_of(self, part: Indices) -> tuple[str, ...]:
        """SHA-256 of the files of a part, sorted."""
        return tuple(sorted(self.labelled.radiographs[position].sha256 for position in part))

    def shifts(self, request: RetrainRequest) -> Shifts:
        """Where the copies of the development part go, shape (m, copies, 2)."""
        prepared = self.labelled.prepared[self.split.development]
        return draw_shifts(prepared, request.augmentation, seed=request.seed)

    def shifts_by_file(self, request: RetrainRequest) -> dict[str, list[list[int]]]:
        """The same by the SHA-256 of the file, pixels down and to the right, as the record of the model keeps them."""
        files = (self.labelled.radiographs[position].sha256 for position in self.split.development)
        return dict(zip(files, self.shifts(request).tolist(), strict=True))

    def circumstances(self, request: RetrainRequest) -> str:
        """Digest of all that moves a figure of the search, besides the recipe."""
        fold_of = np.zeros(len(self.patients), dtype=np.intp)
        for number, (_, validation) in enumerate(self.split.folds, start=1):
            fold_of[validation] = number
        rows = [
            (radiograph.sha256, radiograph.diseased, int(fold))
            for radiograph, fold in zip(self.labelled.radiographs, fold_of, strict=True)
        ]
        all_of_it = [
            rows,
            self.bases.rounded.sha256,
            request.seed,
            request.augmentation.model_dump(),
            library_versions(),
        ]
        return hashlib.sha256(json.dumps(all_of_it).encode()).hexdigest()
