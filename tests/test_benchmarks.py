"""The measurements behind the README measure what they say; they themselves are run by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cxrscreen.classifier.head import Head
from cxrscreen.classifier.making import GridPoint
from cxrscreen.classifier.recipe import recipe_named
from cxrscreen.classifier.shortcut_audit import NOT_SHOWN
from tests.benchmarks import kills
from tests.benchmarks.pooling_figure import COLUMNS, SEEN, draw
from tests.benchmarks.pooling_looks import as_shares, gradient_of, occlusion, outside_window
from tests.benchmarks.pooling_window import in_region, riddle
from tests.benchmarks.readme import with_figures
from tests.benchmarks.readme_retraining import RIDDLE
from tests.benchmarks.readme_trust import cost_in_words, trust_in_words
from tests.benchmarks.recipes import figures_of, summary
from tests.benchmarks.search import StudyCost, extrapolated
from tests.benchmarks.trust_cost import PLAIN, TRUSTED, Screened, figures
from tests.crash.arrivals import PICTURES
from tests.lungs.cards import lung_card
from tests.reporting.report_samples import CARD, LUNG_CARD


def test_the_studys_way_passes_the_training_folds_in_every_epoch_and_the_validation_folds_once() -> None:
    points = [_point(batch_size=5, epochs=10), _point(batch_size=7, epochs=2)]
    cost = StudyCost(trained={5: 1.0, 7: 2.0}, predicted=0.5, shift=0.0)
    radiographs, seconds = extrapolated(points, development=100, cost=cost)
    assert radiographs == 400 * 10 + 400 * 2 + 2 * 100
    assert seconds == 400 * 10 * 1.0 + 400 * 2 * 2.0 + 2 * 100 * 0.5


@pytest.mark.parametrize(
    ("study", "standard", "difference", "verdict"),
    [
        ((0.50, 0.60), 0.20, (0.20, 0.40), "solved"),
        ((0.50, 0.60), 0.40, (0.05, 0.25), "solved in part"),
        ((0.30, 0.40), 0.35, (-0.05, 0.05), "refuted"),
        ((0.30, 0.40), 0.30, (-0.05, 0.15), "open"),
        ((0.05, 0.10), 0.01, (0.02, 0.09), "absent"),
    ],
)
def test_the_numbers_decide_about_the_riddle(
    study: tuple[float, float], standard: float, difference: tuple[float, float], verdict: str
) -> None:
    def estimate(low: float, high: float) -> dict[str, float]:
        return {"value": (low + high) / 2, "low": low, "high": high}

    clavicles = {"study-2020": estimate(*study), "standard": estimate(standard, standard)}
    found = {
        "clavicles_study_minus_standard": estimate(*difference),
        "recipes": {name: {"regions": {"maximum": {"clavicles": share}}} for name, share in clavicles.items()},
    }
    assert riddle(found) == verdict
    assert verdict in RIDDLE


def test_a_map_that_is_zero_everywhere_has_no_shares() -> None:
    shares = as_shares(np.stack([np.zeros((7, 7)), np.eye(7)]))
    assert np.isnan(shares[0]).all()
    assert shares[1].sum() == pytest.approx(1)


def test_the_clavicles_lie_in_the_upper_rows_beside_the_spine() -> None:
    cells = np.arange(49.0).reshape(1, 7, 7)
    assert in_region(cells, "clavicles")[0] == sum([0, 1, 2, 4, 5, 6, 7, 8, 9, 11, 12, 13])


@pytest.mark.tensorflow
@pytest.mark.parametrize(("name", "blind"), [("study-2020", True), ("standard", False)])
def test_the_studys_head_sees_nothing_outside_the_upper_left_four_by_four_cells(name: str, *, blind: bool) -> None:
    head = Head(recipe_named(name), seed=1)
    feature_maps = np.random.default_rng(1).random((2, 7, 7, 512), dtype=np.float32)
    gradient = np.abs(gradient_of(head, feature_maps)).sum(axis=-1)
    change = occlusion(head, feature_maps)
    assert (gradient[:, :4, :4] > 0).all()
    assert bool(outside_window(gradient).any()) is not blind
    assert bool(outside_window(change).any()) is not blind


def test_a_split_without_any_positive_finding_has_no_precision_to_boast_of() -> None:
    figures = figures_of(np.array([0.1, 0.2, 0.3]), np.array([True, False, True]))
    assert figures == {"n": 3, "accuracy": 1 / 3, "precision": 0, "sensitivity": 0, "specificity": 1, "auc": 0.5}


def test_one_answer_for_all_radiographs_is_counted_as_failed_training() -> None:
    diseased = np.array([True, False, True])
    splits = [figures_of(np.array(scores), diseased) for scores in ([0.9] * 3, [0.1] * 3, [0.9, 0.1, 0.9])]
    found = summary(splits)
    assert (found["one_answer_for_all"], found["as_accurate_as_the_study"]) == (2, 1)


def test_the_figure_of_the_pooling_window_is_drawn_from_the_numbers_alone() -> None:
    first = draw(_drawn(share=0.01))
    assert first.startswith(b"<?xml")
    assert first == draw(_drawn(share=0.01))
    assert first != draw(_drawn(share=0.02))


def test_trust_costs_what_it_adds_in_each_round_and_not_what_the_machine_does_in_between() -> None:
    screened = Screened(Path(), ())
    screened.whole = {
        TRUSTED: [0.42, 0.84, 0.63],
        PLAIN: [0.40, 0.80, 0.50],
    }  # slow for a while
    screened.pages = {TRUSTED: [0.11, 0.22, 0.13], PLAIN: [0.10, 0.20, 0.12]}
    parts = {"lung_fields": 0.005, "framing": 0.003, "plain_framing": 0.001, "gate": 0.008, "map_audit": 0.004}
    parts |= {"base_and_map": 0.25, "plain_base_and_map": 0.28}
    found = figures(screened, {part: [seconds] * 3 for part, seconds in parts.items()}, {"first": 1.8, "later": 0.5})
    assert (found["more"], found["more_lowest"], found["more_highest"]) == pytest.approx((0.05, 0.05, 0.26))
    assert found["parts_milliseconds"] == {"lung_fields": 5, "framing": 2, "gate": 8, "map_audit": 4, "pages": 10}
    assert found["shorter_base_milliseconds"] == 30
    assert "changes that by +5.0% (+5.0% to +26.0% in 5 rounds" in cost_in_words(found)


def test_a_model_that_sees_whole_radiographs_and_was_never_audited_is_said_not_to_use_the_lungs() -> None:
    assert trust_in_words(CARD, lung_card(b"")).endswith(NOT_SHOWN)


def test_what_is_so_by_construction_is_said_to_prove_nothing() -> None:
    said = trust_in_words(LUNG_CARD, lung_card(b""))
    assert "They do **not** show which sign in the lungs is read" in said
    assert "at other hospitals is unknown" in said


def test_a_killed_night_is_given_radiographs_of_its_own_as_long_as_there_are_any(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = [tmp_path / f"{number}.jpg" for number in range(2 * PICTURES + 3)]
    for file in real:
        file.write_bytes(file.name.encode())
    monkeypatch.setattr(kills, "all_real_radiographs", lambda: real)
    nights = [
        [content for name, content in kills.night_of_real_files(night).items() if name.startswith("picture")]
        for night in (1, 2, 3)
    ]
    assert nights[0] + nights[1] == [file.name.encode() for file in real[: 2 * PICTURES]]
    assert nights[2][:4] == [real[place].name.encode() for place in (-3, -2, -1, 0)]


def test_a_block_of_the_readme_that_nobody_writes_is_an_error() -> None:
    with pytest.raises(KeyError, match="nobody"):
        with_figures("<!-- nobody: written by hand -->\n42\n<!-- end of nobody -->")


def _point(*, batch_size: int, epochs: int) -> GridPoint:
    return GridPoint(
        stage="coarse",
        learning_rate=0.02,
        batch_size=batch_size,
        optimizer="Adam",
        epochs=epochs,
        fold_auc=(0.5,) * 5,
        fold_accuracy=(0.5,) * 5,
    )


def _drawn(*, share: float) -> dict[str, Any]:
    cells = np.full((7, 7), share)
    cells[4:] = 0
    by_kind = {what: cells.tolist() for what, _ in COLUMNS}
    return {"seeds": 1, "covid": {"radiographs": 2, "recipes": {name: {"cells": by_kind} for name in SEEN}}}
