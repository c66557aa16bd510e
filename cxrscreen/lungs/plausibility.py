"""What lung fields look like, and how to tell that a mask is none.

The limits enclose, with room to spare, all 246 masks of the set that the shipped segmenter was made from (adults,
frontal, upright and supine): lungs of 0.09 to 0.59 of the picture, the smaller one 0.61 or more of the larger, middles
in columns 0.13 to 0.40 and 0.55 to 0.83 and in rows 0.26 to 0.64, one at most 0.15 higher than the other. A CT slice
may pass them all: plausible lungs make no radiograph.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

Part = NDArray[np.bool_]
"""True in one connected part of a mask: (rows, columns) of the whole picture."""

LEAST_AREA, MOST_AREA = 0.06, 0.66  # both lungs, of the picture
LEAST_LUNG = 0.02  # of the picture: less is no lung
LEAST_RATIO = 0.45  # of the smaller lung to the larger
MOST_ELSEWHERE = 0.05  # of the lungs' own area: parts that are neither lung
RIGHT_COLUMNS, LEFT_COLUMNS = (0.08, 0.5), (0.5, 0.92)  # middle of the patient's right and left lung
MIDDLE_ROWS = (0.2, 0.72)
MOST_UNEVEN = 0.2  # difference of the two middles' heights
MOST_DOUBT = 0.5  # undecided pixels for each pixel of lung


class LungFault(StrEnum):
    """Why a mask is not used."""

    TOO_SMALL = "too-small"
    TOO_LARGE = "too-large"
    ONE_LUNG = "one-lung"
    TOO_MANY_PARTS = "too-many-parts"
    SIDES = "sides"
    PLACE = "place"
    DOUBT = "doubt"
    TURNED = "turned"
    NEGATIVE = "negative"

    @property
    def sentence(self) -> str:
        """What was seen, for people."""
        return _SENTENCES[self]


_SENTENCES = {
    LungFault.TOO_SMALL: "The lung fields found take too little of the picture to be those of a chest radiograph.",
    LungFault.TOO_LARGE: "The lung fields found take more of the picture than lungs do.",
    LungFault.ONE_LUNG: "Only one lung field was found: a lateral view, a lung without air, or no chest radiograph.",
    LungFault.TOO_MANY_PARTS: "What was found falls into more parts than two lungs.",
    LungFault.SIDES: "One lung field found is far larger than the other.",
    LungFault.PLACE: "The lung fields found do not lie where the lungs of an upright frontal radiograph lie.",
    LungFault.DOUBT: "The outline of the lungs is too uncertain: this may be no frontal chest radiograph.",
    LungFault.TURNED: "Lung fields are found once the picture is turned: it seems to lie upside down or on its side.",
    LungFault.NEGATIVE: "Lung fields are found once dark and bright change places: the picture seems to be a negative.",
}


def fault_of(  # noqa: PLR0911  # one return for each fault
    lungs: Sequence[Part], elsewhere: Sequence[Part], *, doubt: float
) -> LungFault | None:
    """Judge a mask; the first fault that applies.

    Args:
        lungs: The largest parts, two at most, from the picture's left to its right.
        elsewhere: All other parts.
        doubt: Pixels that the segmenter is undecided about, for each pixel of the mask.
    """
    areas = [float(lung.mean()) for lung in lungs]
    if sum(areas) < LEAST_AREA:
        return LungFault.TOO_SMALL
    if sum(areas) > MOST_AREA:
        return LungFault.TOO_LARGE
    if min(areas) < LEAST_LUNG or len(areas) == 1:
        return LungFault.ONE_LUNG
    if sum(float(part.mean()) for part in elsewhere) > MOST_ELSEWHERE * sum(areas):
        return LungFault.TOO_MANY_PARTS
    if min(areas) < LEAST_RATIO * max(areas):
        return LungFault.SIDES
    if not _in_place(*lungs):
        return LungFault.PLACE
    return LungFault.DOUBT if doubt > MOST_DOUBT else None


def _in_place(right: Part, left: Part) -> bool:
    (right_row, right_column), (left_row, left_column) = middle(right), middle(left)
    return (
        RIGHT_COLUMNS[0] <= right_column < RIGHT_COLUMNS[1]
        and LEFT_COLUMNS[0] <= left_column < LEFT_COLUMNS[1]
        and all(MIDDLE_ROWS[0] <= row <= MIDDLE_ROWS[1] for row in (right_row, left_row))
        and abs(right_row - left_row) <= MOST_UNEVEN
    )


def middle(part: Part) -> tuple[float, float]:
    """Return the centre of mass: row and column as parts of the picture's height and width."""
    rows, columns = part.nonzero()
    return float(rows.mean() + 0.5) / part.shape[0], float(columns.mean() + 0.5) / part.shape[1]
