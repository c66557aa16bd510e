"""Values that both kinds of page show: text made safe to print, the score scale, the model's card."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TypeVar

from markupsafe import Markup

from cxrscreen.classifier.card import ModelCard, Performance
from cxrscreen.classifier.estimate import Estimate
from cxrscreen.classifier.operating_point import Prediction
from cxrscreen.radiograph.refusal import Reason
from cxrscreen.reporting.model import RefusedFile
from cxrscreen.reporting.words import Sentence, Words

Value = TypeVar("Value")

_TURNS_TEXT = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})  # controls, formats such as right-to-left override, surrogates
_LABEL_EDGE = 0.2  # share of the scale at each end where a centred label would stick out


def printable(value: Value) -> Value | str:
    """Show control and direction-turning characters of a text as their code, e.g. ``[U+202E]``.

    A file's name may hold anything, also characters that reorder the words around them, and bytes that are no
    text at all; neither may disguise what a report says. Markup and what is no text passes through. Jinja calls
    this for every value that a template prints.
    """
    if not isinstance(value, str) or isinstance(value, Markup):
        return value
    if value.isascii() and value.isprintable():
        return value
    return "".join(f"[U+{ord(c):04X}]" if unicodedata.category(c) in _TURNS_TEXT else c for c in value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """A label with its value."""

    label: str
    value: str
    aside: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """A score on its way from 0 to 1, with the operating point.

    ``score_at`` and ``threshold_at`` are percentages of the scale's length; anchors keep labels inside the picture.
    """

    score: str
    threshold: str
    score_label: str
    threshold_label: str
    score_at: float
    threshold_at: float
    score_anchor: str
    threshold_anchor: str
    title: str
    legend: str
    chosen: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FigureRow:
    """The card's figures on one set of radiographs."""

    name: Sentence
    n: str
    sensitivity: str
    specificity: str
    auc: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSummary:
    """The model's card in three lines, and its limits."""

    model_id: str
    about: str
    figures: tuple[FigureRow, ...]
    limits: tuple[Sentence, ...]
    weights_sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusalGroup:
    """All files that were refused for one reason."""

    title: str
    advice: str
    files: tuple[FileLine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FileLine:
    """A file with what was found in it."""

    file: str
    detail: Sentence


def group_refusals(refused: tuple[RefusedFile, ...], words: Words) -> tuple[RefusalGroup, ...]:
    """Put refused files together by reason, so that each advice is given once."""
    groups: dict[Reason, list[FileLine]] = {}
    for file in sorted(refused, key=lambda file: file.file_name):
        groups.setdefault(file.reason, []).append(FileLine(file=file.file_name, detail=words.sentence(file.detail)))
    return tuple(
        RefusalGroup(title=words.reason(reason)[0], advice=words.reason(reason)[1], files=tuple(groups[reason]))
        for reason in Reason
        if reason in groups
    )


def score_texts(prediction: Prediction, words: Words) -> tuple[str, str]:
    """Return score and operating point, rounded, but never so far that rounding hides on which side the score lies."""
    score, threshold = prediction.score, prediction.operating_point.threshold
    for digits in range(2, 7):
        texts = words.number(score, digits), words.number(threshold, digits)
        if score == threshold or texts[0] != texts[1]:
            break
    return texts


def draw_scale(prediction: Prediction, words: Words) -> Scale:
    """Place score and operating point on the scale."""
    score, threshold = score_texts(prediction, words)
    point = prediction.operating_point
    side = words.text("finding", f"{prediction.finding.value}_short")
    return Scale(
        score=score,
        threshold=threshold,
        score_label=words.text("scale", "score", score=score),
        threshold_label=words.text("scale", "threshold", threshold=threshold),
        score_at=round(100 * prediction.score, 2),
        threshold_at=round(100 * point.threshold, 2),
        score_anchor=_anchor(prediction.score),
        threshold_anchor=_anchor(point.threshold),
        title=words.text("scale", "title", score=score, side=side, threshold=threshold),
        legend=words.text("scale", "legend"),
        chosen=words.text(
            "scale", "chosen", sensitivity=words.number(point.sensitivity), specificity=words.number(point.specificity)
        ),
    )


def summarise_model(card: ModelCard, words: Words) -> ModelSummary:
    """Put the model's card into a few lines."""
    development = card.folds  # what is held out for the test trains nothing
    return ModelSummary(
        model_id=card.model_id,
        about=words.text(
            "model",
            "about",
            model=card.version,
            recipe=card.recipe,
            n=words.count(development.n),
            patients=words.count(development.patients),
            positives=words.count(development.positives),
            name=card.data_set.name,
        ),
        figures=tuple(_figures(performance, words) for performance in (card.test, card.folds)),
        limits=_joined([words.sentence(limit) for limit in card.limits]),
        weights_sha256=card.weights_sha256,
    )


def _joined(sentences: Sequence[Sentence]) -> tuple[Sentence, ...]:
    """Join neighbours of one language: each element that a page has not is layout saved."""
    runs = groupby(sentences, key=lambda sentence: sentence.language)
    return tuple(Sentence(language=code, text=" ".join(s.text for s in run)) for code, run in runs)


def _anchor(share: float) -> str:
    if share < _LABEL_EDGE:
        return "start"
    return "end" if share > 1 - _LABEL_EDGE else "middle"


def _figures(performance: Performance, words: Words) -> FigureRow:
    def show(estimate: Estimate) -> str:
        value, low, high = (words.number(number) for number in (estimate.value, estimate.low, estimate.high))
        return words.text("model", "estimate", value=value, low=low, high=high)

    return FigureRow(
        name=words.sentence(performance.name),
        n=f"{words.count(performance.n)} ({words.count(performance.positives)})",
        sensitivity=show(performance.sensitivity),
        specificity=show(performance.specificity),
        auc=show(performance.auc),
    )
