"""Writes the figures of the README from the shipped model's card and the benchmarks' results.

Run it with ``python -m tests.benchmarks.readme``; a test sees that the README is up to date.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

from cxrscreen.classifier.card import ModelCard, Performance
from cxrscreen.classifier.estimate import Estimate
from cxrscreen.classifier.registry import SHIPPED_MODELS, Registry
from cxrscreen.settings import PROJECT
from tests.benchmarks.results import FOLDER

README = PROJECT / "README.md"
_BLOCK = re.compile(r"(<!-- figures:.*?-->\n).*?(<!-- end of figures -->)", re.DOTALL)


def with_figures(readme: str) -> str:
    """Return the README's text with its figures written anew."""
    card = Registry((SHIPPED_MODELS,)).card_of("champion")
    figures = f"{_model_in_words(card)}\n{_table(card)}\n\n{_limits(card)}\n\n{_speed(FOLDER)}\n"
    return _BLOCK.sub(lambda match: match[1] + figures + match[2], readme)


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


def _speed(folder: Path) -> str:
    whole = json.loads((folder / "whole_study.json").read_text())
    study = json.loads((folder / "study_way.json").read_text())
    memory = json.loads((folder / "memory.json").read_text())
    return (
        f"Speed, on {whole['cores']} cores: a study costs {whole['whole_study_cpu_seconds']:.2f} CPU seconds from "
        f"decoding to PDF, {whole['ratio']:.2f} times the bare VGG16 forward pass (median of {whole['rounds']} rounds, "
        f"{whole['radiographs']} radiographs). Score and map of a radiograph take {study['wall_ratio']:.1f} times less "
        f"time than the way of the 2020 study ({study['rounds']} rounds, {study['radiographs']} radiographs). Peak "
        f"memory: {memory['peak_gib']:.1f} GiB for a batch of {memory['files']} files, "
        f"{memory['peak_gib_small']:.1f} GiB for one of {memory['files_small']}."
    )


if __name__ == "__main__":
    README.write_text(with_figures(README.read_text()))
