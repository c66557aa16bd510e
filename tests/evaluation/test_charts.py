from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from cxrscreen.evaluation import charts
from cxrscreen.evaluation.result import CurvePoint
from tests.evaluation.evaluation_samples import BIAS, COMPARISON, FIGURES, MAKING, estimate, evaluation, made_up_search

EVALUATION = evaluation()
ALL: dict[str, Callable[[], bytes]] = {
    "roc": lambda: charts.roc_chart(EVALUATION.curve, FIGURES),
    "precision-recall": lambda: charts.precision_recall_chart(EVALUATION.curve, FIGURES),
    "calibration": lambda: charts.calibration_chart(EVALUATION.calibration, FIGURES),
    "scores": lambda: charts.score_chart(EVALUATION.files, EVALUATION.threshold),
    "search": lambda: charts.search_chart(made_up_search()),
    "shortcuts": lambda: charts.shortcut_chart(BIAS.shortcuts, "standard-0", FIGURES.auc),
    "comparison": lambda: charts.comparison_chart([("AUC", estimate(0.01, -0.02, 0.04))]),
}
PALETTE = {"#16202b", "#14507a", "#55606c", "#9aa5b1", "#d9dee3", "#ffffff"}


@pytest.mark.parametrize("name", ALL)
def test_a_chart_is_vector_with_its_text_as_outlines_and_asks_for_nothing(name: str) -> None:
    svg = ALL[name]().decode()
    assert svg.startswith("<?xml")
    assert "<image" not in svg
    assert "<text" not in svg
    assert "SourceSans3" in svg
    assert not re.findall(r'href="(?!#)', svg)


@pytest.mark.parametrize("name", ALL)
def test_a_chart_has_no_colours_but_ink_greys_and_one_accent(name: str) -> None:
    assert set(re.findall(r"#[0-9a-f]{6}\b", ALL[name]().decode())) <= PALETTE | {"#000000"}


def test_another_process_draws_the_same_bytes() -> None:
    program = (
        "import sys\n"
        "from tests.evaluation.test_charts import ALL\n"
        "for draw in ALL.values(): sys.stdout.buffer.write(draw())\n"
    )
    project = Path(__file__).parents[2]
    there = subprocess.run([sys.executable, "-c", program], check=True, cwd=project, capture_output=True).stdout
    assert there == b"".join(draw() for draw in ALL.values())


def test_charts_survive_a_perfect_model_without_a_flag() -> None:
    curve = (
        CurvePoint(threshold=None, sensitivity=0, false_positive_rate=0, precision=None),
        CurvePoint(threshold=0.5, sensitivity=1, false_positive_rate=0, precision=1),
        CurvePoint(threshold=0.5, sensitivity=1, false_positive_rate=1, precision=0.6),
    )
    perfect = FIGURES.model_copy(update={"precision": None, "auc": estimate(1, 0.9, 1)})
    assert charts.roc_chart(curve, perfect)
    assert charts.precision_recall_chart(curve, perfect)
    certain = tuple(file.model_copy(update={"score": float(file.label == "covid")}) for file in EVALUATION.files)
    assert charts.score_chart(certain, 1.0)


def test_an_interval_that_does_not_hold_its_value_is_drawn_all_the_same() -> None:
    assert charts.comparison_chart([("AUC", estimate(0.05, -0.02, 0.04))])


def test_the_search_shows_the_criterion_that_chose() -> None:
    search = made_up_search()
    by_accuracy = charts.search_chart(search.model_copy(update={"criterion": "accuracy"}))
    assert by_accuracy != charts.search_chart(search)


def test_two_hundred_settings_can_be_drawn_without_labels_that_run_into_each_other() -> None:
    search = made_up_search()
    many = search.model_copy(update={"points": search.points[:3] * 66})
    labelled, bare = charts.search_chart(search), charts.search_chart(many)
    assert labelled.count(b'use xlink:href="#SourceSans3') > bare.count(b'use xlink:href="#SourceSans3')


def test_differences_and_points_of_one_stage_alone_can_be_drawn() -> None:
    assert COMPARISON.auc is not None
    assert MAKING.search is not None
    one = MAKING.search.model_copy(update={"points": MAKING.search.points[:1], "chosen": MAKING.search.points[0]})
    assert charts.search_chart(one)
    assert charts.comparison_chart([("AUC", COMPARISON.auc)])
