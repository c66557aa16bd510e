"""The shipped model's records against the radiographs that it was made from."""

from __future__ import annotations

from pathlib import Path

import pytest

from cxrscreen.classifier.bundle import read_card, read_making
from cxrscreen.classifier.registry import SHIPPED_MODELS, SHIPPED_VERSION
from cxrscreen.evaluation.result import Evaluation
from cxrscreen.labelled.labelled_set import read_labelled
from cxrscreen.labelled.splits import split_by_patient
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
    # Its value alone: the limits on the shipped card were drawn by an earlier bootstrap, and a card is not rewritten.
    assert evaluation.figures.auc.value == card.test.auc.value


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
