"""Writes the figures of the README, and of what it points to, from the shipped model's card and the results.

Run it with ``python -m tests.benchmarks.readme``; a test sees that the pages are up to date.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path

from cxrscreen.classifier.card import ModelCard, Performance
from cxrscreen.classifier.estimate import Estimate
from cxrscreen.classifier.registry import SHIPPED_MODELS, Registry
from cxrscreen.lungs.bundle import SHIPPED_LUNGS, read_lung_card
from cxrscreen.settings import PROJECT
from tests.benchmarks.readme_retraining import pooling_in_words, recipes_in_words, search_in_words, study_in_words
from tests.benchmarks.readme_trust import cost_in_words, trust_in_words
from tests.benchmarks.results import load

README = PROJECT / "README.md"
STUDY = PROJECT / "deployments" / "recipes" / "study-2020.md"
PAGES: tuple[Path, ...] = (README, STUDY)
_BLOCK = re.compile(r"(<!-- (\w+): written by .*?-->\n).*?(<!-- end of \2 -->)", re.DOTALL)


def with_figures(page: str) -> str:
    """Return a page's text with its figures written anew.

    A block is what stands between ``<!-- NAME: written by ... -->`` and ``<!-- end of NAME -->``.

    Raises:
        KeyError: There is no writer for a block of that name.
        FileNotFoundError: What a block tells has not been measured yet.
    """
    return _BLOCK.sub(lambda match: f"{match[1]}{_WRITERS[match[2]]()}\n{match[3]}", page)


def _model_and_speed() -> str:
    card = Registry((SHIPPED_MODELS,)).card_of("champion")
    trust = trust_in_words(card, read_lung_card(SHIPPED_LUNGS))
    return f"{_model_in_words(card)}\n{_table(card)}\n\n{trust}\n\n{_limits(card)}\n\n{_speed()}"


def _model_in_words(card: ModelCard) -> str:
    development = card.folds
    return (
        f"The shipped model `{card.version}` (recipe `{card.recipe}`) was trained on {development.n} radiographs of "
        f"{development.patients} patients, {development.positives} of them COVID-19. Figures with 95 % intervals, on "
        "radiographs of patients that the fitted model had not seen, at the operating point "
        f"{card.operating_point.threshold:.2f}. Where that threshold was chosen, sensitivity and specificity are "
        "optimistic:\n"
    )


def _table(card: ModelCard) -> str:
    rows = ["| measured on | n (COVID-19) | sensitivity | specificity | AUC |", "|---|---|---|---|---|"]
    rows += [_row(performance) for performance in (card.folds, card.test)]
    return "\n".join(rows)


def _row(performance: Performance) -> str:
    figures = " | ".join(_figure(e) for e in (performance.sensitivity, performance.specificity, performance.auc))
    return f"| {performance.name} | {performance.n} ({performance.positives}) | {figures} |"


def _figure(estimate: Estimate) -> str:
    return f"{estimate.value:.3f} ({estimate.low:.3f} to {estimate.high:.3f})"


def _limits(card: ModelCard) -> str:
    return "\n".join(f"- {limit}" for limit in card.limits)


def _speed() -> str:
    whole, study, memory = load("whole_study"), load("study_way"), load("memory")
    return (
        f"Speed, on {whole['cores']} cores: a study costs {whole['whole_study_cpu_seconds']:.2f} CPU seconds from "
        f"decoding to PDF, {whole['ratio']:.2f} times the bare forward pass of the whole VGG16 (median of "
        f"{whole['rounds']} rounds, {whole['radiographs']} radiographs). {cost_in_words(load('trust_cost'))} Score, "
        f"map and overlay of a radiograph take {study['cpu_ratio']:.1f} times less CPU time than by the 2020 study's "
        f"way with the same network, {study['shipped_cpu_ratio']:.1f} times less with the shipped model, lung fields "
        f"included ({study['rounds']} rounds, {study['radiographs']} radiographs). Peak memory, measured with "
        f"{memory.get('model', 'an earlier model')}: {memory['peak_gib']:.1f} GiB for a batch of {memory['files']} "
        f"files, {memory['peak_gib_small']:.1f} GiB for one of {memory['files_small']}."
    )


_WRITERS: Mapping[str, Callable[[], str]] = {
    "figures": _model_and_speed,
    "search": lambda: search_in_words(load("search")),
    "study": lambda: study_in_words(load("search"), load("recipes"), load("pooling_window")),
    "recipes": lambda: recipes_in_words(load("recipes")),
    "pooling": lambda: pooling_in_words(load("pooling_window")),
}


if __name__ == "__main__":
    for page in PAGES:
        page.write_text(with_figures(page.read_text()))
