"""Score a labelled folder with one model and write the evaluation report: the use case ``evaluate``."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cxrscreen.classifier.base_weights import BaseWeights
from cxrscreen.classifier.card import DataSetCard, ModelCard
from cxrscreen.classifier.feature_cache import FeatureMapCache
from cxrscreen.classifier.head import Head
from cxrscreen.errors import DataSetError
from cxrscreen.evaluation.curves import calibration, curve
from cxrscreen.evaluation.data_report import DataReport
from cxrscreen.evaluation.gallery import GalleryPicture, choose, predicted
from cxrscreen.evaluation.metrics import figures
from cxrscreen.evaluation.page import EvaluationFiles, write_evaluation
from cxrscreen.evaluation.predictive import predictive
from cxrscreen.evaluation.result import Evaluation, ScoredFile
from cxrscreen.evaluation.scored import Scored
from cxrscreen.evaluation.subgroups import subgroups
from cxrscreen.labelled.bias import examine
from cxrscreen.labelled.groups import joined_patients
from cxrscreen.labelled.labelled_set import COPY, LabelledRadiograph, LabelledSet, read_labelled
from cxrscreen.labelled.scoring import Scorer
from cxrscreen.labelled.seen import of_same_patients
from cxrscreen.labelled.splits import Indices
from cxrscreen.labelled.statements import name_of
from cxrscreen.labelled.traits import traits_of
from cxrscreen.radiograph.acceptance import AcceptanceLimits
from cxrscreen.radiograph.prepare import to_reading_resolution
from cxrscreen.radiograph.read import read_radiograph
from cxrscreen.reporting.overlay import blend_overlay
from cxrscreen.reporting.study_page import has_evidence
from cxrscreen.reporting.writer import encode_colour, encode_grey
from cxrscreen.types import Progress, Scores

SEED = 2020  # of folds and bootstrap: the same folder and model give the same report

_GALLERY_SIDE = 512  # pixels of the longer side
_ALPHA = 0.5


@dataclass(frozen=True, slots=True)
class Evaluated:
    """What was found, and where the report lies."""

    evaluation: Evaluation
    files: EvaluationFiles


def evaluate(  # noqa: PLR0913  # one call is the whole interface; all but the folder go by name
    folder: Path,
    *,
    bundle: Path,
    limits: AcceptanceLimits,
    cache: FeatureMapCache,
    into: Path,
    progress: Progress | None = None,
) -> Evaluated:
    """Score every radiograph of a labelled folder and report all figures, into a new folder below ``into``.

    Args:
        folder: With ``covid/`` and ``normal/``.
        bundle: Folder of the model.
        limits: Of the acceptance gate.
        cache: Of feature maps.
        into: Folder of reports; this one becomes ``evaluation-<moment>-<random>-<version>``.
        progress: Told of each step.

    Raises:
        DataSetError: The folder is no labelled folder.
        ModelError: The model is damaged.
        ReportError: The report cannot be written.
    """
    model = Scorer.of(bundle)
    labelled = read_labelled(folder, limits=limits, progress=progress)
    report = examine(labelled, seed=SEED, progress=progress)
    patients, learnt = joined_patients(labelled, report.alike), model.developed_on
    evaluation = evaluation_of(
        labelled,
        None,
        model.scores(labelled.prepared, cache, step="feature maps", progress=progress),
        model.card,
        name=labelled.name,
        data=report,
        patients=patients,
        seen=None if learnt is None else int(of_same_patients(learnt, labelled, patients).sum()),
    )
    pictures = gallery_of(
        folder, evaluation, labelled, model.head, model.base, cache=cache, limits=limits, progress=progress
    )
    moment = datetime.fromisoformat(evaluation.evaluated_at).strftime("%Y%m%dT%H%M%S")
    name = f"evaluation-{moment}-{secrets.token_hex(4)}-{model.card.version}"
    files = write_evaluation(evaluation, pictures, into / name, making=model.making)
    if progress:
        progress("report", 1, 1)
    return Evaluated(evaluation, files)


def evaluation_of(  # noqa: PLR0913  # what was scored, by whom, and what is known of both
    labelled: LabelledSet,
    part: Indices | None,
    scores: Scores,
    card: ModelCard,
    *,
    name: str,
    data: DataReport,
    patients: Sequence[str],
    seen: int | None,
    looks: int | None = None,
    seed: int = SEED,
) -> Evaluation:
    """Put all figures of one model on one set together.

    Args:
        labelled: The whole set.
        part: Positions of the radiographs that are evaluated; ``None`` takes all.
        scores: Of these radiographs alone, in their order.
        card: Of the model; gives the operating point.
        name: What is evaluated, for people.
        data: What ``examine`` found in the whole set.
        patients: Patient of each radiograph of the whole set, length n; from ``groups.joined_patients``.
        seen: How many of these radiographs are of patients whom the model has learnt from; ``None`` where nobody knows.
        looks: How often they were scored before, where that is counted.
        seed: Of the bootstrap.

    Raises:
        DataSetError: The part lacks a class.
    """
    places = range(len(labelled.radiographs)) if part is None else part.tolist()
    radiographs = [labelled.radiographs[i] for i in places]
    traits: dict[str, list[str | None]] = {
        by: [values[i] for i in places] for by, values in traits_of(labelled).items() if by != "size"
    }
    threshold = card.operating_point.threshold
    scored = Scored(scores, labelled.diseased[list(places)], [patients[i] for i in places])
    found = figures(scored, threshold=threshold, seed=seed)
    return Evaluation(
        name=name,
        evaluated_at=datetime.now(UTC).astimezone().isoformat(timespec="seconds"),
        model=card.version,
        weights_sha256=card.weights_sha256,
        recipe=card.recipe,
        data_set=DataSetCard(
            name=name_of(labelled),
            fingerprint=labelled.fingerprint,
            n=len(labelled.radiographs),
            positives=int(labelled.diseased.sum()),
            patients=len(set(labelled.patients)),
        ),
        seen=seen,
        looks=looks,
        threshold=threshold,
        figures=found,
        curve=curve(scored),
        calibration=calibration(scored),
        predictive=predictive(found),
        subgroups=subgroups(scored, traits, threshold=threshold, seed=seed),
        data=data,
        files=tuple(
            ScoredFile(file=one.file_name, label="covid" if one.diseased else "normal", score=score)
            for one, score in zip(radiographs, scores.tolist(), strict=True)
        ),
        left_out=labelled.left_out,
    )


def gallery_of(  # noqa: PLR0913  # the pictures come from the folder, the maps from the model
    folder: Path,
    evaluation: Evaluation,
    labelled: LabelledSet,
    head: Head,
    base: BaseWeights,
    *,
    cache: FeatureMapCache,
    limits: AcceptanceLimits,
    progress: Progress | None = None,
) -> tuple[GalleryPicture, ...]:
    """Draw the radiographs that the report shows; these few are read again.

    Args:
        folder: The labelled folder.
        evaluation: Of radiographs in it.
        labelled: The whole set.
        head: Of the evaluated model.
        base: Of the same.
        cache: Of feature maps.
        limits: Of the acceptance gate.
        progress: Told of the step "gallery".

    Raises:
        DataSetError: A file went away or changed since it was scored.
    """
    from cxrscreen.classifier.gradcam import GradCam  # noqa: PLC0415  # starts TensorFlow

    row_of = {radiograph.file_name: row for row, radiograph in enumerate(labelled.radiographs)}
    chosen = choose(evaluation.files, evaluation.threshold)
    shown = labelled.prepared[[row_of[file.file] for file in chosen]]
    feature_maps = cache.feature_maps(shown, base, step="gallery", progress=progress)
    maps = GradCam(head).activation_maps(feature_maps, variant="guided")
    pictures = []
    for file, activation_map in zip(chosen, maps, strict=True):
        content = _unchanged(folder, labelled.radiographs[row_of[file.file]])
        radiograph = read_radiograph(content, limits)
        pixels = to_reading_resolution(radiograph.reading, max_side=_GALLERY_SIDE)
        picture = GalleryPicture(
            file=file.file,
            truth=file.label,
            prediction=predicted(file, evaluation.threshold),
            score=file.score,
            jpeg=encode_grey(pixels),
            marked=False,
        )
        if has_evidence(activation_map):
            overlay = blend_overlay(pixels, activation_map, alpha=_ALPHA)
            picture = replace(picture, jpeg=encode_colour(overlay), marked=True)
        pictures.append(picture)
    return tuple(pictures)


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
        "seen": evaluation.seen,
        "refused": len(refused),
        "copies": len(evaluation.left_out) - len(refused),
        "report_html": str(evaluated.files.html),
        "report_pdf": str(evaluated.files.pdf),
        "files": [file.model_dump(mode="json") for file in evaluation.files],
        "refused_files": [file.model_dump(mode="json") for file in refused],
    }


def _unchanged(folder: Path, radiograph: LabelledRadiograph) -> bytes:
    try:
        content = (folder / radiograph.file_name).read_bytes()
    except OSError:
        content = b""
    if hashlib.sha256(content).hexdigest() != radiograph.sha256:
        raise DataSetError(
            "A radiograph changed while the folder was evaluated. Leave the folder alone and try again.",
            files=[radiograph.file_name],
        )
    return content
