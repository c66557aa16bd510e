"""One look of the lung segmenter at radiographs, and what a model is shown of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from cxrscreen.classifier.recipe import Framing
from cxrscreen.lungs.changed import SIDE
from cxrscreen.lungs.fields import Box, LungFields
from cxrscreen.lungs.framing import framed
from cxrscreen.lungs.map_audit import WHOLE
from cxrscreen.lungs.preparation import Square, squeezed
from cxrscreen.lungs.segmenter import LungFeatures, Segmenter
from cxrscreen.radiograph.prepare import prepare
from cxrscreen.types import Grey8, Prepared


@dataclass(frozen=True, slots=True, eq=False)
class Sight:
    """What is seen of one radiograph.

    Attributes:
        fields: Its lung fields.
        features: The segmenter's deepest layer, (80,), for the gate.
        prepared: The classifier's input; ``None`` where it needs lung fields and these have a fault.
        box: The part of the radiograph that ``prepared`` shows, and that an activation map of it covers.
    """

    fields: LungFields
    features: LungFeatures = field(repr=False)
    prepared: Prepared | None = field(repr=False)
    box: Box


def sights(readings: Sequence[Grey8], segmenter: Segmenter, framing: Framing) -> list[Sight]:
    """Look at radiographs in one pass of the segmenter; result i belongs to radiograph i.

    Args:
        readings: Radiographs at reading resolution, or squeezed to a square already.
        segmenter: The one that the model was made with.
        framing: Of the model's recipe.
    """
    squares = [squeezed(reading, SIDE) for reading in readings]
    found, features = segmenter.look(squares)
    return [
        Sight(fields, own_features, *_shown(reading, square, fields, framing))
        for reading, square, fields, own_features in zip(readings, squares, found, features, strict=True)
    ]


def _shown(reading: Grey8, square: Square, fields: LungFields, framing: Framing) -> tuple[Prepared | None, Box]:
    if framing == "whole":
        return prepare(reading), WHOLE
    if not fields.usable:
        return None, WHOLE
    cut = framed(square, fields)
    return cut.prepared, cut.box
