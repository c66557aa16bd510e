"""Which share of a map's energy must lie inside the lungs, as a model's card records it."""

from __future__ import annotations

from pydantic import Field

from cxrscreen.classifier.estimate import Estimate, Frozen


class MapCard(Frozen):
    """What the activation maps of held-out radiographs showed.

    Attributes:
        least: Energy inside the lung fields over the share of area that these have. A map below it does not support
            its score: 19 of 20 held-out radiographs reach it, and it is never below 1, which a map reaches that is the
            same everywhere.
        n: Radiographs with plausible lung fields and a map that is not zero everywhere.
        below_chance: Share of them below 1.
    """

    least: float = Field(ge=1)
    n: int
    below_chance: Estimate
