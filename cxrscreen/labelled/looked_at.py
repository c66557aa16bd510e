"""A labelled folder before a model: what is read and measured, before anything is reported."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from cxrscreen.classifier.feature_cache import FeatureMapCache
from cxrscreen.evaluation.data_report import DataReport
from cxrscreen.evaluation.predictive import predictive, with_own
from cxrscreen.evaluation.result import Evaluation, SeenBy
from cxrscreen.evaluation.scored import Scored
from cxrscreen.evaluation.unscored import Unscored
from cxrscreen.labelled.bias import examine
from cxrscreen.labelled.evaluation import SEED, data_set_of, evaluation_of, now
from cxrscreen.labelled.groups import joined_patients
from cxrscreen.labelled.labelled_set import read_labelled
from cxrscreen.labelled.measuring import Measured, Measurement
from cxrscreen.labelled.scoring import Scorer
from cxrscreen.labelled.seen import learnt_by_segmenter
from cxrscreen.labelled.sighted import Sighted, segmenter_for
from cxrscreen.labelled.splits import Indices
from cxrscreen.lungs.card import LungCard
from cxrscreen.radiograph.acceptance import AcceptanceLimits
from cxrscreen.types import Progress


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class LookedAt:
    """A labelled folder that was read, and what a model says of it.

    Attributes:
        model: Read and verified.
        sighted: The set, as the model's segmenter sees it.
        segmenter: Card of that segmenter.
        report: What is known of the set without any model.
        patients: Patient of each radiograph, look-alikes joined.
        measured: What the model says.
    """

    model: Scorer
    sighted: Sighted
    segmenter: LungCard
    report: DataReport
    patients: Sequence[str] = field(repr=False)
    measured: Measured

    @property
    def has_both_classes(self) -> bool:
        """Both have scores, so that there can be figures."""
        diseased = self.sighted.labelled.diseased[self.measured.part]
        return bool(diseased.any() and not diseased.all())

    def scored(self) -> Scored:
        """The scores beside the truth.

        Raises:
            DataSetError: A class has none.
        """
        part = self.measured.part
        diseased = self.sighted.labelled.diseased[part]
        return Scored(self.measured.scores, diseased, [self.patients[place] for place in part])

    def evaluation(self, prevalence: float | None) -> Evaluation:
        """All figures.

        Args:
            prevalence: Of the site, where it is known.

        Raises:
            DataSetError: A class has no scores.
        """
        measured, labelled = self.measured, self.sighted.labelled
        seen, seen_by = self._seen(measured.part)
        evaluation = evaluation_of(
            labelled,
            measured.part,
            measured.scores,
            self.model.card,
            name=labelled.name,
            data=self.report,
            patients=self.patients,
            seen=seen,
        )
        return evaluation.model_copy(
            update={
                "predictive": predictive(evaluation.figures, with_own(prevalence)),
                "left_out": (*labelled.left_out, *measured.refused),
                "seen_by": seen_by,
                "shortcuts": measured.shortcuts,
                "maps": measured.maps,
                "gate": measured.gate,
            }
        )

    def unscored(self) -> Unscored:
        """What is known where a class has no scores."""
        labelled, measured, card = self.sighted.labelled, self.measured, self.model.card
        diseased, refused = labelled.diseased, np.ones(len(labelled.radiographs), dtype=np.bool_)
        refused[measured.part] = False
        seen, seen_by = self._seen(np.arange(len(diseased)))
        return Unscored(
            name=labelled.name,
            evaluated_at=now(),
            model=card.version,
            weights_sha256=card.weights_sha256,
            recipe=card.recipe,
            data_set=data_set_of(labelled),
            seen=seen,
            seen_by=seen_by,
            threshold=card.operating_point.threshold,
            data=self.report,
            left_out=(*labelled.left_out, *measured.refused),
            card_shortcuts=card.shortcuts,
            gate=measured.gate,
            calibrated_on=None if card.calibration is None else card.calibration.n,
            diseased=int(diseased.sum()),
            diseased_refused=int((diseased & refused).sum()),
            healthy=int((~diseased).sum()),
            healthy_refused=int((~diseased & refused).sum()),
        )

    def _seen(self, part: Indices) -> tuple[int | None, SeenBy | None]:
        """How many of some radiographs the model has learnt from, and how they were recognised."""
        seen = self.model.seen(self.sighted.labelled, self.patients, self.measured.known)
        if seen is None:
            return None, None
        learnt = learnt_by_segmenter(self.segmenter, self.sighted.labelled, self.patients)
        segmenter = None if learnt is None else int(learnt[part].sum())
        return int(seen.patients[part].sum()), seen.counted(part).model_copy(update={"segmenter": segmenter})


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Task:
    """One model before one labelled folder; what may go wrong is what may go wrong in ``evaluate``.

    Attributes:
        folder: With ``covid/`` and ``normal/``.
        bundle: Folder of the model.
        limits: Of the acceptance gate.
        cache: Of feature maps.
        into: Folder of reports; this one becomes ``evaluation-<moment>-<random>-<version>``.
        segmenters: Folder of the lung segmenters that were trained at this site.
        prevalence: Share of the site's patients who have the disease, where it is known: in (0, 1).
        progress: Told of each step.
    """

    folder: Path
    bundle: Path
    limits: AcceptanceLimits
    cache: FeatureMapCache
    into: Path
    segmenters: Path
    prevalence: float | None = None
    progress: Progress | None = None

    def looked_at(self) -> LookedAt:
        """Read and measure everything."""
        model = Scorer.of(self.bundle)
        labelled = read_labelled(self.folder, limits=self.limits, progress=self.progress)
        report = examine(labelled, seed=SEED, progress=self.progress)
        patients = joined_patients(labelled, report.alike)
        segmenter = segmenter_for(model.card, self.segmenters)
        if model.gate is not None:
            model.gate.check_segmenter(segmenter.card.weights_sha256)
        sighted = Sighted.of(labelled, segmenter)
        measured = Measurement(
            model=model,
            gate=model.gate,
            sighted=sighted,
            patients=patients,
            cache=self.cache,
            seed=SEED,
            progress=self.progress,
        ).taken()
        return LookedAt(
            model=model,
            sighted=sighted,
            segmenter=segmenter.card,
            report=report,
            patients=patients,
            measured=measured,
        )
