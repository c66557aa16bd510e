"""Tables for the terminal: figures with their intervals, in words and digits, without colour."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from cxrscreen.classifier.card import ModelCard
from cxrscreen.classifier.champion_log import Move
from cxrscreen.classifier.estimate import Estimate
from cxrscreen.evaluation.result import Comparison, Figures
from cxrscreen.evaluation.site_verdict import Rule
from cxrscreen.reporting.page_parts import printable

NONE = "-"


def models_table(judged: Iterable[tuple[ModelCard, str | None]], champion: str) -> Table:
    """Versions with their figures on the held-out test part; two lines each, so that they fit 80 columns."""
    table = _table("version", "AUC", "sensitivity", "specificity", "verdict")
    for card, verdict in judged:
        test = card.test
        mark = "*" if card.version == champion else " "
        table.add_row(
            f"{mark} [bold]{card.version}[/]\n  {card.recipe}, {card.created_at[:10]}, n {test.n}",
            *(_two_lines(figure) for figure in (test.auc, test.sensitivity, test.specificity)),
            verdict or NONE,
        )
    return table


def cards_table(first: ModelCard, second: ModelCard) -> Table:
    """Two cards side by side."""
    table = _table("", first.version, second.version)
    settings = sorted(first.hyperparameters.keys() | second.hyperparameters.keys())
    rows: dict[str, list[str]] = {
        "recipe": [card.recipe for card in (first, second)],
        "trained": [card.created_at[:16].replace("T", " ") for card in (first, second)],
        "weights, SHA-256": [card.weights_sha256[:12] for card in (first, second)],
        "data set": [card.data_set.name for card in (first, second)],
        "its fingerprint": [card.data_set.fingerprint[:12] for card in (first, second)],
        "radiographs": [f"{card.data_set.n}, {card.data_set.positives} COVID-19" for card in (first, second)],
        "patients": [str(card.data_set.patients) for card in (first, second)],
        **{
            name.replace("_", " "): [_setting(card.hyperparameters.get(name)) for card in (first, second)]
            for name in settings
        },
        "threshold": [f"{card.operating_point.threshold:.6f}" for card in (first, second)],
        "tested on": [f"{card.test.n}, {card.test.positives} COVID-19" for card in (first, second)],
        "AUC": [_one_line(card.test.auc) for card in (first, second)],
        "sensitivity": [_one_line(card.test.sensitivity) for card in (first, second)],
        "specificity": [_one_line(card.test.specificity) for card in (first, second)],
        "accuracy": [_one_line(card.test.accuracy) for card in (first, second)],
    }
    for name, values in rows.items():
        table.add_row(name, *(escape(value) for value in values))
    return table


def differences_table(comparison: Comparison) -> Table:
    """What the challenger does better or worse, radiograph by radiograph."""
    table = _table("", f"{comparison.challenger} minus {comparison.champion}", "95 % interval", "n")
    for name, difference in comparison.differences:
        better = "lower" if name == "Brier score" else "higher"
        table.add_row(f"{name} ({better} is better)", *_cells(difference, sign="+"))
    return table


def figures_table(figures: Figures) -> Table:
    """The headline figures of an evaluation."""
    table = _table("", "value", "95 % interval", "n")
    table.columns[3].justify = "right"
    for name, figure in (
        ("AUC", figures.auc),
        ("sensitivity", figures.sensitivity),
        ("specificity", figures.specificity),
        ("precision", figures.precision),
        ("accuracy", figures.accuracy),
        ("balanced accuracy", figures.balanced_accuracy),
        ("average precision", figures.average_precision),
        ("Brier score", figures.brier),
    ):
        table.add_row(name, *_cells(figure))
    return table


def rules_table(rules: Iterable[Rule]) -> Table:
    """The rules of a site's acceptance, and what was found."""
    table = _table("rule", "found", "outcome")
    for rule in rules:
        table.add_row(rule.name, escape(printable(rule.found)), "not shown" if rule.outcome == "open" else rule.outcome)
    return table


def log_table(moves: Sequence[Move]) -> Table:
    """Who moved the champion, when and why, the latest move first."""
    table = _table("when", "what", "champion", "who and why")
    for move in reversed(moves):
        table.add_row(
            move.at[:19].replace("T", "\n"),
            "promoted" if move.kind == "promote" else "rolled back",
            f"[bold]{move.version}[/]\nfor {move.former}",
            f"{escape(printable(move.who))}:\n{escape(printable(move.why))}",
        )
    return table


def _table(*columns: str) -> Table:
    table = Table(box=SIMPLE_HEAD, header_style="bold", show_edge=False, padding=(0, 1, 0, 0))
    for column in columns:
        table.add_column(escape(column), overflow="fold")
    return table


def _setting(value: float | str | None) -> str:
    return f"{value:.4g}" if isinstance(value, float) else NONE if value is None else str(value)


def _cells(figure: Estimate | None, *, sign: Literal["", "+"] = "") -> tuple[str, str, str]:
    if figure is None:
        return NONE, NONE, NONE
    digits = f"{sign}.3f"
    return f"{figure.value:{digits}}", f"{figure.low:{digits}} to {figure.high:{digits}}", str(figure.n)


def _one_line(figure: Estimate) -> str:
    return f"{figure.value:.3f} ({figure.low:.3f} to {figure.high:.3f})"


def _two_lines(figure: Estimate) -> str:
    return f"{figure.value:.2f}\n{figure.low:.2f}-{figure.high:.2f}"
