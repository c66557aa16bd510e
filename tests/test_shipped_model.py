"""The shipped model's records against the radiographs that it was made from."""

from __future__ import annotations

import csv
import hashlib
from pathlib import Path

import pytest

from cxrscreen.classifier.bundle import read_card, read_making
from cxrscreen.classifier.registry import SHIPPED_MODELS, SHIPPED_VERSION
from cxrscreen.evaluation.result import Evaluation
from cxrscreen.labelled.labelled_set import read_labelled
from cxrscreen.labelled.splits import split_by_patient
from cxrscreen.lungs.bundle import SHIPPED_LUNGS, read_lung_card
from cxrscreen.radiograph.acceptance import acceptance_limits
from cxrscreen.settings import load_settings

SHIPPED = SHIPPED_MODELS / SHIPPED_VERSION


def test_its_evaluation_gives_the_figures_of_its_card() -> None:
    card = read_card(SHIPPED)
    evaluation = Evaluation.model_validate_json((SHIPPED / "evaluation.json").read_bytes())
    assert (evaluation.weights_sha256, evaluation.threshold) == (card.weights_sha256, card.operating_point.threshold)
    assert evaluation.figures.sensitivity == card.test.sensitivity
    assert evaluation.figures.specificity == card.test.specificity
    assert evaluation.figures.accuracy == card.test.accuracy
    assert evaluation.figures.auc == card.test.auc
    assert evaluation.band == card.band_in_test
    assert evaluation.model_limits == card.limits


@pytest.mark.real_data
def test_its_making_names_the_radiographs_that_it_learnt_from_and_those_set_aside(
    real_data: Path, tmp_path: Path
) -> None:
    card, making = read_card(SHIPPED), read_making(SHIPPED)
    assert making is not None
    labelled = read_labelled(real_data / "cxr", limits=acceptance_limits(load_settings(tmp_path)))
    assert labelled.fingerprint == making.fingerprint == card.data_set.fingerprint
    split = split_by_patient(labelled.patients, labelled.diseased, seed=making.seed)
    assert {labelled.radiographs[position].sha256 for position in split.development} == set(making.development)
    assert {labelled.radiographs[position].sha256 for position in split.test} == set(making.test)


@pytest.mark.real_data
def test_its_card_counts_the_patients_whom_the_lung_segmenter_had_learnt_from(real_data: Path) -> None:
    card, making, lungs = read_card(SHIPPED), read_making(SHIPPED), read_lung_card(SHIPPED_LUNGS)
    assert making is not None
    assert card.segmenter_overlap is not None
    learnt = {
        row["patient_id"]
        for row in rows_of(real_data / "lungs" / "metadata.csv")
        if sha256(real_data / "lungs" / row["filename"]) not in lungs.held_out
    }
    overlap = card.segmenter_overlap
    for part, members in ((overlap.test, making.test), (overlap.development, making.development)):
        known = [row for row in rows_of(real_data / "cxr" / "metadata.csv") if row["sha256"] in members]
        of_class = {label: [row for row in known if row["label"] == label] for label in ("covid", "normal")}
        counted = [sum(row["patient_id"] in learnt for row in rows) for rows in of_class.values()]
        assert [part.positives_learnt, part.negatives_learnt] == counted
        assert [part.positives, part.negatives] == [len(rows) for rows in of_class.values()]


def rows_of(table: Path) -> list[dict[str, str]]:
    with table.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()
