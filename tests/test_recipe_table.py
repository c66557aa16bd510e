"""The table of recipes is what the code makes of the figures, and its winner follows from the criterion's rules."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cxrscreen.classifier.base_weights import BaseWeights, layer_shapes
from cxrscreen.classifier.linear_head import LinearHead
from tests.benchmarks.recipe_cures import Loss
from tests.benchmarks.recipe_heads import balanced, standardised
from tests.benchmarks.recipe_table import RESULTS, SHIPPED, TABLE, WITHOUT_COPIES, choice, table_of
from tests.benchmarks.results import load

SURE, DOUBTFUL = (0.2, 0.3, 0.4), (-0.1, 0.1, 0.3)


def test_the_table_that_is_shipped_is_what_the_code_makes_of_the_figures() -> None:
    assert TABLE.read_text(encoding="utf-8") == table_of(load(RESULTS))


def test_the_three_named_recipes_and_the_shipped_one_are_judged() -> None:
    rows = load(RESULTS)["rows"]
    named = {"study-2020", "standard", "lung-focused as the issue put it, b4", SHIPPED, WITHOUT_COPIES}
    assert named <= rows.keys()


def test_nothing_of_the_test_part_was_judged() -> None:
    found = load(RESULTS)
    assert found["radiographs"] + found["without_fields"] == 213  # of 266


def test_the_criterion_says_what_the_table_says_about_the_departure() -> None:
    rows, criterion = load(RESULTS)["rows"], (TABLE.parent / "criterion.md").read_text(encoding="utf-8")
    for name in (SHIPPED, WITHOUT_COPIES):
        for figure in ("intact", "other_acquisition", "smaller"):
            assert f"{rows[name][figure]['value']:.3f}" in criterion, (name, figure)


def test_whoever_loses_too_little_without_lungs_or_finds_too_few_is_not_admitted() -> None:
    rows = {
        "unsure": _row(smaller=(0.95, 0.99), difference=DOUBTFUL),
        "weak": _row(smaller=(0.85, 0.88), intact=0.89),
        "sound": _row(smaller=(0.80, 0.90)),
    }
    made = choice(rows)
    assert (made.admitted, made.winner) == (("sound",), "sound")


def test_the_lower_bound_ranks_and_the_estimate_says_who_is_equal() -> None:
    rows = {
        "highest estimate": _row(smaller=(0.90, 0.975), lungs_out=0.30),
        "highest bound": _row(smaller=(0.95, 0.970), lungs_out=0.40),
        "equal": _row(smaller=(0.85, 0.961), lungs_out=0.52),
        "worse": _row(smaller=(0.85, 0.959), lungs_out=0.50),
    }
    made = choice(rows)
    assert made.best == "highest bound"
    assert set(made.equals) == {"highest estimate", "highest bound", "equal"}
    assert made.winner == "equal"


def test_among_equals_that_are_as_near_to_guessing_the_smaller_one_wins() -> None:
    rows = {
        "large": _row(smaller=(0.95, 0.97), lungs_out=0.49, numbers=1000),
        "small": _row(smaller=(0.94, 0.97), lungs_out=0.51, numbers=500),
    }
    assert choice(rows).winner == "small"


def test_where_nobody_is_admitted_the_highest_bound_ships() -> None:
    rows = {name: _row(smaller=(low, 0.9), difference=DOUBTFUL) for name, low in (("one", 0.6), ("other", 0.7))}
    assert (choice(rows).admitted, choice(rows).winner) == ((), "other")


def test_what_ships_without_having_won_is_said_to_have_lost() -> None:
    rows = {
        SHIPPED: _row(smaller=(0.90, 0.95)),
        WITHOUT_COPIES: _row(smaller=(0.91, 0.96)),
        "better": _row(smaller=(0.97, 0.98)),
    }
    page = table_of(_found(rows))
    assert "not the winner by the letter of the rules" in page
    assert "what ships is not among the equals" in page
    assert "| better (winner) |" in page
    assert f"| {SHIPPED} (ships) |" in page


def test_what_ships_as_the_winner_with_copies_departs_from_the_rules_in_the_copies_alone() -> None:
    page = table_of(_found({SHIPPED: _row(smaller=(0.90, 0.95)), WITHOUT_COPIES: _row(smaller=(0.95, 0.97))}))
    assert f"| {WITHOUT_COPIES} (winner) |" in page
    assert "by the letter" not in page
    assert "The copies are a departure" in page


def test_the_cures_go_on_from_the_minimum_that_production_finds() -> None:
    generator = np.random.default_rng(3)
    diseased = np.arange(60) % 3 == 0
    pooled = generator.normal(size=(60, 8)).astype(np.float32) + diseased[:, np.newaxis]
    counts = balanced(diseased)
    head = LinearHead.fitted(pooled, diseased, counts, standardised_by=pooled, penalty=0.03)
    bias, weights = Loss(
        features=standardised(head, pooled), diseased=diseased, shares=counts, penalty=0.03
    ).minimised()
    assert weights == pytest.approx(head.weights, abs=1e-3)
    assert bias == pytest.approx(head.bias, abs=1e-3)


def test_the_lungs_out_penalty_brings_what_is_silent_nearer_to_zero() -> None:
    generator = np.random.default_rng(4)
    diseased = np.arange(60) % 2 == 0
    features = generator.normal(size=(60, 8)) + diseased[:, np.newaxis]
    silent = generator.normal(size=(40, 8)) + 1

    def log_odds_of_silent(silence: float) -> float:
        loss = Loss(
            features=features,
            diseased=diseased,
            shares=balanced(diseased),
            penalty=0.03,
            silent=silent,
            silence=silence,
        )
        bias, weights = loss.minimised()
        return float(np.mean((silent @ weights + bias) ** 2))

    assert log_odds_of_silent(2.0) < 0.5 * log_odds_of_silent(0.0)


@pytest.mark.tensorflow
def test_the_three_blocks_are_those_of_the_backbone() -> None:
    from cxrscreen.classifier.backbone import Backbone  # noqa: PLC0415  # starts TensorFlow
    from tests.benchmarks.recipe_passes import ThreeBlocks  # noqa: PLC0415  # likewise

    generator = np.random.default_rng(5)
    arrays = {name: generator.normal(0, 0.05, shape) for name, shape in layer_shapes().items()}
    base = BaseWeights.checked(arrays, origin="drawn")
    prepared = generator.integers(0, 256, (3, 224, 224, 3), dtype=np.uint8)
    prepared[2] = prepared[0]
    maps = ThreeBlocks(base).maps(prepared, "unit")
    last, fourth = Backbone(base).run(prepared)
    assert maps["b5"] == pytest.approx(last, rel=2e-3, abs=1e-3)
    assert maps["b4"].astype(np.float32).mean(axis=(1, 2)) == pytest.approx(fourth, rel=2e-3, abs=1e-3)
    assert maps["b3"].shape == (3, 14, 14, 256)


def _row(
    *,
    smaller: tuple[float, float],
    intact: float = 0.97,
    difference: tuple[float, float, float] = SURE,
    lungs_out: float = 0.5,
    numbers: int = 513,
) -> dict[str, Any]:
    low, value = smaller
    any_figure = {"value": 0.9, "low": 0.8, "high": 0.95}
    return {
        "sees": "something",
        "about": "a head",
        "smaller": {"value": value, "low": low, "high": 1.0},
        "intact": {"value": intact, "low": 0.8, "high": 1.0},
        "difference": dict(zip(("low", "value", "high"), difference, strict=True)),
        "lungs_out": {"value": lungs_out, "low": 0.4, "high": 0.6},
        "numbers": numbers,
    } | dict.fromkeys(("exchanged", "lungs_only", "same_view", "other_acquisition", "source_left_out"), any_figure)


def _found(rows: dict[str, Any]) -> dict[str, Any]:
    counts = {"radiographs": 3, "patients": 2, "positives": 1, "sources": 1, "folds": 5, "splits": 3}
    return {**counts, "rows": rows, "not_judged": []}
