"""The phantoms that every installation can draw again, as a model sees them."""

from __future__ import annotations

from collections.abc import Sequence

from cxrscreen.classifier.recipe import Framing
from cxrscreen.lungs.segmenter import Segmenter
from cxrscreen.lungs.sight import sights
from cxrscreen.phantom.golden import golden_phantom
from cxrscreen.types import Prepared

Phantom = tuple[int, bool]
"""Seed, and whether it has opacities."""


def golden_inputs(phantoms: Sequence[Phantom], segmenter: Segmenter, framing: Framing) -> list[Prepared | None]:
    """Draw phantoms and frame them; ``None`` where the framing needs lung fields and finds none."""
    drawn = [golden_phantom(seed, opacities=opacities) for seed, opacities in phantoms]
    return [sight.prepared for sight in sights(drawn, segmenter, framing)]
