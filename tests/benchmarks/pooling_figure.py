"""Draws what each recipe's head sees, and where its activation maps lie, over a thorax of nobody."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import numpy as np
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from cxrscreen.evaluation.drawing import INK, drawn
from cxrscreen.phantom.golden import golden_phantom
from cxrscreen.settings import PROJECT

FIGURE = PROJECT / "deployments" / "readme" / "pooling_window.svg"

CELLS = 7
SEEN = {"study-2020": 4, "standard": 7}  # cells down and across that reach the head
COLUMNS = (
    ("occlusion", "Weight of each cell\nin the score, %"),
    ("pixels", "Gradient of the score in the\npixels under each cell, %"),
    ("energy", "Energy of the\nactivation maps, %"),
    ("maximum", "Brightest cell of the\nactivation maps, % of maps"),
)

_WIDTH, _HEIGHT = 230.0, 133.0  # millimetres
_PHANTOM_SEED = 1


def draw(results: dict[str, Any]) -> bytes:
    """Draw the figure from what ``pooling_window`` saved.

    Returns:
        SVG, readable in grey: every shade carries its number.
    """
    covid = results["covid"]
    phantom = golden_phantom(_PHANTOM_SEED, opacities=False)[::2, ::2]

    def panels(figure: Any) -> None:
        rows = figure.subplots(len(SEEN), len(COLUMNS))
        for axes_of_recipe, (recipe, seen) in zip(rows, SEEN.items(), strict=True):
            for axes, (what, _) in zip(axes_of_recipe, COLUMNS, strict=True):
                shares = np.array(covid["recipes"][recipe]["cells"][what])
                if what == "occlusion":
                    _thorax(axes, phantom, shares, seen=seen)
                else:
                    _shades(axes, shares)
                _frame(axes, seen)
            axes_of_recipe[0].set_ylabel(f"{recipe}: the head sees\n{seen} x {seen} of {CELLS} x {CELLS} cells")
        for axes, (_, title) in zip(rows[0], COLUMNS, strict=True):
            axes.set_title(title, loc="center")
        figure.supxlabel(
            f"Means over {covid['radiographs']} COVID-19 radiographs, each looked at through {results['seeds']} heads "
            "of each recipe that were trained without its patient.\n"
            "Hatched: never reaches the head. The thorax is a drawn phantom.",
            fontsize=8,
        )

    return drawn(panels, width=_WIDTH, height=_HEIGHT) + stamp(results)


def stamp(results: dict[str, Any]) -> bytes:
    """Say which numbers the figure was drawn from, so that a test can see whether they are those of today."""
    digest = hashlib.sha256(json.dumps(results, sort_keys=True).encode()).hexdigest()
    return f"<!-- drawn from results with SHA-256 {digest} -->\n".encode()


def _thorax(axes: Any, phantom: NDArray[np.uint8], shares: NDArray[np.float64], *, seen: int) -> None:
    axes.imshow(phantom, cmap="gray", vmin=0, vmax=255, extent=(0, CELLS, CELLS, 0), interpolation="bilinear")
    for corner, width, height in (((seen, 0), CELLS - seen, CELLS), ((0, seen), seen, CELLS - seen)):
        style = {"facecolor": (0, 0, 0, 0.55), "edgecolor": "white", "hatch": "///", "linewidth": 0}
        axes.add_patch(Rectangle(corner, width, height, **style))
    _grid(axes)
    boxed = {"boxstyle": "square,pad=0.15", "facecolor": "white", "edgecolor": "none", "alpha": 0.8}
    for place, share in np.ndenumerate(shares):
        _number(axes, place, share, color=INK, bbox=boxed)


def _shades(axes: Any, shares: NDArray[np.float64]) -> None:
    darkest = float(shares.max())
    axes.imshow(shares, cmap="Greys", vmin=0, vmax=1.25 * darkest, extent=(0, CELLS, CELLS, 0), interpolation="nearest")
    _grid(axes)
    for place, share in np.ndenumerate(shares):
        _number(axes, place, share, color="white" if share > 0.6 * darkest else INK)


def _number(axes: Any, place: tuple[int, ...], share: float, **style: Any) -> None:
    """Write a share in per cent; a bare 0 stands for exactly nothing."""
    row, column = place
    text = "0" if share == 0 else f"{100 * share:.1f}"
    axes.text(column + 0.5, row + 0.5, text, ha="center", va="center", fontsize=6.5, **style)


def _grid(axes: Any) -> None:
    axes.grid(visible=False)
    for line in range(1, CELLS):
        axes.plot([line, line], [0, CELLS], color="0.6", linewidth=0.3)
        axes.plot([0, CELLS], [line, line], color="0.6", linewidth=0.3)
    axes.set(xticks=[], yticks=[], xlim=(0, CELLS), ylim=(CELLS, 0))


def _frame(axes: Any, seen: int) -> None:
    """Frame what the head sees, white within black, so that it shows on every grey."""
    for width, colour in ((3.2, "black"), (1.2, "white")):
        style = {"edgecolor": colour, "linewidth": width, "clip_on": False, "zorder": 5}
        axes.add_patch(Rectangle((0, 0), seen, seen, fill=False, **style))
