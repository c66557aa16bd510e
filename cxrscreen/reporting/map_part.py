"""Where activation maps lie, in words and numbers: of one radiograph, and of all of a batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from cxrscreen.classifier.card import ModelCard
from cxrscreen.lungs.map_audit import MapAudit, RegionShare
from cxrscreen.reporting.model import ReadRadiograph
from cxrscreen.reporting.words import Sentence, Words

_BIN = 0.25  # times chance
_BINS = 12  # the last one holds all beyond


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionRow:
    """One region under the map."""

    name: str
    energy: str
    area: str
    against_chance: str
    line: str  # all of it: on paper, each cell of a table costs a millisecond


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
    below: bool  # the card's limit


@dataclass(frozen=True, slots=True, kw_only=True)
class MapSpread:
    """How the lung shares of a batch are spread."""

    summary: str
    columns: tuple[Column, ...]


def describe_map(shown: ReadRadiograph, card: ModelCard, words: Words) -> MapPart:
    """Say where the map of a radiograph lies."""
    if shown.audit is None:
        return MapPart(sentences=_unmeasured(shown, words), rows=())
    said = [words.text("map", "share", **_told(shown.audit.lungs, words))]
    if card.maps is not None:
        said.append(words.text("map", "limit", least=words.number(card.maps.least, 1), n=words.count(card.maps.n)))
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
        median=words.number(median, 1),
        low=words.number(low, 1),
        high=words.number(high, 1),
        below=words.count(sum(share < least for share in lung_shares)),
        least=words.number(least, 1),
    )
    place = np.minimum((np.array(lung_shares) / _BIN).astype(int), _BINS - 1)
    counts = np.bincount(place, minlength=_BINS)
    columns = tuple(
        Column(
            label=words.number(number * _BIN, 0) if number * _BIN == int(number * _BIN) else "",
            count=int(count),
            height=round(100 * count / counts.max(), 1),
            below=(number + 1) * _BIN <= least,
        )
        for number, count in enumerate(counts)
    )
    return MapSpread(summary=summary, columns=columns)


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
    told = {"name": words.text("map", name)} | _told(share, words)
    return RegionRow(line=words.text("map", "line", **told), **told)


def _told(share: RegionShare, words: Words) -> dict[str, str]:
    against = share.against_chance
    return {
        "energy": words.percent(share.energy),
        "area": words.percent(share.area),
        "against_chance": "–" if against is None else words.number(against, 1),  # noqa: RUF001  # a dash where nothing is
    }
