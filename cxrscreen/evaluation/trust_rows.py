"""How far an evaluation's scores can be trusted, ready for the pages that print it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from cxrscreen.classifier.estimate import Estimate
from cxrscreen.classifier.shortcut_audit import NOT_SHOWN, ShortcutAudit
from cxrscreen.classifier.uncertain_band import UncertainBand
from cxrscreen.evaluation.page_rows import Row, number, prevalence_in_words, show
from cxrscreen.evaluation.result import Evaluation, SeenBy
from cxrscreen.evaluation.trust import GateFigures, MapFigures
from cxrscreen.evaluation.unscored import Unscored
from cxrscreen.reporting.page_parts import shows_lungs_alone
from cxrscreen.reporting.words import Words

FRAMED_AUDIT = (
    "This model is shown the lungs alone, on plain grey. That it cannot tell without them, an AUC of 0.5, and that it "
    "follows exchanged lungs are so by construction: nothing else is read, but which sign in the lungs is not shown."
)
FRAMED_MAPS = (
    "Outside the lung fields this model is shown plain grey: that much of its maps lies in them is so by construction, "
    "and no evidence for the scores."
)
OTHERS = "Others of the same patients cannot be recognised."
_SIGNED = "difference of the two"
_BUT_DISEASE = (
    "That does not show that they follow disease: exposure and texture inside the lungs tell sources apart, too."
)
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
        band_columns: What the columns of ``band`` are of, with n.
        band: Rows of finding, share of COVID-19, share of normal.
        band_predictive: Rows of prevalence, PPV of a positive and NPV of a negative finding.
        band_notes: What to know about both.
        gate: Sentences.
        calibration: What a score is, one sentence.
        seen_by: How radiographs that the model has learnt from were looked for, in words; empty where they were not.
    """

    verdict: str
    shown: bool
    audit: tuple[Row, ...]
    audit_notes: tuple[str, ...]
    maps: tuple[Row, ...]
    map_notes: tuple[str, ...]
    band_columns: Row
    band: tuple[Row, ...]
    band_predictive: tuple[Row, ...]
    band_notes: tuple[str, ...]
    gate: tuple[str, ...]
    calibration: str
    seen_by: str


def trust_page(evaluation: Evaluation | Unscored, words: Words) -> TrustPage:
    """Turn what was recorded into rows and sentences."""
    audit, maps, band, gate = evaluation.shortcuts, evaluation.maps, evaluation.band, evaluation.gate
    decisive = audit or evaluation.card_shortcuts
    return TrustPage(
        verdict=_verdict(decisive, framed=shows_lungs_alone(evaluation.recipe)),
        shown=decisive is not None and decisive.shown_to_use_lungs,
        audit=() if decisive is None else tuple(_audit_rows(decisive)),
        audit_notes=tuple(_audit_notes(evaluation)),
        maps=() if maps is None else tuple(_map_rows(maps)),
        map_notes=() if maps is None else tuple(_map_notes(maps, framed=shows_lungs_alone(evaluation.recipe))),
        band_columns=() if band is None else band_columns(band),
        band=() if band is None else band_rows(band),
        band_predictive=() if band is None else _predictive_rows(band, evaluation),
        band_notes=() if band is None else tuple(_band_notes(band, evaluation.seen)),
        gate=() if gate is None else tuple(_gate_sentences(gate, evaluation.seen, words)),
        calibration=_calibration(evaluation.calibrated_on),
        seen_by="" if evaluation.seen_by is None else _seen_by(evaluation.seen_by),
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


def _verdict(audit: ShortcutAudit | None, *, framed: bool) -> str:
    if audit is None:
        return ""
    if audit.shown_to_use_lungs and framed:
        return f"The scores follow the lungs, by construction: this model is shown nothing else. {_BUT_DISEASE}"
    if audit.shown_to_use_lungs:
        lost = "without them they lose, and exchanged lungs take them along"
        return f"The scores follow the lungs: {lost}. {_BUT_DISEASE}"
    if audit.follows_the_rest:
        return f"{NOT_SHOWN} Exchanged lungs do not take the score along: it follows the rest of the picture."
    return NOT_SHOWN


def _audit_rows(audit: ShortcutAudit) -> Iterator[Row]:
    for name, auc in named_aucs(audit):
        yield name, show(auc, 3), str(auc.n)
    lost = audit.difference
    yield f"{_SIGNED}: as they are, minus without lungs", _signed(lost), str(lost.n)


def _audit_notes(evaluation: Evaluation | Unscored) -> Iterator[str]:
    audit, of_card = evaluation.shortcuts, evaluation.card_shortcuts
    if shows_lungs_alone(evaluation.recipe) and (audit or of_card) is not None:
        yield FRAMED_AUDIT
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
        yield _REGIONS[one.region], spread, _whole_percent(one.energy), _whole_percent(one.area), str(one.n)


def _map_notes(maps: MapFigures, *, framed: bool) -> Iterator[str]:
    if framed:
        yield FRAMED_MAPS
    yield (
        f"Share of the {maps.n} maps that are below 1 in the lung fields, worse than a map that is the same "
        f"everywhere: {show(maps.below_chance)}."
    )
    if maps.least is not None:
        yield (
            f"Share of them below {maps.least:.2f}, the limit on the model's card, where the explanation does not "
            f"support the score: {show(maps.below_least)}."
        )
    if maps.empty:
        yield f"Maps that are zero everywhere, because nothing speaks for COVID-19: {maps.empty}."
    if maps.without_fields:
        yield f"Radiographs without plausible lung fields: {maps.without_fields}."


def band_columns(band: UncertainBand, finding: str = "Finding") -> Row:
    """Head of the table of ``band_rows``."""
    return finding, f"of {band.found.n} COVID-19", f"of {band.cleared.n} normal"


def band_rows(band: UncertainBand) -> tuple[Row, ...]:
    """Share of each class that is called positive, and negative."""
    return (
        (f"positive, from {number(band.high, 3)}", show(band.found), show(band.false_alarms)),
        (f"negative, below {number(band.low, 3)}", show(band.missed), show(band.cleared)),
    )


def _predictive_rows(band: UncertainBand, evaluation: Evaluation | Unscored) -> tuple[Row, ...]:
    shares = [one.prevalence for one in evaluation.predictive]
    return tuple((prevalence_in_words(share), show(band.ppv(share)), show(band.npv(share))) for share in shares)


def _band_notes(band: UncertainBand, seen: int | None) -> Iterator[str]:
    yield (
        f"In between the model says that it does not know, and a human reads: {show(band.uncertain)} of all "
        f"{band.uncertain.n}."
    )
    where = {
        None: "of this set; whether it was chosen on some of these radiographs is not recorded.",
        0: "of this set, where it was not chosen.",
    }.get(seen, "of this set, and flatter it: it was chosen on radiographs of these patients.")
    yield (
        f"The band was chosen so that at most {band.largest_error:.0%} of the diseased are called negative, and of the "
        f"healthy positive. The rates above are those {where}"
    )
    if not (band.false_alarms.value and band.missed.value):
        yield "A PPV or NPV of 1.00 only says that no error was met among so few radiographs: read its interval."


def _gate_sentences(gate: GateFigures, seen: int | None, words: Words) -> Iterator[str]:
    yield (
        f"Of {gate.n} radiographs that passed the gate of files, the gate by content refused "
        f"{_share(gate.refused)} and flagged {_share(gate.flagged)}."
    )
    of_class = (("COVID-19", gate.refused_diseased), ("normal", gate.refused_healthy))
    if told := "; ".join(f"of {one.n} {name} {_share(one)}" for name, one in of_class if one is not None):
        yield f"Refused by class: {told}. What is refused has no score, and is in none of the figures."
    if seen:
        yield "Its limits were chosen on radiographs of these patients: this rate flatters it, the card's does not."
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


def _seen_by(by: SeenBy) -> str:
    if by.content is None:
        known = (
            f"Known by their files: {by.files}. One that was stored anew would not be known: the model has no gate by "
            "content."
        )
    else:
        known = f"Known by their files: {by.files}; by what they show, in other files: {by.content}."
    return f"{known} {OTHERS} {by_segmenter(by)}"


def by_segmenter(by: SeenBy) -> str:
    """Say how many radiographs are of patients whom the lung segmenter has learnt from."""
    if by.segmenter is None:
        return "Whom its segmenter has learnt from cannot be told."
    told = "if both sets number patients alike"
    return f"Of patients of its segmenter: {by.segmenter}, {told}."


def _share(found: Estimate) -> str:
    return f"{found.value:.1%} ({found.low:.1%} to {found.high:.1%})"


def _whole_percent(share: float) -> str:
    text = f"{share:.0%}"
    return {"0%": "<1%", "100%": ">99%"}.get(text, text) if 0 < share < 1 else text


def _signed(estimate: Estimate) -> str:
    return f"{estimate.value:+.3f} ({estimate.low:+.3f} to {estimate.high:+.3f})"
