"""What an evaluation records besides right and wrong: where the maps lie, and what the gate by content says."""

from __future__ import annotations

from typing import Literal

from cxrscreen.classifier.estimate import Estimate, Frozen
from cxrscreen.classifier.reference import Reference

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)

Region = Literal["lungs", "clavicles", "mediastinum", "border", "text"]


class MapSpread(Frozen):
    """One region under the activation maps of a set.

    Attributes:
        region: Which one; they overlap.
        n: Maps whose radiograph has such a region at all.
        against_chance: Energy over area, 1 for a map that is the same everywhere; at ``QUANTILES`` of the maps.
        energy: Mean share of the map's sum that lies there.
        area: Mean share of the picture that the region takes.
    """

    region: Region
    n: int
    against_chance: tuple[float, ...]
    energy: float
    area: float


class MapFigures(Frozen):
    """Where the activation maps of a set lie.

    Attributes:
        n: Maps that could be measured.
        empty: Maps that are zero everywhere: nothing speaks for COVID-19.
        without_fields: Radiographs without plausible lung fields.
        regions: The lungs first.
        lungs: ``against_chance`` of the lungs, map by map.
        below_chance: Share of the maps that reach less than 1 there.
        least: The limit of the model's card, if it has one.
        below_least: Share of the maps below it: they do not support their score.
    """

    n: int
    empty: int
    without_fields: int
    regions: tuple[MapSpread, ...]
    lungs: Reference
    below_chance: Estimate
    least: float | None
    below_least: Estimate | None


class GateFigures(Frozen):
    """What the gate by content says of a set whose files have passed the other gates.

    Attributes:
        n: Radiographs that it judged.
        refused: Of them; they have no score.
        refused_diseased: Of those labelled COVID-19; ``None`` where it judged none.
        refused_healthy: Of those labelled normal; likewise.
        flagged: Of them, not refused but doubtful.
        reasons: Refusals by the code of their reason.
        notices: Flagged ones by what was said; a radiograph may have several.
        strangeness: Of all; from about 1 on further from the development set than nearly all of it.
    """

    n: int
    refused: Estimate
    refused_diseased: Estimate | None
    refused_healthy: Estimate | None
    flagged: Estimate
    reasons: dict[str, int]
    notices: dict[str, int]
    strangeness: Reference
