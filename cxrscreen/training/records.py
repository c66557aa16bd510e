"""What lies beside card and weights: how the model was made, its evaluation, and its comparison with the champion."""

from __future__ import annotations

import json

from cxrscreen.classifier.estimate import Frozen
from cxrscreen.classifier.making import MAKING_FILE, Making, SearchRecord
from cxrscreen.classifier.registry import COMPARISON_FILE
from cxrscreen.evaluation.result import Comparison, Evaluation
from cxrscreen.reporting.records import write_json
from cxrscreen.training.examined import Examined
from cxrscreen.training.request import RetrainRequest

EVALUATION_FILE = "evaluation.json"
SHIFTS_FILE = "shifts.json"


def making_of(known: Examined, request: RetrainRequest, *, search: SearchRecord | None, looks: int) -> Making:
    """Enough to make the model again, and to know which radiographs it has seen."""
    return Making(
        recipe=request.recipe,
        seed=request.seed,
        data_folder=known.labelled.name,
        fingerprint=known.labelled.fingerprint,
        base_weights_sha256=known.bases.given.sha256,
        augmentation=request.augmentation,
        search=search,
        note=request.note,
        development=known.files_of(known.split.development),
        test=known.files_of(known.split.test),
        looks=looks,
    )


def extras_of(
    known: Examined,
    request: RetrainRequest,
    *,
    making: Making,
    evaluation: Evaluation,
    comparison: Comparison | None,
) -> dict[str, bytes]:
    """Further files of the bundle, by name."""
    records: dict[str, Frozen | None] = {
        MAKING_FILE: making,
        EVALUATION_FILE: evaluation,
        COMPARISON_FILE: comparison,
    }
    extras = {name: write_json(record.model_dump(mode="json")) for name, record in records.items() if record}
    if request.augmentation.copies:
        extras[SHIFTS_FILE] = json.dumps(known.shifts_by_file(request)).encode()
    return extras
