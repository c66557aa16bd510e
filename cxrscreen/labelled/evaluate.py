"""Score a labelled folder with one model and write the evaluation report: the use case ``evaluate``."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from cxrscreen.classifier.estimate import Frozen
from cxrscreen.classifier.feature_cache import FeatureMapCache
from cxrscreen.errors import DataSetError
from cxrscreen.evaluation.page import EvaluationFiles, write_evaluation
from cxrscreen.evaluation.result import Evaluation
from cxrscreen.evaluation.scored import Scored
from cxrscreen.evaluation.unscored import Unscored
from cxrscreen.labelled.gallery_pictures import gallery_of
from cxrscreen.labelled.labelled_set import COPY
from cxrscreen.labelled.looked_at import LookedAt, Task
from cxrscreen.radiograph.acceptance import AcceptanceLimits
from cxrscreen.types import Progress


@dataclass(frozen=True, slots=True)
class Evaluated:
    """What was found, and where the report lies.

    Attributes:
        evaluation: All figures.
        files: Their report.
        scored: The scores that they rest on, with the patients, whom no report names.
    """

    evaluation: Evaluation
    files: EvaluationFiles
    scored: Scored = field(repr=False)


def evaluate(  # noqa: PLR0913  # one call is the whole interface; all but the folder go by name
    folder: Path,
    *,
    bundle: Path,
    limits: AcceptanceLimits,
    cache: FeatureMapCache,
    into: Path,
    segmenters: Path,
    prevalence: float | None = None,
    progress: Progress | None = None,
) -> Evaluated:
    """Score every radiograph of a labelled folder and report all figures, into a new folder below ``into``.

    For the arguments see ``Task``.

    Raises:
        DataSetError: The folder is no labelled folder, or the model refuses all radiographs of a class.
        ModelError: The model is damaged.
        ReportError: The report cannot be written.
    """
    task = Task(
        folder=folder,
        bundle=bundle,
        limits=limits,
        cache=cache,
        into=into,
        segmenters=segmenters,
        prevalence=prevalence,
        progress=progress,
    )
    looked = task.looked_at()
    if not looked.has_both_classes:
        raise DataSetError(looked.unscored().sentence)
    return reported(task, looked)


def report_name(kind: str, evaluation: Evaluation | Unscored) -> str:
    """Name a new folder for what was found: ``<kind>-<moment>-<random>-<version>``."""
    moment = datetime.fromisoformat(evaluation.evaluated_at).strftime("%Y%m%dT%H%M%S")
    return f"{kind}-{moment}-{secrets.token_hex(4)}-{evaluation.model}"


def reported(task: Task, looked: LookedAt) -> Evaluated:
    """Put the figures together and write the report.

    Args:
        task: Says where.
        looked: Has scores of both classes.
    """
    model, evaluation = looked.model, looked.evaluation(task.prevalence)
    pictures = gallery_of(
        task.folder,
        evaluation,
        looked.sighted,
        model.head,
        model.base,
        recipe=model.recipe,
        cache=task.cache,
        limits=task.limits,
        progress=task.progress,
    )
    name = report_name("evaluation", evaluation)
    files = write_evaluation(evaluation, pictures, task.into / name, making=model.making)
    if task.progress:
        task.progress("report", 1, 1)
    return Evaluated(evaluation, files, looked.scored())


def evaluation_as_json(evaluated: Evaluated) -> dict[str, Any]:
    """What ``cxrscreen evaluate --json`` prints."""
    evaluation, found = evaluated.evaluation, evaluated.evaluation.figures
    refused = [file for file in evaluation.left_out if file.reason != COPY]
    return {
        "model": evaluation.model,
        "n": found.n,
        "positives": found.positives,
        "auc": found.auc.value,
        "auc_ci": [found.auc.low, found.auc.high],
        "sensitivity": found.sensitivity.value,
        "sensitivity_ci": [found.sensitivity.low, found.sensitivity.high],
        "specificity": found.specificity.value,
        "specificity_ci": [found.specificity.low, found.specificity.high],
        "operating_point": evaluation.threshold,
        "brier": found.brier.value,
        "calibrated_on": evaluation.calibrated_on,
        "band": _dumped(evaluation.band),
        "shown_to_use_lungs": None if evaluation.shortcuts is None else evaluation.shortcuts.shown_to_use_lungs,
        "shortcuts": _dumped(evaluation.shortcuts),
        "maps": _dumped(evaluation.maps),
        "gate": _dumped(evaluation.gate),
        "seen": evaluation.seen,
        "seen_by": _dumped(evaluation.seen_by),
        "refused": len(refused),
        "copies": len(evaluation.left_out) - len(refused),
        "report_html": str(evaluated.files.html),
        "report_pdf": str(evaluated.files.pdf),
        "files": [file.model_dump(mode="json") for file in evaluation.files],
        "refused_files": [file.model_dump(mode="json") for file in refused],
    }


def _dumped(found: Frozen | None) -> dict[str, Any] | None:
    return None if found is None else found.model_dump(mode="json")
