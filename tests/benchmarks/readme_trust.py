"""What the README says of how far the shipped model may be trusted, and what that costs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from cxrscreen.classifier.card import ModelCard
from cxrscreen.classifier.estimate import Estimate
from cxrscreen.classifier.gate_card import GateCard
from cxrscreen.classifier.recipe import recipe_named
from cxrscreen.classifier.shortcut_audit import NOT_SHOWN, ShortcutAudit
from cxrscreen.classifier.uncertain_band import UncertainBand
from cxrscreen.lungs.card import LungCard

RARE = 0.01  # of the patients diseased: nearer to a hospital than the collection is

Row = tuple[str, Callable[[Estimate], str], list[Estimate]]
"""What was measured, how it is written, and the figures."""


def trust_in_words(card: ModelCard, lungs: LungCard) -> str:
    """The card's figures on when a score is not to be believed, and what they do not show."""
    rows = "\n".join(
        f"| {what} | {_numbers(figures)} | {'; '.join(map(shown, figures))} |" for what, shown, figures in _rows(card)
    )
    return (
        f"{_finding(card)}What else is known of it, each radiograph by a head that had not learnt from its patient:\n\n"
        f"| | n | (95 % interval) |\n|---|---|---|\n{rows}\n\n{_what_it_shows(card, lungs)}"
    )


def _finding(card: ModelCard) -> str:
    if card.band is None:
        return ""
    return (
        "Screening goes by the uncertain band around that point, chosen so that at most "
        f"{card.band.largest_error:.0%} of each class are called wrongly: below it a finding is negative, above it "
        "positive, within it a person reads. "
    )


def _rows(card: ModelCard) -> Iterator[Row]:
    if card.shortcuts is not None:
        yield from _shortcuts(card.shortcuts)
    if (overlap := card.segmenter_overlap) is not None:
        others = [part.auc_of_others for part in (overlap.development, overlap.test) if part.auc_of_others is not None]
        if others:
            yield "AUC without patients whom the lung segmenter had learnt from; of the held-out test", _figure, others
    if card.calibration is not None:
        briers = [card.calibration.brier_before, card.calibration.brier_after]
        yield "Brier score before calibration; after (0 is best)", _figure, briers
    if card.band is not None:
        yield from _band(card.band, card.band_in_test)
    if card.maps is not None:
        yield "activation maps that lie on the lungs no more than by chance", _share, [card.maps.below_chance]
    if card.gate is not None:
        yield from _gate(card.gate)


def _shortcuts(audit: ShortcutAudit) -> Iterator[Row]:
    yield "AUC with the lungs blacked out; with nothing but the lungs", _figure, [audit.lungs_out, audit.lungs_only]
    yield "loss of AUC when the lungs are blacked out", _figure, [audit.difference]
    yield "AUC with the lungs set into a radiograph of the other class", _figure, [audit.exchanged]
    if audit.same_view is not None:
        yield "AUC between radiographs of one projection", _figure, [audit.same_view]


def _band(band: UncertainBand, in_test: UncertainBand | None) -> Iterator[Row]:
    yield f"in the uncertain band, score {band.low:.2f} to {band.high:.2f}: a person reads", _share, [band.uncertain]
    yield "COVID-19 called positive; called negative", _share, [band.found, band.missed]
    yield "normal called positive; called negative", _share, [band.false_alarms, band.cleared]
    if in_test is not None:
        missed, false_alarms = in_test.missed, in_test.false_alarms
        yield "held-out test: COVID-19 called negative; normal called positive", _share, [missed, false_alarms]
    if (meant := band.ppv(RARE)) is not None:
        yield f"of those called positive, diseased, where {RARE:.0%} of the patients are", _share, [meant]


def _gate(gate: GateCard) -> Iterator[Row]:
    yield "sound radiographs that the gate by content refuses; flags", _share, [gate.refused, gate.flagged]
    found = [gate.turned_found, gate.negatives_found, gate.mirrored_found]
    yield "turned pictures it recognises; negatives; mirror images", _share, found


def _what_it_shows(card: ModelCard, lungs: LungCard) -> str:
    if recipe_named(card.recipe).framing == "whole":
        shown = card.shortcuts is not None and card.shortcuts.shown_to_use_lungs
        return "By this audit its score follows the lungs." if shown else NOT_SHOWN
    return (
        f"{_looked_at(card)}Its score looks at the lung fields alone, by construction: a small network "
        f"(`{lungs.version}`, Dice {_figure(lungs.folds.mean)}, n = {lungs.folds.n}, worst {lungs.folds.least:.2f}) "
        "finds them in the whole picture, they are cut out with a margin, each grey level gives way to its rank among "
        "those of the lungs, and all else becomes plain grey. So the figures without lungs, with exchanged lungs and "
        "of the maps show that this holds. They do **not** show which sign in the lungs is read, nor that it is "
        "disease: the lungs of the two classes come from different sources, too. What figures it has at other "
        "hospitals is unknown."
    )


def _looked_at(card: ModelCard) -> str:
    """Say what choices these figures are not free of."""
    said = ""
    if card.recipe_choice is not None:
        said += (
            f"Its recipe was chosen among {card.recipe_choice.among} on the same development part, so no figure of the "
            f"folds is free of that choice (`{card.recipe_choice.record}`). "
        )
    if card.looks is not None:
        said += f"On the held-out test {card.looks} other models had been scored before. "
    return said


def cost_in_words(found: dict[str, Any]) -> str:
    """What trust adds to the time of a study, and what the self-test takes before any."""
    parts = found["parts_milliseconds"]
    return (
        f"All that serves trust changes that by {found['more']:+.1%} ({found['more_lowest']:+.1%} to "
        f"{found['more_highest']:+.1%} in {found['rounds']} rounds, each against the same screening without, "
        f"{found['radiographs']} radiographs): it adds {found['parts_share']:.1%} (finding the lungs "
        f"{parts['lung_fields']:.0f} ms, framing them {parts['framing']:.0f}, gate {parts['gate']:.0f}, map audit "
        f"{parts['map_audit']:.0f}, what reports say of it {parts['pages']:.0f}), and saves "
        f"{found['shorter_base_milliseconds']:.0f} ms, since this recipe needs four of VGG16's "
        f"five blocks. The self-test before a screening takes {found['self_test_seconds']:.1f} CPU seconds, however "
        "many studies wait."
    )


def _numbers(figures: list[Estimate]) -> str:
    return ", ".join(str(n) for n in dict.fromkeys(found.n for found in figures))


def _figure(estimate: Estimate) -> str:
    return f"{estimate.value:.3f} ({estimate.low:.3f} to {estimate.high:.3f})"


def _share(estimate: Estimate) -> str:
    return f"{estimate.value:.1%} ({estimate.low:.1%} to {estimate.high:.1%})"
