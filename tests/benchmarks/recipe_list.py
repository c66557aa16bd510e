"""All recipes that are compared, by their names in the table."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from cxrscreen.classifier.recipe import LinearRecipe, recipe_named
from tests.benchmarks.recipe_cures import Linear
from tests.benchmarks.recipe_framings import FRAMES, Frame
from tests.benchmarks.recipe_heads import Fit, Production
from tests.benchmarks.recipe_passes import JUDGED, Layer, Scaling, View
from tests.benchmarks.recipe_poolings import Piece, Pooling
from tests.benchmarks.recipe_table import SHIPPED, WITHOUT_COPIES
from tests.benchmarks.recipe_votes import Votes


@dataclass(frozen=True, slots=True)
class Tried:
    """One recipe.

    Attributes:
        about: What it does, for the table; its framing stands before.
        pieces: What its head sees.
        fit: Its head.
    """

    about: str
    pieces: tuple[Piece, ...]
    fit: Fit = field(repr=False)

    @property
    def changes(self) -> tuple[str, ...]:
        """What must have been computed of each of its views."""
        return tuple(sorted({*JUDGED, *self.fit.needs}))

    @property
    def sees(self) -> str:
        """Its framing, blocks and pooling in words."""
        return "; and ".join(
            f"{FRAMES[piece.view.frame]}, {piece.layer}"
            + ("" if piece.pooling == "all" else f" pooled by {piece.pooling}")
            + ("" if piece.view.scaling == "unit" else ", ImageNet's scaling")
            for piece in self.pieces
        )


def _piece(frame: Frame, layer: Layer, pooling: Pooling = "all", scaling: Scaling = "unit") -> tuple[Piece, ...]:
    return (Piece(View(frame, scaling), layer, pooling),)


_STANDARD = _piece("whole", "b5")
_WHOLE_LUNGS = _piece("whole", "b4", "lungs")
_CROP = _piece("crop", "b4", "lungs")
_BLANKED = _piece("blanked", "b4")
_INSIDE = _piece("blanked inside", "b4")
_RANKED = _piece("ranked", "b4")

_PLAIN = Linear()
_EXCHANGED = Linear(exchanged=1)
_LUNG_FOCUSED = LinearRecipe(name="lung-focused")

_NAMED = {
    "study-2020": Tried(
        "the study's dense head", _piece("whole", "b5", "study's window"), Production(recipe_named("study-2020"))
    ),
    "standard": Tried("dense head", _STANDARD, Production(recipe_named("standard"))),
    **{
        f"lung-focused as the issue put it, {layer}": Tried("linear head", _piece("crop", layer, "lungs"), _PLAIN)
        for layer in ("b3", "b4", "b5")
    },
    WITHOUT_COPIES: Tried(
        "linear head with exchanged backgrounds, by production's code",
        _RANKED,
        Production(replace(_LUNG_FOCUSED, acquisition_copies=0)),
    ),
    SHIPPED: Tried("the same with copies of other acquisition", _RANKED, Production(_LUNG_FOCUSED)),
}

_CURES = {
    "standard, linear": Tried("linear head", _STANDARD, _PLAIN),
    "standard, view balance": Tried("class and view of equal weight", _STANDARD, Linear(by_view=True)),
    "standard, spectral decoupling": Tried(
        "penalty on squared log-odds in the place of the weights'", _STANDARD, Linear(penalty=0.001, decoupling=0.5)
    ),
    "standard, lungs-out penalty": Tried("log-odds without lungs drawn to 0", _STANDARD, Linear(lungs_out=2)),
    "standard, projection": Tried(
        "5 directions that tell the classes apart without lungs taken out", _STANDARD, Linear(projected=5)
    ),
    "standard, nuisance ridge": Tried("penalty on what a change of background moves", _STANDARD, Linear(nuisance=3)),
    "standard, exchanged, weight 1": Tried("exchanged backgrounds at the weight of the intact", _STANDARD, _EXCHANGED),
    "standard, exchanged, weight 2": Tried("exchanged backgrounds at double weight", _STANDARD, Linear(exchanged=2)),
    "whole, lung cells": Tried("linear head", _WHOLE_LUNGS, _PLAIN),
    "whole, lung cells, exchanged, weight 2": Tried(
        "exchanged backgrounds at double weight", _WHOLE_LUNGS, Linear(exchanged=2)
    ),
    "whole, lung cells, exchanged, lungs-out penalty": Tried(
        "exchanged backgrounds, log-odds without lungs drawn to 0", _WHOLE_LUNGS, Linear(exchanged=1, lungs_out=1)
    ),
    "crop, exchanged": Tried("exchanged backgrounds", _CROP, _EXCHANGED),
    "crop, nuisance ridge": Tried("penalty on what a change of background moves", _CROP, Linear(nuisance=3)),
    "crop, exchanged, nuisance ridge": Tried("both", _CROP, Linear(exchanged=1, nuisance=1)),
}

_BLANK = {
    "blanked": Tried("linear head", _BLANKED, _PLAIN),
    "blanked, exchanged": Tried("exchanged backgrounds", _BLANKED, _EXCHANGED),
    "blanked, exchanged, lungs-out penalty": Tried(
        "exchanged backgrounds, log-odds without lungs drawn to 0", _BLANKED, Linear(exchanged=1, lungs_out=1)
    ),
    "blanked inside, exchanged": Tried("exchanged backgrounds", _INSIDE, _EXCHANGED),
    "blanked inside, exchanged, nuisance ridge": Tried(
        "exchanged backgrounds, penalty on what they move", _INSIDE, Linear(exchanged=1, nuisance=1)
    ),
    "two resolutions, exchanged": Tried("exchanged backgrounds", _RANKED + _BLANKED, _EXCHANGED),
}

_RANKS = {
    "ranked": Tried("linear head", _RANKED, _PLAIN),
    "ranked, acquisition copies alone": Tried("copies of other acquisition", _RANKED, Linear(acquisitions=1)),
    "ranked, exchanged, lungs-out penalty": Tried(
        "exchanged backgrounds, log-odds without lungs drawn to 0", _RANKED, Linear(exchanged=1, lungs_out=1)
    ),
    **{
        f"ranked, exchanged, penalty {penalty:g}": Tried(
            "exchanged backgrounds, another ridge", _RANKED, Linear(exchanged=1, penalty=penalty)
        )
        for penalty in (0.003, 0.3)
    },
    **{
        f"ranked, exchanged, {pooling}": Tried("exchanged backgrounds", _piece("ranked", "b4", pooling), _EXCHANGED)
        for pooling in ("left and right", "thirds", "quantiles")
    },
    "ranked, exchanged, cell votes": Tried(
        "exchanged backgrounds, each lung cell has one bounded vote",
        _piece("ranked", "b4", "each cell"),
        Votes(bound=1.5),
    ),
    "ranked, exchanged, two blocks": Tried("exchanged backgrounds", _piece("ranked", "b3") + _RANKED, _EXCHANGED),
    "ranked, exchanged, b5": Tried("exchanged backgrounds", _piece("ranked", "b5"), _EXCHANGED),
    "ranked, exchanged, ImageNet's scaling": Tried(
        "exchanged backgrounds", _piece("ranked", "b4", scaling="ImageNet"), _EXCHANGED
    ),
    "ranked, exchanged, ImageNet's scaling, b5": Tried(
        "exchanged backgrounds", _piece("ranked", "b5", scaling="ImageNet"), _EXCHANGED
    ),
}

RECIPES: dict[str, Tried] = _NAMED | _CURES | _BLANK | _RANKS
