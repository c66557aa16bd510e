"""The README says what is so."""

from __future__ import annotations

import re

import pytest

from cxrscreen.settings import PROJECT
from tests.benchmarks.pooling_figure import FIGURE, stamp
from tests.benchmarks.readme import with_figures
from tests.benchmarks.results import load

README = (PROJECT / "README.md").read_text()


def test_its_figures_are_those_of_the_card_and_the_benchmarks() -> None:
    assert with_figures(README) == README


def test_its_figure_of_the_pooling_window_was_drawn_from_the_measured_numbers() -> None:
    assert FIGURE.read_bytes().endswith(stamp(load("pooling_window")))


def test_it_is_short() -> None:
    assert len(README.splitlines()) < 200


@pytest.mark.parametrize("path", sorted(set(re.findall(r"deployments/[\w./-]+\w", README))))
def test_the_files_that_it_names_exist(path: str) -> None:
    assert (PROJECT / path).exists()


def test_the_disclaimer_stands_in_both_languages() -> None:
    assert "not for medical use and cannot yet be used for diagnosis" in README
    assert "belum dapat digunakan untuk diagnosis" in README


def test_ci_runs_what_the_readme_tells_a_person_to_run() -> None:
    assert "bash deployments/test.sh" in README
    assert (PROJECT / ".ci" / "run").read_text().splitlines()[-1] == "exec bash deployments/test.sh"
