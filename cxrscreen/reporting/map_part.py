"""Where activation maps lie, in words and numbers: of one radiograph, and of all of a batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from cxrscreen.classifier.card import ModelCard
from cxrscreen.lungs.map_audit import MapAudit, RegionShare
from cxrscreen.reporting.model import ReadRadiograph
from cxrscreen.reporting.page_parts import shows_lungs_alone
from cxrscreen.reporting.words import Sentence, Words

_BIN = 0.25  # times chance
_BINS = 12  # the last one holds all beyond


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionRow:
    """One region under the map; of one that the picture has not, ``energy`` says so and the rest is empty."""

    name: str
    energy: str
    area: str
    against_chance: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MapPart:
    """What is said of one map; ``rows`` is empty where it could not be measured."""

    sentences: tuple[Sentence, ...]
    rows: tuple[RegionRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column of the distribution; percentages of the picture's height."""

    label: str
    count: int
    height: float


@dataclass(frozen=True, slots=True, kw_only=True)
class MapSpread:
    """How the lung shares of a batch are spread."""

    summary: str
    columns: tuple[Column, ...]
    limit_at: float | None  # in columns from the left; ``None`` without a limit, and where it is beyond the last one
    limit_label: str
    framed: str  # what such a spread does not prove, where it does not


def describe_map(shown: ReadRadiograph, card: ModelCard, words: Words) -> MapPart:
    """Say where the map of a radiograph lies."""
    if shown.audit is None:
        return MapPart(sentences=_unmeasured(shown, words), rows=())
    share, limit = shown.lung_share, card.maps
    ratio, least = _apart(share, None if limit is None else limit.least, words)
    said = [words.text("map", "share", **(_told(shown.audit.lungs, words) | {"against_chance": ratio}))]
    if limit is not None:
        key = "below" if share is not None and share < limit.least else "limit"
        said.append(words.text("map", key, least=least, n=words.count(limit.n)))
    if shows_lungs_alone(card.recipe):
        said.append(words.text("map", "framed"))
    return MapPart(
        sentences=tuple(Sentence(text, words.language) for text in said),
        rows=tuple(_region(one.name, getattr(shown.audit, one.name), words) for one in fields(MapAudit)),
    )


def spread_of_maps(lung_shares: Sequence[float], card: ModelCard, words: Words) -> MapSpread | None:
    """Summarise the lung shares of a batch; ``None`` where there is none."""
    if not lung_shares:
        return None
    least = card.maps.least if card.maps is not None else 1.0
    low, median, high = np.quantile(lung_shares, (0.25, 0.5, 0.75))
    summary = words.text(
        "map",
        "spread",
        n=words.count(len(lung_shares)),
        median=words.number(median),
        low=words.number(low),
        high=words.number(high),
        below=words.count(sum(share < least for share in lung_shares)),
        least=words.number(least),
    )
    place = np.minimum((np.array(lung_shares) / _BIN).astype(int), _BINS - 1)
    counts = np.bincount(place, minlength=_BINS)
    columns = tuple(
        Column(
            label=words.number(number * _BIN, 0) if number * _BIN == int(number * _BIN) else "",
            count=int(count),
            height=round(100 * count / counts.max(), 1),
        )
        for number, count in enumerate(counts)
    )
    return MapSpread(
        summary=summary,
        columns=columns,
        limit_at=round(least / _BIN, 2) if card.maps is not None and least < _BIN * _BINS else None,
        limit_label=words.text("map", "limit_label", least=words.number(least)),
        framed=words.text("map", "framed") if shows_lungs_alone(card.recipe) else "",
    )


def _unmeasured(shown: ReadRadiograph, words: Words) -> tuple[Sentence, ...]:
    if not np.any(shown.activation_map > 0):
        return (Sentence(words.text("map", "zero"), words.language),)
    if shown.fields is not None and shown.fields.fault is not None:
        return (
            Sentence(words.text("map", "no_fields"), words.language),
            words.sentence(shown.fields.fault.sentence),
        )
    return (Sentence(words.text("map", "unmeasured"), words.language),)


def _region(name: str, share: RegionShare, words: Words) -> RegionRow:
    title = words.text("map", name)
    if not share.area:
        return RegionRow(name=title, energy=words.text("map", "none"), area="", against_chance="")
    return RegionRow(name=title, **_told(share, words))


def _told(share: RegionShare, words: Words) -> dict[str, str]:
    return {
        "energy": words.percent(share.energy, 0),
        "area": words.percent(share.area, 0),
        "against_chance": _apart(share.against_chance, None, words)[0],
    }


def _apart(share: float | None, least: float | None, words: Words) -> tuple[str, str]:
    """Write a share over chance and its limit, never so rounded that a share below the limit looks like it."""
    if share is None or least is None:
        return tuple("–" if one is None else words.number(one) for one in (share, least))  # type: ignore[return-value]  # noqa: RUF001  # two of them; a dash where nothing is
    for digits in range(2, 7):
        texts = words.number(share, digits), words.number(least, digits)
        if share == least or texts[0] != texts[1]:
            break
    return texts
