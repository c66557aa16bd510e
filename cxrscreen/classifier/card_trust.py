"""The sections of a card's page that say how far a score may be trusted."""

from __future__ import annotations

from collections.abc import Iterator

from cxrscreen.classifier.calibration import Calibration
from cxrscreen.classifier.card import ModelCard
from cxrscreen.classifier.card_segmenter import segmenter_section
from cxrscreen.classifier.estimate import Estimate
from cxrscreen.classifier.gate_card import gate_sentences
from cxrscreen.classifier.map_card import MapCard
from cxrscreen.classifier.recipe import Framing, recipe_named
from cxrscreen.classifier.shortcut_audit import NOT_SHOWN, ShortcutAudit
from cxrscreen.classifier.uncertain_band import UncertainBand

EXAMPLES = (0.01, 0.1)  # of the patients diseased: a finding's meaning is shown for these


def trust_sections(card: ModelCard) -> Iterator[str]:
    """Say what was measured, and nothing where nothing was."""
    if card.segmenter_sha256:
        yield from segmenter_section(card)
    known = card.segmenter_overlap is not None and card.segmenter_overlap.development.learnt > 0
    if card.shortcuts is not None:
        yield from _shortcuts(card.shortcuts, recipe_named(card.recipe).framing, lungs_known=known)
    if card.calibration is not None:
        yield from _calibration(card.calibration)
    if card.band is not None:
        yield from _band(card.band, card.band_in_test)
    if card.maps is not None:
        yield from _maps(card.maps, recipe_named(card.recipe).framing)
    if card.gate is not None:
        yield "## Which pictures are accepted"
        yield "\n\n".join(gate_sentences(card.gate))
        if known:
            yield "Those gates compare what the lung segmenter says, which had learnt from some of these patients."
    if card.references is not None:
        yield "## What later nights are compared with"
        yield (
            f"The spread of {card.references.scores.n} scores, of {card.references.distances.n} distances from the "
            f"development set and of {card.references.lung_shares.n} maps' shares inside the lungs, all held out, is "
            "kept in `card.json`, each class by itself: a night is held against a mixture at its own share of COVID-19."
        )


def _shortcuts(audit: ShortcutAudit, framing: Framing, *, lungs_known: bool) -> Iterator[str]:
    yield "## Does the score follow the lungs?"
    verdict = (
        "By this audit the score follows the lungs and not the rest of the picture."
        if audit.shown_to_use_lungs
        else NOT_SHOWN
    )
    yield (
        f"{verdict} Each radiograph was scored by heads that had not seen its patient"
        f"{', though the lung segmenter had seen some' if lungs_known else ''}: {audit.n} radiographs of "
        f"{audit.patients} patients, {audit.positives} of them COVID-19; {audit.without_fields} others were left out, "
        "because no plausible lung fields were found. Where class and source coincide, as here, lungs may differ "
        "by their source, too: this audit cannot see that."
    )
    if framing == "lungs":
        yield (
            "This recipe is shown the lungs alone, on plain grey: an AUC of 0.5 without lungs, and that the score "
            "follows exchanged lungs, are so by construction. They show that nothing else is read, not which sign in "
            "the lungs is."
        )
    rows: dict[str, Estimate | None] = {
        "AUC as they are": audit.intact,
        "AUC with the lungs taken out": audit.lungs_out,
        "AUC with nothing but the lungs": audit.lungs_only,
        "AUC with the lungs set into a radiograph of the other class": audit.exchanged,
        "difference: as they are, minus lungs taken out": audit.difference,
        "AUC between radiographs of one projection": audit.same_view,
    }
    yield _rows({name: estimate for name, estimate in rows.items() if estimate is not None})


def _calibration(calibration: Calibration) -> Iterator[str]:
    yield "## Calibration"
    yield (
        f"Scores are calibrated on {calibration.n} held-out radiographs, {calibration.prevalence:.0%} of them COVID-19 "
        f"(slope {calibration.slope:.3f}, intercept {calibration.intercept:.3f} of the log-odds): a score is a "
        "probability among radiographs like these only. Lower Brier scores are better; each fold was calibrated by "
        "the others."
    )
    change = calibration.brier_change
    rows = {"Brier score before": calibration.brier_before, "Brier score after": calibration.brier_after}
    yield _rows(rows | ({} if change is None else {"after minus before": change}))
    if change is not None and change.low <= 0 <= change.high:
        yield "No difference between the two is shown."
    lines = ["| calibrated score, mean | COVID-19 | 95 % interval | radiographs |", "|---|---|---|---|"]
    lines += [
        f"| {one.mean_score:.3f} | {one.observed.value:.3f} | {one.observed.low:.3f} to {one.observed.high:.3f} | "
        f"{one.observed.n} |"
        for one in calibration.curve_after
    ]
    yield "\n".join(lines)


def _band(band: UncertainBand, in_test: UncertainBand | None) -> Iterator[str]:
    yield "## Uncertain band"
    yield (
        f"Below {band.low:.6f} negative, from {band.high:.6f} on positive, between them uncertain: a human reads. "
        f"Chosen so that of COVID-19 at most {band.largest_error:.0%} is called negative and of normal radiographs at "
        f"most {band.largest_error:.0%} positive. What bands achieved on folds that had no part in their choice:"
    )
    yield _rows(_rates(band))
    if in_test is not None:
        yield "What this band achieved on the held-out test:"
        yield _rows(_rates(in_test))
    yield "What a finding means by the rates of the folds:"
    yield "\n".join(_meaning(band))


def _rates(band: UncertainBand) -> dict[str, Estimate]:
    return {
        "COVID-19 called negative": band.missed,
        "COVID-19 called positive": band.found,
        "normal called positive": band.false_alarms,
        "normal called negative": band.cleared,
        "left to a human, of all": band.uncertain,
    }


def _meaning(band: UncertainBand) -> Iterator[str]:
    yield "| diseased, of 100 patients | of 100 called positive, diseased | of 100 called negative, healthy |"
    yield "|---|---|---|"
    for prevalence in EXAMPLES:
        cells = (_percent(band.ppv(prevalence)), _percent(band.npv(prevalence)))
        yield f"| {100 * prevalence:.0f} | {' | '.join(cells)} |"


def _maps(maps: MapCard, framing: Framing) -> Iterator[str]:
    yield "## Where the activation maps lie"
    yield (
        "Reports warn that a map does not support its score where its share inside the lungs is below "
        f"{maps.least:.2f} times the lungs' share of the picture; 1 is a map that is the same everywhere. Of {maps.n} "
        f"held-out maps {maps.below_chance.value:.1%} ({maps.below_chance.low:.1%} to {maps.below_chance.high:.1%}) "
        "are below 1."
    )
    if maps.least > 1:
        yield (
            f"The limit is the 5 % quantile of the same {maps.n} maps: it warns of about one sound radiograph in "
            "twenty, by choice."
        )
    if framing == "lungs":
        yield (
            "Outside the lung fields this recipe is shown plain grey: that much of its maps lies in them is so by "
            "construction, and no evidence for the scores."
        )


def _percent(share: Estimate | None) -> str:
    if share is None:
        return "none is called so"
    value, low, high = (_not_all(one) for one in (share.value, share.low, share.high))
    return f"{value} ({low} to {high}, n = {share.n})"


def _not_all(share: float) -> str:
    """Write a share in percent; what is not quite all does not become 100%."""
    text = f"{share:.1%}"
    return ">99.9%" if text == "100.0%" and share < 1 else text


def _rows(estimates: dict[str, Estimate]) -> str:
    lines = ["| | value | 95 % interval | radiographs | method |", "|---|---|---|---|---|"]
    lines += [
        f"| {name} | {one.value:.3f} | {one.low:.3f} to {one.high:.3f} | {one.n} | {one.method} |"
        for name, one in estimates.items()
    ]
    return "\n".join(lines)
