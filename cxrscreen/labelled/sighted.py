"""A labelled set as the lung segmenter sees it, and what each kind of recipe is shown of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cxrscreen.classifier.card import ModelCard
from cxrscreen.classifier.recipe import Framing, recipe_named
from cxrscreen.labelled.changed_set import LungsSeen
from cxrscreen.labelled.labelled_set import LabelledSet
from cxrscreen.labelled.splits import Indices
from cxrscreen.lungs.bundle import segmenter_folder
from cxrscreen.lungs.fields import Box, LungFields
from cxrscreen.lungs.framing import MARGIN, framed
from cxrscreen.lungs.map_audit import WHOLE
from cxrscreen.types import PreparedBatch

if TYPE_CHECKING:
    from cxrscreen.lungs.segmenter import LungFeatures, Segmenter


def segmenter_for(card: ModelCard, segmenters: Path) -> Segmenter:
    """Load the segmenter that a model was made with; this starts TensorFlow.

    Raises:
        ModelError: It is not here.
    """
    from cxrscreen.lungs.segmenter import Segmenter  # noqa: PLC0415  # starts TensorFlow

    return Segmenter.of(segmenter_folder(segmenters, card.segmenter_sha256))


@dataclass(frozen=True, slots=True, eq=False)
class Sighted:
    """The lungs of a labelled set.

    Attributes:
        labelled: The set.
        fields: Lung fields of each radiograph, length n; none where nobody looked for them, see ``for_card``.
        features: The segmenter's deepest layer, (n, 80), for the gate; likewise.
    """

    labelled: LabelledSet = field(repr=False)
    fields: tuple[LungFields, ...] = field(repr=False)
    features: LungFeatures = field(repr=False)

    @classmethod
    def of(cls, labelled: LabelledSet, segmenter: Segmenter) -> Sighted:
        """Look for the lungs of each radiograph."""
        found, features = segmenter.look(list(labelled.squares))
        return cls(labelled, tuple(found), features)

    @classmethod
    def for_card(cls, labelled: LabelledSet, card: ModelCard, segmenters: Path) -> Sighted:
        """Look for the lungs only where the model is shown nothing else; by the segmenter that it was made with.

        Args:
            labelled: The set.
            card: Of the model.
            segmenters: Folder of the segmenters that were trained at this site.

        Raises:
            ModelError: That segmenter is not here.
        """
        if recipe_named(card.recipe).framing == "whole":
            return cls(labelled, (), np.empty((0, 0), dtype=np.float32))
        return cls.of(labelled, segmenter_for(card, segmenters))

    @property
    def with_fields(self) -> NDArray[np.bool_]:
        """Which radiographs have plausible lung fields, shape (n,)."""
        return np.array([one.usable for one in self.fields], dtype=np.bool_)

    def shown(self, framing: Framing) -> NDArray[np.bool_]:
        """Which radiographs a recipe can be shown, shape (n,)."""
        return np.ones(len(self.labelled.radiographs), dtype=np.bool_) if framing == "whole" else self.with_fields

    def inputs(self, framing: Framing) -> PreparedBatch:
        """Classifier inputs of all radiographs, (n, 224, 224, 3); black where ``shown`` is false."""
        if framing == "whole":
            return self.labelled.prepared
        inputs = np.zeros_like(self.labelled.prepared)
        for row, (square, fields) in enumerate(zip(self.labelled.squares, self.fields, strict=True)):
            if fields.usable:
                inputs[row] = framed(square, fields).prepared
        return inputs

    def boxes(self, framing: Framing) -> list[Box]:
        """The part of each radiograph that its input shows."""
        if framing == "whole":
            return [WHOLE] * len(self.labelled.radiographs)
        return [fields.box(MARGIN) if fields.usable else WHOLE for fields in self.fields]

    def part_with_fields(self, part: Indices) -> Indices:
        """Positions of those radiographs of a part that have plausible lung fields."""
        return part[self.with_fields[part]]

    def lungs_seen(self, places: Indices, patients: Sequence[str], *, without_fields: int) -> LungsSeen:
        """Radiographs with plausible lung fields, ready to be changed.

        Args:
            places: Positions of these radiographs.
            patients: Patient of each radiograph of the whole set, length n.
            without_fields: How many were left out for want of such fields.
        """
        radiographs = self.labelled.radiographs
        return LungsSeen(
            squares=self.labelled.squares[places],
            fields=[self.fields[place] for place in places],
            diseased=self.labelled.diseased[places],
            patients=[patients[place] for place in places],
            views=[radiographs[place].view for place in places],
            without_fields=without_fields,
        )
