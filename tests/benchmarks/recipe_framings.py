"""The ways to frame a radiograph that were tried, and how it is changed before.

The shipped way is ``cxrscreen.lungs.framing``; the others share its steps, private as they are there: second copies
would drift away from it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from cxrscreen.lungs import framing
from cxrscreen.lungs.acquisition import draw_acquisition, stored_otherwise
from cxrscreen.lungs.changed import SIDE, exchanged, only_lungs, without_lungs
from cxrscreen.lungs.fields import LungFields
from cxrscreen.lungs.framing import MARGIN, framed
from cxrscreen.radiograph.prepare import SIDE as INPUT_SIDE
from cxrscreen.radiograph.prepare import prepare, resize
from cxrscreen.types import Grey8, Prepared
from tests.benchmarks.recipe_set import COPIES, SEEDS, DevelopmentSet

CELLS = 14
"""Rows and columns of block 4, and of the lungs' shares in its cells."""

Frame = Literal["whole", "crop", "blanked", "blanked inside", "ranked"]

FRAMES: dict[Frame, str] = {
    "whole": "whole picture",
    "crop": "lung crop, standardised",
    "blanked": "lung crop, standardised, blank outside",
    "blanked inside": "lung crop, standardised, blank outside, no trace of the rim",
    "ranked": "lung crop, ranked, blank outside",
}

ACQUISITION_COPIES = 3
_CHECK = 0  # the draw that no head is trained on
_BOUND = 3.0  # standard deviations of the lungs' grey
_LEAST_SPREAD = 12.0  # grey levels: lungs without contrast are not blown up to noise
_FEATHER = 3.0  # pixels of the input

Changed = tuple[Grey8, LungFields]
Change = Callable[[int], Changed]
"""Position of a radiograph to its square, changed, and where the lungs are in it."""


@dataclass(frozen=True, slots=True, eq=False)
class Shown:
    """What a base is shown.

    Attributes:
        prepared: The input.
        cover: Share of lung in each cell of it, (CELLS, CELLS), 0 to 1.
    """

    prepared: Prepared = field(repr=False)
    cover: NDArray[np.float32] = field(repr=False)


def show(frame: Frame, square: Grey8, fields: LungFields) -> Shown:
    """Frame one radiograph, changed or not."""
    if frame == "whole":
        return Shown(prepare(square), _cover(fields.mask.astype(np.float32)))
    grey, lungs = _cut(square, fields.at(SIDE, SIDE).astype(np.float32), fields)
    cover = _cover(lungs)
    if frame == "ranked":
        return Shown(framed(square, fields).prepared, cover)
    if frame == "crop":
        return Shown(_as_input(_standardised(grey, lungs)), cover)
    _, outline = _cut(square, framing._smooth(fields, SIDE), fields)
    weight = framing._inner(outline) if frame == "blanked inside" else cv2.GaussianBlur(outline, (0, 0), _FEATHER)
    return Shown(_as_input(_standardised(grey, outline) * weight), cover)


def changes(known: DevelopmentSet) -> dict[str, Change]:
    """Every change by its name; all chance is drawn from the name's numbers, so that each can be made by itself."""
    squares, fields = known.seen.squares, known.seen.fields

    def alone(change: Callable[[Grey8, LungFields], Grey8]) -> Change:
        return lambda place: (change(squares[place], fields[place]), fields[place])

    def mixed(seed: int, copy: int) -> Change:
        def one(place: int) -> Changed:
            behind = int(known.backgrounds[seed, copy, place])
            return exchanged(squares[place], fields[place], squares[behind], fields[behind]), fields[behind]

        return one

    def elsewhere(copy: int) -> Change:
        generator = np.random.default_rng([SEEDS[0], copy])
        drawn = [draw_acquisition(generator) for _ in fields]
        return lambda place: stored_otherwise(squares[place], fields[place], drawn[place])

    return {
        "intact": lambda place: (squares[place], fields[place]),
        "lungs out": alone(without_lungs),
        "lungs only": alone(only_lungs),
        **{exchange(seed, copy): mixed(seed, copy) for seed in range(len(SEEDS)) for copy in range(COPIES)},
        "other acquisition": elsewhere(_CHECK),
        **{name: elsewhere(copy) for copy, name in enumerate(acquisition_copies(ACQUISITION_COPIES), start=1)},
    }


def exchange(seed: int, copy: int) -> str:
    """Name of one drawing of exchanges: number of the split among ``SEEDS``, and of the copy."""
    return f"exchanged {seed} {copy}"


def acquisition_copies(how_many: int) -> tuple[str, ...]:
    """Names of the first drawings of other acquisitions that are there to be trained on."""
    return tuple(f"acquisition copy {copy}" for copy in range(1, how_many + 1))


def _cut(
    square: Grey8, lungs: NDArray[np.float32], fields: LungFields
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Grey and lungs of the crop, both (224, 224)."""
    top, left, bottom, right = (round(edge * SIDE) for edge in fields.box(MARGIN))
    cut = (picture[top:bottom, left:right] for picture in (square.astype(np.float32), lungs))
    grey, shares = (resize(picture, rows=INPUT_SIDE, columns=INPUT_SIDE) for picture in cut)
    return grey, shares


def _standardised(grey: NDArray[np.float32], lungs: NDArray[np.float32]) -> NDArray[np.float32]:
    """Standard deviations from the lungs' mean grey, within the bounds, in parts of the whole span: -0.5 to 0.5."""
    inside = grey[framing._mostly(lungs)]
    spread = max(float(inside.std()), _LEAST_SPREAD)
    standard: NDArray[np.float32] = np.clip((grey - inside.mean()) / spread, -_BOUND, _BOUND) / (2 * _BOUND)
    return standard


def _as_input(shades: NDArray[np.float32]) -> Prepared:
    """Shades of -0.5 to 0.5 around mid-grey, in three channels."""
    scaled = np.rint(255 * (0.5 + shades)).astype(np.uint8)
    return np.repeat(scaled[:, :, np.newaxis], 3, axis=2)


def _cover(lungs: NDArray[np.float32]) -> NDArray[np.float32]:
    return resize(lungs, rows=CELLS, columns=CELLS)
