"""What the gate by content goes by, and how often it is wrong on radiographs that it should let through."""

from __future__ import annotations

from collections.abc import Iterator

from cxrscreen.classifier.estimate import Estimate, Frozen


class GateLimits(Frozen):
    """What the gate goes by, chosen on the development set that its model was made from.

    Attributes:
        segmenter_sha256: Digest of the lung segmenter whose features are compared.
        quantile: Of the development set, each radiograph without its own patient, that lies within each limit of
            ``far_from`` and below ``strange_from``.
        far_from: Distance by kind of feature, from which a radiograph is far.
        strange_from: Strangeness, from which a radiograph is flagged.
        refused_from: Strangeness, from which it is refused: as far above ``strange_from`` as that is above the middle
            of the development set.
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


class GateInTest(Frozen):
    """What the finished gate says of the held-out test part.

    Attributes:
        refused: Of all radiographs of the part.
        refused_positives: Of those with COVID-19.
        refused_negatives: Of the normal ones.
        flagged: Of all, not refused but flagged.
    """

    refused: Estimate
    refused_positives: Estimate
    refused_negatives: Estimate
    flagged: Estimate


class GateCard(Frozen):
    """The limits and their price.

    Attributes:
        limits: What the gate goes by.
        n: Radiographs of the development set, all of them accepted.
        patients: Of these.
        refused: Of the same radiographs, refused by gates that were made without their patients.
        flagged: Of them, not refused but flagged; likewise.
        turned_found: Of them turned by 90, 180 and 270 degrees, also mirrored, recognised by their edges; likewise,
            with the six views of a radiograph averaged first.
        negatives_found: Of their negatives; likewise.
        mirrored_found: Of their mirror images, flagged as such; likewise.
        in_test: On the held-out test part, where it was measured.
    """

    limits: GateLimits
    n: int
    patients: int
    refused: Estimate
    flagged: Estimate
    turned_found: Estimate
    negatives_found: Estimate
    mirrored_found: Estimate
    in_test: GateInTest | None = None


def gate_sentences(card: GateCard) -> Iterator[str]:
    """Say what the gate does and how well, for a card's page."""
    yield (
        f"Acceptance by content, limits at the {card.limits.quantile:.0%} quantile of {card.n} radiographs of "
        f"{card.patients} patients. Of these, judged by gates made without their patients, {_share(card.refused)} are "
        f"refused and {_share(card.flagged)} flagged."
    )
    if card.in_test is not None:
        found = card.in_test
        yield (
            f"Of the held-out test part {_share(found.refused)} are refused, of COVID-19 "
            f"{_share(found.refused_positives)} and of normal radiographs {_share(found.refused_negatives)}; "
            f"{_share(found.flagged)} are flagged."
        )
    yield (
        f"Of the {card.n}, turned by a quarter or a half and mirrored or not, {_share(card.turned_found)} are "
        f"recognised as turned, of their negatives {_share(card.negatives_found)}; of their mirror images "
        f"{_share(card.mirrored_found)} are flagged as mirrored. What is not recognised there is scored as if nothing "
        "were wrong, unless it is refused for another reason."
    )
    yield (
        "Refused as unlike any frontal chest radiograph, if two looks agree, from a strangeness of "
        f"{card.limits.refused_from:.2f}: as far above {card.limits.strange_from:.2f}, where it is flagged, as that is "
        "above the middle of the development set. Both limits come from that set alone; how the looks are weighed was "
        "settled on pictures that are no part of it. Other hospitals may need other limits. Nothing is known about "
        "children."
    )


def _share(found: Estimate) -> str:
    return f"{found.value:.1%} ({found.low:.1%} to {found.high:.1%}, n = {found.n})"
