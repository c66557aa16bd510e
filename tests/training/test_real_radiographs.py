"""On the set that the shipped model was made from, with block averages in the place of VGG16's feature maps."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from cxrscreen.classifier.bundle import read_making
from cxrscreen.classifier.registry import SHIPPED_MODELS, SHIPPED_VERSION, Registry
from cxrscreen.training.retraining import retrain
from cxrscreen.training.search_space import SearchSpace, Stage
from tests.training.drawn import asked, site_in

pytestmark = [pytest.mark.real_data, pytest.mark.tensorflow, pytest.mark.usefixtures("_cheap", "_no_report")]

GENTLE = SearchSpace(stages=(Stage(name="gentle", learning_rate=(0.001,)),))  # at the study's rate these heads die


def test_the_part_that_the_shipped_model_set_aside_stays_set_aside_and_its_look_counts(
    real_data: Path, tmp_path: Path
) -> None:
    site = site_in(tmp_path / "site")
    site = replace(site, registry=Registry((site.models, SHIPPED_MODELS)))
    made = retrain(site, asked(real_data / "cxr", version="v1", seed=5, search=True, space=GENTLE))
    shipped, making = read_making(SHIPPED_MODELS / SHIPPED_VERSION), read_making(site.models / "v1")
    assert shipped is not None
    assert making is not None
    assert set(making.test) == set(shipped.test)
    assert (len(making.test), making.looks, made.evaluation.looks) == (53, 1, 1)
    assert made.comparison is not None
    assert (made.comparison.champion, made.comparison.seen_by_champion) == (SHIPPED_VERSION, 0)
    assert json.loads((site.models / "v1" / "evaluation.json").read_text())["looks"] == 1
