"""What the gate by content goes by, and how often it is wrong on radiographs that it should let through."""

from __future__ import annotations

from collections.abc import Iterator

from cxrscreen.classifier.estimate import Estimate, Frozen


class GateLimits(Frozen):
    """What the gate goes by; all but one factor was chosen on the development set that its model was made from.

    Attributes:
        segmenter_sha256: Digest of the lung segmenter whose features are compared.
        quantile: Of the development set, each radiograph without its own patient, that lies within each limit of
            ``far_from`` and below ``strange_from``.
        far_from: Distance by kind of feature, from which a radiograph is far.
        strange_from: Strangeness, from which a radiograph is flagged.
        refused_from: Strangeness, from which it is refused: a fixed multiple of ``strange_from``.
        lead: Least lead of a wrong pose for which a picture is refused; below it the pose is flagged.
        unmirrored_from: Where a picture fits its mirror image better by more than this, it is flagged; below 0.
        pattern_from: Fine waves, from which a photograph of a screen is suspected.
    """

    segmenter_sha256: str
    quantile: float
    far_from: dict[str, float]
    strange_from: float
    refused_from: float
    lead: float
    unmirrored_from: float
    pattern_from: float


class GateCard(Frozen):
    """The limits and their price.

    Attributes:
        limits: What the gate goes by.
        n: Radiographs of the development set, all of them accepted.
        patients: Of these.
        refused: Of the same radiographs, refused by gates that were made without their patients.
        flagged: Of them, not refused but flagged; likewise.
        turned_found: Of them turned by 90, 180 and 270 degrees, recognised by their edges; likewise.
        negatives_found: Of their negatives; likewise.
        mirrored_found: Of their mirror images, flagged as such; likewise.
    """

    limits: GateLimits
    n: int
    patients: int
    refused: Estimate
    flagged: Estimate
    turned_found: Estimate
    negatives_found: Estimate
    mirrored_found: Estimate


def gate_sentences(card: GateCard) -> Iterator[str]:
    """Say what the gate does, for a card's page."""
    yield (
        f"Acceptance by content, limits at the {card.limits.quantile:.0%} quantile of {card.n} radiographs of "
        f"{card.patients} patients. Of these, judged by gates made without their patients, {_share(card.refused)} are "
        f"refused and {_share(card.flagged)} flagged."
    )
    yield (
        "Refused as unlike any frontal chest radiograph from "
        f"{card.limits.refused_from / card.limits.strange_from:.2f} times the strangeness that is flagged; this factor "
        "was settled on pictures that are no part of the development set, and other hospitals may need another. "
        "Nothing is known about children."
    )


def _share(found: Estimate) -> str:
    return f"{found.value:.1%} ({found.low:.1%} to {found.high:.1%}, n = {found.n})"
