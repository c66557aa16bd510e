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
from cxrscreen.classifier.recipe import recipe_named
from cxrscreen.classifier.shortcut_audit import ShortcutAudit
from cxrscreen.classifier.uncertain_band import UncertainBand
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
    """A score on its way from 0 to 1, with the uncertain band or, without one, the operating point as an empty band.

    ``score_at``, ``low_at`` and ``high_at`` are percentages of the scale's length; anchors keep labels inside the
    picture.
    """

    score: str
    score_label: str
    limit_label: str
    score_at: float
    low_at: float
    high_at: float
    score_anchor: str
    limit_anchor: str
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
    shortcuts: str  # "" where they were not measured
    not_shown: str  # likewise where the model was shown to use the lungs
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


def shows_lungs_alone(recipe: str) -> bool:
    """Return whether a recipe shows its model the lung fields alone: then some of what audits find is no finding."""
    return recipe_named(recipe).framing == "lungs"


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


def score_texts(prediction: Prediction, words: Words) -> dict[str, str]:
    """Return score, operating point and the band's ends (the operating point without a band) by name.

    They are rounded, but never so far that rounding hides on which side of any of them the score lies.
    """
    score, band = prediction.score, prediction.band
    threshold = prediction.operating_point.threshold
    values = {"score": score, "threshold": threshold, "low": threshold, "high": threshold}
    if band is not None:
        values |= {"low": band.low, "high": band.high}
    for digits in range(2, 7):
        texts = {name: words.number(value, digits) for name, value in values.items()}
        if all(value == score or texts[name] != texts["score"] for name, value in values.items() if name != "score"):
            break
    return texts


def draw_scale(prediction: Prediction, card: ModelCard, words: Words) -> Scale:
    """Place the score and what it is held against on the scale."""
    texts = score_texts(prediction, words)
    band, threshold = prediction.band, prediction.operating_point.threshold
    low, high = (threshold, threshold) if band is None else (band.low, band.high)
    kind = "" if band is None else "band_"
    side = words.text("finding", f"{prediction.finding.value}_{kind}short")
    return Scale(
        score=texts["score"],
        score_label=words.text("scale", "score", **texts),
        limit_label=words.text("scale", "threshold" if band is None else "band", **texts),
        score_at=round(100 * prediction.score, 2),
        low_at=round(100 * low, 2),
        high_at=round(100 * high, 2),
        score_anchor=_anchor(prediction.score),
        limit_anchor=_anchor((low + high) / 2),
        title=words.text("scale", f"{kind}title", side=side, **texts),
        legend=_what_a_score_is(card, words),
        chosen=_how_the_limits_were_chosen(prediction, card, words),
    )


def _what_a_score_is(card: ModelCard, words: Words) -> str:
    calibration = card.calibration
    if calibration is None:
        return words.text("scale", "legend")
    return words.text(
        "scale", "calibrated", n=words.count(calibration.n), prevalence=words.percent(calibration.prevalence)
    )


def _how_the_limits_were_chosen(prediction: Prediction, card: ModelCard, words: Words) -> str:
    band, chosen_on = prediction.band, card.folds
    if band is None:
        rates = {name: _interval(getattr(chosen_on, name), words) for name in ("sensitivity", "specificity")}
        return words.text("scale", "chosen", n=words.count(chosen_on.n), **rates)
    asked = words.percent(band.largest_error)
    chosen = words.text("scale", "band_chosen", asked=asked, **_errors(band, words))
    tested = card.band_in_test
    return chosen if tested is None else f"{chosen} {words.text('scale', 'band_tested', **_errors(tested, words))}"


def _errors(rates: UncertainBand, words: Words) -> dict[str, str]:
    return {
        "missed": _percents(rates.missed, words),
        "diseased": words.count(rates.missed.n),
        "alarms": _percents(rates.false_alarms, words),
        "healthy": words.count(rates.false_alarms.n),
    }


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
        shortcuts="" if card.shortcuts is None else _shortcuts(card, card.shortcuts, words),
        not_shown=_not_shown(card.shortcuts, words),
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


def _not_shown(audit: ShortcutAudit | None, words: Words) -> str:
    if audit is not None and audit.shown_to_use_lungs:
        return ""
    return words.text("model", "follows_the_rest" if audit is not None and audit.follows_the_rest else "not_shown")


def _shortcuts(card: ModelCard, audit: ShortcutAudit, words: Words) -> str:
    measured = {name: getattr(audit, name) for name in ("intact", "lungs_out", "lungs_only", "exchanged", "difference")}
    told = {name: _interval(estimate, words) for name, estimate in measured.items()}
    said = words.text("model", "shortcuts", n=words.count(audit.n), **told)
    return f"{said} {words.text('model', 'framed')}" if shows_lungs_alone(card.recipe) else said


def _percents(estimate: Estimate, words: Words) -> str:
    value, low, high = (words.percent(share) for share in (estimate.value, estimate.low, estimate.high))
    return words.text("model", "estimate", value=value, low=low, high=high)


def _interval(estimate: Estimate, words: Words) -> str:
    value, low, high = (words.number(number) for number in (estimate.value, estimate.low, estimate.high))
    return words.text("model", "estimate", value=value, low=low, high=high)


def _figures(performance: Performance, words: Words) -> FigureRow:
    return FigureRow(
        name=words.sentence(performance.name),
        n=f"{words.count(performance.n)} ({words.count(performance.positives)})",
        sensitivity=_interval(performance.sensitivity, words),
        specificity=_interval(performance.specificity, words),
        auc=_interval(performance.auc, words),
    )
