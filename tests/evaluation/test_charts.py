from __future__ import annotations

import re
from collections.abc import Callable

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
BARS = "LineCollection"  # what matplotlib calls the bars of an interval
PALETTE = {"#16202b", "#14507a", "#55606c", "#9aa5b1", "#d9dee3", "#ffffff"}


def words(svg: bytes) -> list[str]:
    """The texts of a chart, which matplotlib writes beside their outlines."""
    return re.findall(r"<!-- (.*?) -->", svg.decode())


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


def test_charts_survive_a_perfect_model_without_a_flag() -> None:
    curve = (
        CurvePoint(threshold=None, sensitivity=0, false_positive_rate=0, precision=None),
        CurvePoint(threshold=0.5, sensitivity=1, false_positive_rate=0, precision=1),
        CurvePoint(threshold=0.5, sensitivity=1, false_positive_rate=1, precision=0.6),
    )
    perfect = FIGURES.model_copy(update={"precision": None, "auc": estimate(1, 0.9, 1)})
    assert "AUC 1.000" in words(charts.roc_chart(curve, perfect))
    assert BARS not in charts.precision_recall_chart(curve, perfect).decode()
    assert BARS in charts.precision_recall_chart(curve, FIGURES).decode()
    certain = tuple(file.model_copy(update={"score": float(file.label == "covid")}) for file in EVALUATION.files)
    assert any("operating point 1.000" in text for text in words(charts.score_chart(certain, 1.0)))


def test_the_bar_of_an_interval_that_does_not_hold_its_value_reaches_to_the_value() -> None:
    beside, to_the_value = (charts.comparison_chart([("AUC", estimate(0.05, -0.02, high))]) for high in (0.04, 0.05))
    assert beside == to_the_value
    assert beside != charts.comparison_chart([("AUC", estimate(0.05, -0.01, 0.05))])


def test_the_search_shows_the_criterion_that_chose() -> None:
    search = made_up_search()
    assert "mean accuracy of the folds" in words(
        charts.search_chart(search.model_copy(update={"criterion": "accuracy"}))
    )
    assert "mean AUC of the folds" in words(charts.search_chart(search))


@pytest.mark.parametrize(
    ("name", "shown"),
    [(r"$\foo$", r"$\foo$"), ("50 $", "50 $"), ("a_b^{c", "a_b^{c"), ("up\x0b\u202edown", "up[U+000B][U+202E]down")],
)
def test_a_stage_may_be_called_anything(name: str, shown: str) -> None:
    search = made_up_search()
    points = tuple(point.model_copy(update={"stage": name}) for point in search.points)
    svg = charts.search_chart(search.model_copy(update={"points": points, "chosen": points[0]}))
    assert "".join(words(svg)[-1].split()) == "".join(shown.split())


def test_two_hundred_settings_can_be_drawn_without_labels_that_run_into_each_other() -> None:
    search = made_up_search()
    many = search.model_copy(update={"points": search.points[:3] * 66})
    labelled, bare = charts.search_chart(search), charts.search_chart(many)
    assert labelled.count(b'use xlink:href="#SourceSans3') > bare.count(b'use xlink:href="#SourceSans3')


def test_differences_and_points_of_one_stage_alone_can_be_drawn() -> None:
    assert COMPARISON.auc is not None
    assert MAKING.search is not None
    one = MAKING.search.model_copy(update={"points": MAKING.search.points[:1], "chosen": MAKING.search.points[0]})
    assert "rate 0.001" in words(charts.search_chart(one))
    assert "AUC" in words(charts.comparison_chart([("AUC", COMPARISON.auc)]))
