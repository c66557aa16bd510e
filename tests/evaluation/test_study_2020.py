from __future__ import annotations

import pytest

from cxrscreen.evaluation.study_2020 import STUDY_2020


def test_the_figures_are_those_that_the_study_printed() -> None:
    printed = {"accuracy": 0.9815, "precision": 0.97, "sensitivity": 1.00, "specificity": 0.9545}
    assert {name: figure.value for name, figure in STUDY_2020} == pytest.approx(printed, abs=0.0005)


def test_only_one_table_of_54_images_gives_what_the_study_printed() -> None:
    tables = [
        (found, missed, alarmed, 54 - found - missed - alarmed)
        for found in range(1, 54)
        for missed in range(54 - found)
        for alarmed in range(54 - found - missed)
    ]
    fitting = [
        (found, missed, alarmed, cleared)
        for found, missed, alarmed, cleared in tables
        if round((found + cleared) / 54, 4) == 0.9815
        and round(found / (found + alarmed), 2) == 0.97
        and round(found / (found + missed), 2) == 1
        and round(cleared / (cleared + alarmed), 4) == 0.9545
    ]
    assert fitting == [(32, 0, 1, 21)]


def test_its_intervals_are_as_wide_as_54_images_make_them() -> None:
    figures = dict(STUDY_2020)
    assert {name: figure.n for name, figure in STUDY_2020} == {
        "accuracy": 54,
        "precision": 33,
        "sensitivity": 32,
        "specificity": 22,
    }
    assert (figures["sensitivity"].low, figures["sensitivity"].high) == pytest.approx((0.893, 1.0), abs=0.0005)
    assert (figures["specificity"].low, figures["specificity"].high) == pytest.approx((0.782, 0.992), abs=0.0005)
