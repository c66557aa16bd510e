"""The sections of a card's page that say how far a score may be trusted."""

from __future__ import annotations

from collections.abc import Iterator

from cxrscreen.classifier.calibration import Calibration
from cxrscreen.classifier.card import ModelCard
from cxrscreen.classifier.estimate import Estimate
from cxrscreen.classifier.gate_card import gate_sentences
from cxrscreen.classifier.map_card import MapCard
from cxrscreen.classifier.recipe import Framing, recipe_named
from cxrscreen.classifier.shortcut_audit import NOT_SHOWN, ShortcutAudit
from cxrscreen.classifier.uncertain_band import UncertainBand

EXAMPLES = (0.01, 0.1)  # of the patients diseased: a finding's meaning is shown for these


def trust_sections(card: ModelCard) -> Iterator[str]:
    """Say what was measured, and nothing where nothing was."""
    if card.shortcuts is not None:
        yield from _shortcuts(card.shortcuts, recipe_named(card.recipe).framing)
    if card.calibration is not None:
        yield from _calibration(card.calibration)
    if card.band is not None:
        yield from _band(card.band)
    if card.maps is not None:
        yield from _maps(card.maps)
    if card.gate is not None:
        yield "## Which pictures are accepted"
        yield "\n\n".join(gate_sentences(card.gate))
    if card.references is not None:
        yield "## What later nights are compared with"
        yield (
            f"The spread of {card.references.scores.n} scores, of {card.references.distances.n} distances from the "
            f"development set and of {card.references.lung_shares.n} maps' shares inside the lungs, all held out, is "
            "kept in `card.json`."
        )


def _shortcuts(audit: ShortcutAudit, framing: Framing) -> Iterator[str]:
    yield "## Does the score follow the lungs?"
    verdict = (
        "By this audit the score follows the lungs and not the rest of the picture."
        if audit.shown_to_use_lungs
        else NOT_SHOWN
    )
    yield (
        f"{verdict} Each radiograph was scored by heads that had not seen its patient: {audit.n} radiographs of "
        f"{audit.patients} patients, {audit.positives} of them COVID-19; {audit.without_fields} others were left out, "
        "because no plausible lung fields were found. Where class and source coincide, as here, lungs may differ "
        "by their source, too: this audit cannot see that."
    )
    if framing == "lungs":
        yield (
            "This recipe is shown the lungs alone: the figures without lungs and with exchanged lungs follow from how "
            "the radiograph is framed. They show that the framing holds, not which sign in the lungs is read."
        )
    rows: dict[str, Estimate | None] = {
        "AUC as they are": audit.intact,
        "AUC with the lungs blacked out": audit.lungs_out,
        "AUC with nothing but the lungs": audit.lungs_only,
        "AUC with the lungs set into a radiograph of the other class": audit.exchanged,
        "difference: as they are, minus lungs blacked out": audit.difference,
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
    yield _rows({"Brier score before": calibration.brier_before, "Brier score after": calibration.brier_after})
    lines = ["| calibrated score, mean | COVID-19 | 95 % interval | radiographs |", "|---|---|---|---|"]
    lines += [
        f"| {one.mean_score:.3f} | {one.observed.value:.3f} | {one.observed.low:.3f} to {one.observed.high:.3f} | "
        f"{one.observed.n} |"
        for one in calibration.curve_after
    ]
    yield "\n".join(lines)


def _band(band: UncertainBand) -> Iterator[str]:
    yield "## Uncertain band"
    yield (
        f"Below {band.low:.6f} negative, from {band.high:.6f} on positive, between them uncertain: a human reads. "
        f"Chosen so that of COVID-19 at most {band.largest_error:.0%} is called negative and of normal radiographs at "
        f"most {band.largest_error:.0%} positive. What bands achieved on folds that had no part in their choice:"
    )
    yield _rows(
        {
            "COVID-19 called negative": band.missed,
            "COVID-19 called positive": band.found,
            "normal called positive": band.false_alarms,
            "normal called negative": band.cleared,
            "left to a human, of all": band.uncertain,
        }
    )
    yield "\n".join(_meaning(band))


def _meaning(band: UncertainBand) -> Iterator[str]:
    yield "| diseased, of 100 patients | of 100 called positive, diseased | of 100 called negative, healthy |"
    yield "|---|---|---|"
    for prevalence in EXAMPLES:
        cells = (_percent(band.ppv(prevalence)), _percent(band.npv(prevalence)))
        yield f"| {100 * prevalence:.0f} | {' | '.join(cells)} |"


def _maps(maps: MapCard) -> Iterator[str]:
    yield "## Where the activation maps lie"
    yield (
        f"A map supports its score if its share inside the lungs is at least {maps.least:.2f} times the lungs' share "
        f"of the picture; 1 is a map that is the same everywhere. Of {maps.n} held-out maps "
        f"{maps.below_chance.value:.1%} ({maps.below_chance.low:.1%} to {maps.below_chance.high:.1%}) are below 1. "
        "Where a model is shown the lungs alone, its maps lie there whatever the score rests on."
    )


def _percent(share: Estimate | None) -> str:
    return "none is called so" if share is None else f"{share.value:.1%} ({share.low:.1%} to {share.high:.1%})"


def _rows(estimates: dict[str, Estimate]) -> str:
    lines = ["| | value | 95 % interval | radiographs | method |", "|---|---|---|---|---|"]
    lines += [
        f"| {name} | {one.value:.3f} | {one.low:.3f} to {one.high:.3f} | {one.n} | {one.method} |"
        for name, one in estimates.items()
    ]
    return "\n".join(lines)
