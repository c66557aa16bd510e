"""Paper and pen of the charts: the only place that imports matplotlib.

Vector, in the report's own font as outlines, with ink and greys alone: line styles, markers and fillings tell
things apart, so a chart survives a grey printer. The same numbers always give the same bytes.
"""

from __future__ import annotations

import atexit
import io
import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import matplotlib as mpl
from fontTools.ttLib import woff2  # type: ignore[import-untyped]  # ships no types
from matplotlib.figure import Figure
from matplotlib.font_manager import FontEntry, fontManager

from cxrscreen.reporting.words import TEMPLATES

INK, ACCENT, GREY, MIDDLE, PALE = "#16202b", "#14507a", "#55606c", "#9aa5b1", "#d9dee3"

_MM = 1 / 25.4  # inches
_FAMILY = "Source Sans 3"
_WEIGHTS = (400, 600)
_STYLE = {
    "axes.edgecolor": GREY,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.labelcolor": INK,
    "axes.labelpad": 1.5,
    "axes.labelsize": 8,
    "axes.linewidth": 0.6,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 8,
    "axes.unicode_minus": False,
    "figure.constrained_layout.h_pad": 0.02,
    "figure.constrained_layout.w_pad": 0.02,
    "font.family": _FAMILY,
    "font.size": 7.5,
    "grid.color": PALE,
    "grid.linewidth": 0.5,
    "hatch.linewidth": 0.6,
    "legend.borderaxespad": 0.2,
    "legend.fontsize": 7.5,
    "legend.frameon": False,
    "legend.handlelength": 1.6,
    "lines.linewidth": 1.4,
    "svg.fonttype": "path",
    "svg.hashsalt": "cxrscreen",
    "text.color": INK,
    "text.parse_math": False,  # people name the stages of a search: a $ is a $
    "xtick.color": GREY,
    "xtick.labelcolor": INK,
    "xtick.major.pad": 2.5,
    "xtick.major.width": 0.6,
    "ytick.color": GREY,
    "ytick.labelcolor": INK,
    "ytick.major.pad": 2.5,
    "ytick.major.width": 0.6,
}


def drawn(draw: Callable[[Any], None], *, width: float, height: float) -> bytes:
    """Return what ``draw`` puts onto an empty figure, as SVG.

    Args:
        draw: Is handed the figure; it has constrained layout.
        width: In millimetres, as printed.
        height: Likewise.
    """
    svg = io.BytesIO()
    _unpack_fonts()
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(width * _MM, height * _MM), layout="constrained")
        draw(figure)
        figure.savefig(svg, format="svg", metadata={"Date": None, "Creator": None})
    return svg.getvalue()


@cache
def _unpack_fonts() -> None:
    """Unpack the report's fonts, which FreeType does not read as WOFF2, for as long as the process lives."""
    folder = Path(mkdtemp(prefix="cxrscreen-fonts-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    for weight in _WEIGHTS:
        font = folder / f"{weight}.ttf"
        woff2.decompress(str(TEMPLATES / "fonts" / f"source-sans-3-latin-{weight}.woff2"), str(font))
        # Entered by hand: the files call themselves after the variable font that they were cut from.
        fontManager.ttflist.append(FontEntry(fname=str(font), name=_FAMILY, style="normal", weight=weight))
