"""The README says what is so."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from cxrscreen.classifier.registry import SHIPPED_VERSION
from cxrscreen.evaluation.page import EvaluationFiles
from cxrscreen.evaluation.scored import Scored
from cxrscreen.labelled.evaluate import Evaluated, evaluation_as_json
from cxrscreen.screening.batch import OpenedBatch
from cxrscreen.screening.summary import summary_as_json
from cxrscreen.settings import PROJECT
from tests.benchmarks.pooling_figure import FIGURE, stamp
from tests.benchmarks.readme import PAGES, with_figures
from tests.benchmarks.results import load
from tests.evaluation import evaluation_samples
from tests.fakes import stub_session

README = (PROJECT / "README.md").read_text()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_its_figures_are_those_of_the_card_and_the_benchmarks(page: Path) -> None:
    assert with_figures(page.read_text()) == page.read_text()


def test_it_speaks_of_the_model_that_ships_and_of_no_other() -> None:
    assert set(re.findall(r"standard-\d+", README)) == {SHIPPED_VERSION}


def test_it_names_all_that_screening_prints_for_scripts(tmp_path: Path) -> None:
    with stub_session(tmp_path) as session:
        waiting = OpenedBatch(batch_id=None, pending={"a.dcm": "still being written"})
        printed = summary_as_json(session, [(waiting, None)])
    (study,) = printed["studies"]
    assert {*printed, *study} == _named(from_="`screen --json` prints", to="`finding` is")


def test_it_names_all_that_an_evaluation_prints_for_scripts() -> None:
    scored = Scored(np.array([0.2, 0.8]), np.array([False, True]), ["1", "2"])
    files = EvaluationFiles(Path("a.html"), Path("a.pdf"), Path("a.json"))
    printed = evaluation_as_json(Evaluated(evaluation_samples.evaluation(), files, scored))
    assert {*printed, *printed["files"][0]} == _named(from_="`evaluate --json`: ", to="Exit codes")


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


def _named(*, from_: str, to: str) -> set[str]:
    """Return the names of keys between two places of the README."""
    _, _, after = README.partition(from_)
    paragraph, _, _ = after.partition(to)
    return set(re.findall(r"\w+", " ".join(re.findall(r"`([^`]*)`", paragraph))))
