"""A labelled set before any head is fitted: who is in which part, from which base, in which run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from cxrscreen.classifier.shifts import Shifts, draw_shifts
from cxrscreen.evaluation.data_report import DataReport
from cxrscreen.labelled.labelled_set import LabelledSet
from cxrscreen.labelled.sighted import Sighted
from cxrscreen.labelled.splits import Indices, Split
from cxrscreen.training.base import Bases
from cxrscreen.training.request import RetrainRequest
from cxrscreen.training.runs import Run
from cxrscreen.types import PreparedBatch


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Examined:
    """What a retraining knows once the folder is read.

    Attributes:
        labelled: The whole set.
        report: Leaks and biases of the whole set.
        patients: Patient of each radiograph, look-alikes joined.
        sighted: Where the lungs of each radiograph are.
        whole: The split by these patients.
        split: The same without radiographs that the recipe cannot be shown, for want of plausible lung fields.
        inputs: What the recipe is shown of each radiograph, (n, 224, 224, 3).
        segmenter_sha256: Of the weights of the segmenter that found the lungs.
        bases: Given and rounded.
        run: Folder and version.
    """

    labelled: LabelledSet
    report: DataReport
    patients: Sequence[str]
    sighted: Sighted
    whole: Split
    split: Split
    inputs: PreparedBatch = field(repr=False)
    segmenter_sha256: str
    bases: Bases
    run: Run

    def files_of(self, part: Indices) -> tuple[str, ...]:
        """SHA-256 of the files of a part, sorted."""
        return tuple(sorted(self.labelled.radiographs[position].sha256 for position in part))

    def shifts(self, request: RetrainRequest) -> Shifts:
        """Where the copies of the development part go, shape (m, copies, 2)."""
        prepared = self.inputs[self.split.development]
        return draw_shifts(prepared, request.augmentation, seed=request.seed)

    def shifts_by_file(self, request: RetrainRequest) -> dict[str, list[list[int]]]:
        """The same by the SHA-256 of the file, pixels down and to the right, as the record of the model keeps them."""
        files = (self.labelled.radiographs[position].sha256 for position in self.split.development)
        return dict(zip(files, self.shifts(request).tolist(), strict=True))
