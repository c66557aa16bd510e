"""What lies beside card and weights: how the model was made, its evaluation, and its comparison with the champion."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from cxrscreen.classifier.estimate import Frozen
from cxrscreen.classifier.making import MAKING_FILE, Making, SearchRecord
from cxrscreen.classifier.registry import COMPARISON_FILE
from cxrscreen.errors import ModelError
from cxrscreen.evaluation.page import RECORD_FILE
from cxrscreen.evaluation.result import Comparison, Evaluation
from cxrscreen.reporting.records import write_json
from cxrscreen.training.examined import Examined
from cxrscreen.training.request import RetrainRequest

SHIFTS_FILE = "shifts.json"  # no program reads it: it is the record of what was drawn, before the first step

_Record = TypeVar("_Record", bound=Frozen)


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
        RECORD_FILE: evaluation,
        COMPARISON_FILE: comparison,
    }
    extras = {name: write_json(record.model_dump(mode="json")) for name, record in records.items() if record}
    if request.augmentation.copies:
        extras[SHIFTS_FILE] = json.dumps(known.shifts_by_file(request)).encode()
    return extras


def read_judgement(bundle: Path) -> tuple[Evaluation, Comparison | None]:
    """Evaluation and comparison of a model that was made here; the latter is missing where there was no champion.

    Raises:
        ModelError: A record is damaged, or the evaluation missing.
    """
    comparison = bundle / COMPARISON_FILE
    return _read(bundle / RECORD_FILE, Evaluation), _read(comparison, Comparison) if comparison.exists() else None


def _read(file: Path, kind: type[_Record]) -> _Record:
    try:
        return kind.model_validate_json(file.read_bytes())
    except (OSError, ValidationError) as exc:
        raise ModelError(
            f"{file.name} of the model {file.parent.name} is missing or damaged. Restore the folder from its source."
        ) from exc
