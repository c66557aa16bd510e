"""A labelled set before any head is fitted: who is in which part, from which base, in which run."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cxrscreen.classifier.recipe import recipe_named
from cxrscreen.classifier.shifts import Shifts, draw_shifts
from cxrscreen.evaluation.data_report import DataReport
from cxrscreen.labelled.bias import examine
from cxrscreen.labelled.groups import joined_patients
from cxrscreen.labelled.labelled_set import LabelledSet, read_labelled
from cxrscreen.labelled.sighted import Sighted
from cxrscreen.labelled.site import Site
from cxrscreen.labelled.splits import Indices, Split, restricted
from cxrscreen.lungs.bundle import segmenter_named
from cxrscreen.lungs.card import LungCard
from cxrscreen.training.base import Bases, base_weights
from cxrscreen.training.held_out import HeldOut, split_around
from cxrscreen.training.request import RetrainRequest
from cxrscreen.training.runs import Run, open_run
from cxrscreen.types import PreparedBatch, Progress

_log = logging.getLogger(__name__)


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
        segmenter: Card of the segmenter that found the lungs.
        lungs: Folder of that segmenter.
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
    segmenter: LungCard
    lungs: Path
    bases: Bases
    run: Run

    @classmethod
    def of(cls, site: Site, request: RetrainRequest, progress: Progress | None) -> Examined:
        """Read the folder, look for leaks and biases, find the lungs, split, and open the run.

        Raises:
            DataSetError: The folder cannot be trained on.
            ModelError: The base or the segmenter is missing or damaged.
            WorkspaceError: This run is under way already, or its folder cannot be written.
        """
        from cxrscreen.lungs.segmenter import Segmenter  # noqa: PLC0415  # starts TensorFlow

        lungs = segmenter_named(site.segmenters, request.lungs)
        labelled = read_labelled(request.data_folder, limits=site.limits, progress=progress)
        _tell_of_left_out(labelled)
        report = examine(labelled, seed=request.seed, progress=progress)
        patients = joined_patients(labelled, report.alike)
        split = split_around(HeldOut.of(site, labelled), labelled, patients, seed=request.seed)
        segmenter = Segmenter.of(lungs)
        sighted = Sighted.of(labelled, segmenter)
        framing = recipe_named(request.recipe).framing
        bases = Bases.of(base_weights(request.base))
        run = open_run(site, request, fingerprint=labelled.fingerprint, base_sha256=bases.given.sha256)
        return cls(
            labelled=labelled,
            report=report,
            patients=patients,
            sighted=sighted,
            whole=split,
            split=restricted(split, sighted.shown(framing), labelled.diseased),
            inputs=sighted.inputs(framing),
            segmenter=segmenter.card,
            lungs=lungs,
            bases=bases,
            run=run,
        )

    @property
    def segmenter_sha256(self) -> str:
        """Of the weights of the segmenter that found the lungs."""
        return self.segmenter.weights_sha256

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


def _tell_of_left_out(labelled: LabelledSet) -> None:
    if labelled.left_out:
        by_reason = ", ".join(f"{count} {reason}" for reason, count in sorted(labelled.left_out_counts.items()))
        _log.warning("Files of %s left out: %s. The evaluation report names them.", labelled.name, by_reason)
