"""How far an evaluation's scores can be trusted, ready for the pages that print it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from cxrscreen.classifier.estimate import Estimate
from cxrscreen.classifier.shortcut_audit import NOT_SHOWN, ShortcutAudit
from cxrscreen.classifier.uncertain_band import UncertainBand
from cxrscreen.evaluation.page_rows import Row, number, prevalence_in_words, show
from cxrscreen.evaluation.result import Evaluation
from cxrscreen.evaluation.trust import GateFigures, MapFigures
from cxrscreen.reporting.words import Words

_SIGNED = "difference of the two"
_REGIONS = {
    "lungs": "lung fields",
    "clavicles": "band of apices and clavicles",
    "mediastinum": "mediastinum",
    "border": "border of the picture",
    "text": "burnt-in text and markers",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustPage:
    """What the pages print of it; a part without rows is left out.

    Attributes:
        verdict: Whether the scores follow the lungs, one sentence; empty where nothing was measured.
        shown: True where they do.
        audit: Rows of name, AUC and n.
        audit_notes: What to know about them.
        maps: Rows of region, energy over area, share of energy, share of area, n.
        map_notes: What to know about them.
        band: Rows of finding, share of COVID-19, share of normal.
        band_predictive: Rows of prevalence, PPV of a positive and NPV of a negative finding.
        band_notes: What to know about both.
        gate: Sentences.
        calibration: What a score is, one sentence.
    """

    verdict: str
    shown: bool
    audit: tuple[Row, ...]
    audit_notes: tuple[str, ...]
    maps: tuple[Row, ...]
    map_notes: tuple[str, ...]
    band: tuple[Row, ...]
    band_predictive: tuple[Row, ...]
    band_notes: tuple[str, ...]
    gate: tuple[str, ...]
    calibration: str


def trust_page(evaluation: Evaluation, words: Words) -> TrustPage:
    """Turn what was recorded into rows and sentences."""
    audit, maps, band, gate = evaluation.shortcuts, evaluation.maps, evaluation.band, evaluation.gate
    decisive = audit or evaluation.card_shortcuts
    return TrustPage(
        verdict=_verdict(decisive),
        shown=decisive is not None and decisive.shown_to_use_lungs,
        audit=() if decisive is None else tuple(_audit_rows(decisive)),
        audit_notes=tuple(_audit_notes(evaluation)),
        maps=() if maps is None else tuple(_map_rows(maps)),
        map_notes=() if maps is None else tuple(_map_notes(maps)),
        band=() if band is None else band_rows(band),
        band_predictive=() if band is None else _predictive_rows(band, evaluation),
        band_notes=() if band is None else tuple(_band_notes(band)),
        gate=() if gate is None else tuple(_gate_sentences(gate, words)),
        calibration=_calibration(evaluation.calibrated_on),
    )


def named_aucs(audit: ShortcutAudit) -> list[tuple[str, Estimate]]:
    """The AUCs of an audit, in the order of their table."""
    named = [
        ("as they are", audit.intact),
        ("without lungs", audit.lungs_out),
        ("lungs alone", audit.lungs_only),
        ("lungs exchanged", audit.exchanged),
    ]
    return [*named, ("same view only", audit.same_view)] if audit.same_view is not None else named


def _verdict(audit: ShortcutAudit | None) -> str:
    if audit is None:
        return ""
    if audit.shown_to_use_lungs:
        return (
            "The scores follow the lungs: without them they lose, and exchanged lungs take them along. That does not "
            "show that they follow disease: exposure and texture inside the lungs tell sources apart, too."
        )
    if audit.follows_the_rest:
        return f"{NOT_SHOWN} Exchanged lungs do not take the score along: it follows the rest of the picture."
    return NOT_SHOWN


def _audit_rows(audit: ShortcutAudit) -> Iterator[Row]:
    for name, auc in named_aucs(audit):
        yield name, show(auc, 3), str(auc.n)
    lost = audit.difference
    yield f"{_SIGNED}: as they are, minus without lungs", _signed(lost), str(lost.n)


def _audit_notes(evaluation: Evaluation) -> Iterator[str]:
    audit, of_card = evaluation.shortcuts, evaluation.card_shortcuts
    if audit is not None:
        yield (
            f"Radiographs of this set with plausible lung fields: {audit.n} of {audit.patients} patients, "
            f"{audit.positives} COVID-19; {audit.without_fields} have none and are left out here."
        )
        if of_card is not None:
            yield f"On the model's card, from its development part: {of_card.sentence}"
    elif of_card is not None:
        yield f"From the model's card: its development part, out of fold, {of_card.n} radiographs."


def _map_rows(maps: MapFigures) -> Iterator[Row]:
    for one in maps.regions:
        low, _, middle, _, high = one.against_chance
        spread = f"{middle:.2f} ({low:.2f} to {high:.2f})"
        yield _REGIONS[one.region], spread, f"{one.energy:.0%}", f"{one.area:.0%}", str(one.n)


def _map_notes(maps: MapFigures) -> Iterator[str]:
    yield f"Less than 1 in the lung fields, worse than a map that is the same everywhere: {show(maps.below_chance)}."
    if maps.least is not None:
        yield (
            f"Below {maps.least:.2f}, the limit on the model's card, where the explanation does not support the score: "
            f"{show(maps.below_least)}."
        )
    if maps.empty:
        yield f"Maps that are zero everywhere, because nothing speaks for COVID-19: {maps.empty}."
    if maps.without_fields:
        yield f"Radiographs without plausible lung fields: {maps.without_fields}."


def band_rows(band: UncertainBand) -> tuple[Row, ...]:
    """Share of each class that is called positive, and negative."""
    return (
        (f"positive, from {number(band.high, 3)}", show(band.found), show(band.false_alarms)),
        (f"negative, below {number(band.low, 3)}", show(band.missed), show(band.cleared)),
    )


def _predictive_rows(band: UncertainBand, evaluation: Evaluation) -> tuple[Row, ...]:
    shares = [one.prevalence for one in evaluation.predictive]
    return tuple((prevalence_in_words(share), show(band.ppv(share)), show(band.npv(share))) for share in shares)


def _band_notes(band: UncertainBand) -> Iterator[str]:
    yield f"In between the model says that it does not know, and a human reads: {show(band.uncertain)} of all."
    yield (
        f"The band was chosen so that at most {band.largest_error:.0%} of the diseased are called negative, and of the "
        "healthy positive. The rates above are those of this set, where it was not chosen."
    )


def _gate_sentences(gate: GateFigures, words: Words) -> Iterator[str]:
    yield (
        f"Of {gate.n} radiographs that passed the gate of files, the gate by content refused "
        f"{_share(gate.refused)} and flagged {_share(gate.flagged)}."
    )
    for reason, count in gate.reasons.items():
        yield f"Refused, {words.table['reason'].get(reason, {}).get('title', reason)}: {count}."
    for notice, count in gate.notices.items():
        yield f"Flagged, {count}: {notice}"


def _calibration(calibrated_on: int | None) -> str:
    if calibrated_on is None:
        return "A score is the raw output of the model, not a probability of disease."
    return (
        f"Scores were calibrated on {calibrated_on} radiographs of the development part: probabilities among patients "
        "like those, and nowhere else."
    )


def _share(found: Estimate) -> str:
    return f"{found.value:.1%} ({found.low:.1%} to {found.high:.1%})"


def _signed(estimate: Estimate) -> str:
    return f"{estimate.value:+.3f} ({estimate.low:+.3f} to {estimate.high:+.3f})"
