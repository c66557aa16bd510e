"""Score a labelled folder with one model and write the evaluation report: the use case ``evaluate``."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cxrscreen.classifier.card import DataSetCard, ModelCard
from cxrscreen.classifier.estimate import Frozen
from cxrscreen.classifier.feature_cache import FeatureMapCache
from cxrscreen.evaluation.curves import calibration, curve
from cxrscreen.evaluation.data_report import DataReport
from cxrscreen.evaluation.metrics import figures
from cxrscreen.evaluation.page import EvaluationFiles, write_evaluation
from cxrscreen.evaluation.predictive import predictive, with_own
from cxrscreen.evaluation.result import Evaluation, ScoredFile
from cxrscreen.evaluation.scored import Scored
from cxrscreen.evaluation.subgroups import subgroups
from cxrscreen.evaluation.trust_figures import band_on
from cxrscreen.labelled.bias import examine
from cxrscreen.labelled.gallery_pictures import gallery_of
from cxrscreen.labelled.groups import joined_patients
from cxrscreen.labelled.labelled_set import COPY, LabelledSet, read_labelled
from cxrscreen.labelled.measuring import Measurement
from cxrscreen.labelled.scoring import Scorer
from cxrscreen.labelled.seen import of_same_patients
from cxrscreen.labelled.sighted import Sighted, segmenter_for
from cxrscreen.labelled.splits import Indices
from cxrscreen.labelled.statements import name_of
from cxrscreen.labelled.traits import traits_of
from cxrscreen.lungs.gate_bundle import load_gate
from cxrscreen.radiograph.acceptance import AcceptanceLimits
from cxrscreen.types import Progress, Scores

SEED = 2020  # of folds and bootstrap: the same folder and model give the same report


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

    Args:
        folder: With ``covid/`` and ``normal/``.
        bundle: Folder of the model.
        limits: Of the acceptance gate.
        cache: Of feature maps.
        into: Folder of reports; this one becomes ``evaluation-<moment>-<random>-<version>``.
        segmenters: Folder of the lung segmenters that were trained at this site.
        prevalence: Share of the site's patients who have the disease, where it is known: in (0, 1).
        progress: Told of each step.

    Raises:
        DataSetError: The folder is no labelled folder.
        ModelError: The model is damaged.
        ReportError: The report cannot be written.
    """
    model, gate = Scorer.of(bundle), load_gate(bundle)
    labelled = read_labelled(folder, limits=limits, progress=progress)
    report = examine(labelled, seed=SEED, progress=progress)
    patients, learnt = joined_patients(labelled, report.alike), model.developed_on
    segmenter = segmenter_for(model.card, segmenters)
    if gate is not None:
        gate.check_segmenter(segmenter.card.weights_sha256)
    sighted = Sighted.of(labelled, segmenter)
    measured = Measurement(
        model=model, gate=gate, sighted=sighted, patients=patients, cache=cache, seed=SEED, progress=progress
    ).taken()
    evaluation = evaluation_of(
        labelled,
        measured.part,
        measured.scores,
        model.card,
        name=labelled.name,
        data=report,
        patients=patients,
        seen=None if learnt is None else int(of_same_patients(learnt, labelled, patients)[measured.part].sum()),
    )
    evaluation = evaluation.model_copy(
        update={
            "predictive": predictive(evaluation.figures, with_own(prevalence)),
            "left_out": (*labelled.left_out, *measured.refused),
            "shortcuts": measured.shortcuts,
            "maps": measured.maps,
            "gate": measured.gate,
        }
    )
    pictures = gallery_of(
        folder,
        evaluation,
        sighted,
        model.head,
        model.base,
        recipe=model.recipe,
        cache=cache,
        limits=limits,
        progress=progress,
    )
    moment = datetime.fromisoformat(evaluation.evaluated_at).strftime("%Y%m%dT%H%M%S")
    name = f"evaluation-{moment}-{secrets.token_hex(4)}-{model.card.version}"
    files = write_evaluation(evaluation, pictures, into / name, making=model.making)
    if progress:
        progress("report", 1, 1)
    scored = Scored(measured.scores, labelled.diseased[measured.part], [patients[place] for place in measured.part])
    return Evaluated(evaluation, files, scored)


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
        calibrated_on=None if card.calibration is None else card.calibration.n,
        band=None if card.band is None else band_on(card.band, scored),
        card_shortcuts=card.shortcuts,
    )


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
        "refused": len(refused),
        "copies": len(evaluation.left_out) - len(refused),
        "report_html": str(evaluated.files.html),
        "report_pdf": str(evaluated.files.pdf),
        "files": [file.model_dump(mode="json") for file in evaluation.files],
        "refused_files": [file.model_dump(mode="json") for file in refused],
    }


def _dumped(found: Frozen | None) -> dict[str, Any] | None:
    return None if found is None else found.model_dump(mode="json")
