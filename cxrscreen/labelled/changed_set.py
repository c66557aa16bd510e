"""The radiographs of a set without lungs, with lungs alone, and with exchanged lungs, as a model is shown them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from cxrscreen.classifier.recipe import Framing
from cxrscreen.errors import DataSetError
from cxrscreen.labelled.splits import Indices
from cxrscreen.lungs.changed import exchanged, only_lungs, without_lungs
from cxrscreen.lungs.fields import LungFields
from cxrscreen.lungs.framing import framed
from cxrscreen.radiograph.prepare import prepare
from cxrscreen.types import Diseased, Grey8, Prepared, PreparedBatch

Change = Literal["without lungs", "lungs alone", "lungs exchanged"]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class LungsSeen:
    """Those n radiographs of a set that have plausible lung fields.

    Attributes:
        squares: Each of (SIDE, SIDE) of ``lungs.changed``.
        fields: Usable ones.
        diseased: Reference standard, shape (n,).
        patients: Patient of each, look-alikes joined.
        views: Projection of each, where it is known.
        without_fields: Radiographs that were left out for want of such fields.
    """

    squares: Sequence[Grey8] | NDArray[np.uint8] = field(repr=False)
    fields: Sequence[LungFields] = field(repr=False)
    diseased: Diseased
    patients: Sequence[str] = field(repr=False)
    views: Sequence[str | None] = field(repr=False)
    without_fields: int


def draw_backgrounds(
    diseased: Diseased, patients: Sequence[str], *, seed: int, parts: NDArray[np.intp] | None = None
) -> Indices:
    """Draw for each radiograph one of the other class, into which its lungs are to be set.

    Args:
        diseased: Reference standard, shape (n,).
        patients: Patient of each radiograph, length n; nobody is exchanged with himself.
        seed: Any non-negative integer.
        parts: Number of the part that each radiograph belongs to, shape (n,): a background comes from the same part,
            so that both radiographs of an exchange may be held out together.

    Returns:
        Shape (n,), positions.

    Raises:
        DataSetError: A radiograph has no other one to be exchanged with.
    """
    generator, of_patient = np.random.default_rng(seed), np.asarray(patients)
    of_part = np.zeros(len(diseased), dtype=np.intp) if parts is None else parts
    drawn = np.empty(len(diseased), dtype=np.intp)
    for place in range(len(diseased)):
        other = (diseased != diseased[place]) & (of_part == of_part[place]) & (of_patient != of_patient[place])
        if not other.any():
            raise DataSetError("Lungs cannot be exchanged between the classes: another patient of each is needed.")
        drawn[place] = generator.choice(np.flatnonzero(other))
    return drawn


def shown(square: Grey8, fields: LungFields, framing: Framing) -> Prepared:
    """Frame a radiograph, changed or not, whose lung fields are known.

    Args:
        square: The whole radiograph, (SIDE, SIDE) of ``lungs.changed``.
        fields: Usable ones. Those of a radiograph without lungs are where its lungs were: nobody looks for them anew.
        framing: Of the model's recipe.
    """
    return prepare(square) if framing == "whole" else framed(square, fields).prepared


def changed_inputs(
    seen: LungsSeen, change: Change, places: Indices, *, backgrounds: Indices, framing: Framing
) -> PreparedBatch:
    """Change some radiographs of a set and frame them.

    Args:
        seen: The set.
        change: What is done to them.
        places: Positions of k of them; in the answer they keep their order.
        backgrounds: From ``draw_backgrounds``, shape (n,); the label of an exchanged radiograph is that of its lungs.
        framing: Of the model's recipe.

    Returns:
        Shape (k, 224, 224, 3).
    """

    def one(place: int) -> Prepared:
        square, fields = seen.squares[place], seen.fields[place]
        if change == "lungs exchanged":
            behind = int(backgrounds[place])
            its_fields = seen.fields[behind]
            return shown(exchanged(square, fields, seen.squares[behind], its_fields), its_fields, framing)
        return shown(_ALONE[change](square, fields), fields, framing)

    return np.stack([one(place) for place in places.tolist()])


_ALONE: dict[str, Callable[[Grey8, LungFields], Grey8]] = {"without lungs": without_lungs, "lungs alone": only_lungs}
