"""Charts of an evaluation: numbers in, SVG out."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from textwrap import fill
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cxrscreen.classifier.bias_report import Shortcut
from cxrscreen.classifier.calibration import ReliabilityBin
from cxrscreen.classifier.estimate import Estimate
from cxrscreen.classifier.making import GridPoint, SearchRecord
from cxrscreen.evaluation.drawing import ACCENT, GREY, INK, MIDDLE, drawn
from cxrscreen.evaluation.result import CurvePoint, Figures, ScoredFile
from cxrscreen.evaluation.trust import MapFigures
from cxrscreen.reporting.page_parts import printable

SQUARE, WIDE = 58.0, 180.0  # millimetres: three squares stand side by side on A4

_TICKS = (0.0, 0.25, 0.5, 0.75, 1.0)
_SCORE_TICKS = (0.000001, 0.0001, 0.01, 0.1, 0.5, 0.9, 0.99, 0.9999, 0.999999)
_SCORE_BINS = 60
_MAP_BINS = 24
_MOST_LABELS = 50  # settings; of more, the labels would run into each other
_POINT = {"marker": "o", "markersize": 4.5, "color": ACCENT, "linestyle": "none", "capsize": 0, "elinewidth": 1.0}


def roc_chart(curve: Sequence[CurvePoint], figures: Figures) -> bytes:
    """Sensitivity against false alarms, the operating point with both its intervals."""

    def draw(figure: Any) -> None:  # noqa: ANN401  # matplotlib ships no types
        axes = _unit_square(figure, "1 - specificity", "sensitivity")
        axes.plot([0, 1], [0, 1], color=MIDDLE, linestyle=(0, (4, 3)), linewidth=0.8)
        axes.plot([point.false_positive_rate for point in curve], [point.sensitivity for point in curve], color=INK)
        false_alarms = _mirrored(figures.specificity)
        _cross(axes, false_alarms, figures.sensitivity)
        axes.text(0.97, 0.03, f"AUC {figures.auc.value:.3f}", ha="right", va="bottom")

    return drawn(draw, width=SQUARE, height=SQUARE)


def precision_recall_chart(curve: Sequence[CurvePoint], figures: Figures) -> bytes:
    """Precision against sensitivity; dashed: the precision of guessing, which is the share of diseased."""
    steps = [(point.sensitivity, point.precision) for point in curve if point.precision is not None]

    def draw(figure: Any) -> None:  # noqa: ANN401  # matplotlib ships no types
        axes = _unit_square(figure, "sensitivity (recall)", "precision")
        share = figures.positives / figures.n
        axes.plot([0, 1], [share, share], color=MIDDLE, linestyle=(0, (4, 3)), linewidth=0.8)
        recalls, precisions = [0.0, *(r for r, _ in steps)], [steps[0][1], *(p for _, p in steps)]
        axes.plot(recalls, precisions, color=INK, drawstyle="steps-pre")
        if figures.precision is not None:
            _cross(axes, figures.sensitivity, figures.precision)
        axes.text(0.03, 0.03, f"average precision {figures.average_precision.value:.3f}", va="bottom")

    return drawn(draw, width=SQUARE, height=SQUARE)


def calibration_chart(bins: Sequence[ReliabilityBin], figures: Figures) -> bytes:
    """Observed share of diseased against the mean score of each bin; a probability would lie on the diagonal."""

    def draw(figure: Any) -> None:  # noqa: ANN401  # matplotlib ships no types
        axes = _unit_square(figure, "mean score", "share with COVID-19")
        axes.plot([0, 1], [0, 1], color=MIDDLE, linestyle=(0, (4, 3)), linewidth=0.8)
        observed = [one.observed for one in bins]
        axes.errorbar([one.mean_score for one in bins], [o.value for o in observed], yerr=_bars(observed), **_POINT)
        axes.text(0.97, 0.03, f"Brier {figures.brier.value:.3f}", ha="right", va="bottom")

    return drawn(draw, width=SQUARE, height=SQUARE)


def score_chart(files: Sequence[ScoredFile], threshold: float) -> bytes:
    """All scores by truth, on the scale of log-odds, which keeps those near 0 and 1 apart; the ends hold the rest."""
    edges = np.linspace(_log_odds(_SCORE_TICKS[0]), _log_odds(_SCORE_TICKS[-1]), _SCORE_BINS + 1)

    def counted(label: str) -> NDArray[np.int64]:
        scores = np.array([file.score for file in files if file.label == label])
        return np.histogram(np.clip(_log_odds(scores), edges[0], edges[-1]), edges)[0]

    def draw(figure: Any) -> None:  # noqa: ANN401  # matplotlib ships no types
        above, below = counted("covid"), counted("normal")
        axes, width = figure.add_subplot(), edges[1] - edges[0]
        axes.bar(edges[:-1], above, width, align="edge", color=INK, edgecolor="white", linewidth=0.4)
        axes.bar(edges[:-1], -below, width, align="edge", color="white", edgecolor=GREY, linewidth=0.6, hatch="//////")
        tallest = max(int(above.max()), int(below.max()), 1)
        axes.set_ylim(-1.25 * tallest, 1.25 * tallest)
        at = np.clip(_log_odds(threshold), edges[0], edges[-1])
        axes.axvline(at, color=ACCENT, linewidth=1.2)
        side = "left" if at < 0 else "right"  # of the text that stands at the line: away from the chart's edge
        axes.text(at, 1.22 * tallest, f"  operating point {threshold:.3f}  ", ha=side, va="top", color=ACCENT)
        axes.text(0.01, 0.94, "COVID-19", transform=axes.transAxes, ha="left", va="top", fontweight=600)
        axes.text(0.995, 0.06, "normal (hatched)", transform=axes.transAxes, ha="right", va="bottom", fontweight=600)
        axes.axhline(0, color=INK, linewidth=0.6)
        axes.set_xlim(edges[0], edges[-1])
        axes.set_xticks(
            [_log_odds(tick) for tick in _SCORE_TICKS], [np.format_float_positional(tick) for tick in _SCORE_TICKS]
        )
        axes.yaxis.set_major_formatter(lambda count, _: f"{abs(count):g}")
        axes.yaxis.get_major_locator().set_params(integer=True, nbins=6)
        axes.set_xlabel("score, spaced by log-odds")
        axes.set_ylabel("radiographs")

    return drawn(draw, width=WIDE, height=46)


def search_chart(search: SearchRecord) -> bytes:
    """Mean and standard deviation over the folds of each point, stage by stage; the chosen one is ringed."""
    stages = [(name, list(points)) for name, points in groupby(search.points, key=lambda point: point.stage)]

    def draw(figure: Any) -> None:  # noqa: ANN401  # matplotlib ships no types
        panels = figure.subplots(1, len(stages), sharey=True, width_ratios=[len(p) + 1.2 for _, p in stages])
        for axes, (name, points) in zip(np.atleast_1d(panels), stages, strict=True):
            places = range(len(points))
            means, deviations = zip(*(_criterion(point, search.criterion) for point in points), strict=True)
            axes.errorbar(places, means, yerr=deviations, **_POINT)
            for place, point in zip(places, points, strict=True):
                if point == search.chosen:
                    axes.plot([place], [means[place]], "o", markersize=9, mfc="none", mec=INK, mew=1.0)
            labels = _settings_that_vary(points) if len(search.points) <= _MOST_LABELS else [""] * len(points)
            axes.set_xticks(places, labels, rotation=90)
            axes.set_xlim(-0.8, len(points) - 0.2)
            axes.grid(visible=False, axis="x")
            axes.set_title(fill(printable(name), 6 + 4 * len(points)))
        np.atleast_1d(panels)[0].set_ylabel(f"mean {'AUC' if search.criterion == 'auc' else 'accuracy'} of the folds")

    return drawn(draw, width=WIDE, height=68)


def shortcut_chart(shortcuts: Sequence[Shortcut], model: str, auc: Estimate) -> bytes:
    """AUC of what cannot know disease, above that of the model; 0.5 is guessing."""
    return _aucs([*((shortcut.name, shortcut.auc) for shortcut in shortcuts), (model, auc)], strong=-1)


def lung_use_chart(named: Sequence[tuple[str, Estimate]]) -> bytes:
    """AUCs of radiographs as they are, first, and changed."""
    return _aucs(named, strong=0)


def map_chart(maps: MapFigures) -> bytes:
    """How much of each map lies in the lung fields, against chance."""
    shares = np.array(maps.lungs.values)

    def draw(figure: Any) -> None:  # noqa: ANN401  # matplotlib ships no types
        axes = figure.add_subplot()
        top = max(2.0, float(shares.max()))
        axes.hist(np.clip(shares, 0, top), np.linspace(0, top, _MAP_BINS + 1), color=INK, edgecolor="white", lw=0.4)
        axes.axvline(1, color=GREY, linestyle=(0, (4, 3)), linewidth=0.8)
        if maps.least is not None:
            axes.axvline(maps.least, color=ACCENT, linewidth=1.2)
            axes.margins(y=0.25)  # room above the bars
            above = axes.get_xaxis_transform()
            axes.text(maps.least, 0.97, f"  limit {maps.least:.2f}", color=ACCENT, va="top", transform=above)
        axes.set_xlim(0, top)
        axes.yaxis.get_major_locator().set_params(integer=True, nbins=5)
        axes.set_xlabel("energy over area")
        axes.set_ylabel("maps")

    return drawn(draw, width=88, height=44)


def _aucs(rows: Sequence[tuple[str, Estimate]], *, strong: int) -> bytes:
    """Intervals below one another; the row at ``strong`` is the one that the others are held against."""

    def draw(figure: Any) -> None:  # noqa: ANN401  # matplotlib ships no types
        axes, estimates = figure.add_subplot(), [estimate for _, estimate in rows]
        axes.errorbar([e.value for e in estimates], range(len(rows)), xerr=_bars(estimates), **_POINT)
        axes.set_yticks(range(len(rows)), [name for name, _ in rows])
        axes.get_yticklabels()[strong].set_fontweight(600)
        axes.set_ylim(len(rows) - 0.5, -0.5)
        axes.set_xlim(min(0.5, *(e.low for e in estimates)) - 0.02, 1.005)
        axes.axvline(0.5, color=GREY, linestyle=(0, (4, 3)), linewidth=0.8)
        axes.set_xlabel("AUC with 95 % interval (dashed: guessing)")
        axes.grid(visible=False, axis="y")

    return drawn(draw, width=88, height=14 + 6 * len(rows))


def comparison_chart(differences: Sequence[tuple[str, Estimate]]) -> bytes:
    """Challenger minus champion with intervals, around zero."""

    def draw(figure: Any) -> None:  # noqa: ANN401  # matplotlib ships no types
        axes, estimates = figure.add_subplot(), [estimate for _, estimate in differences]
        axes.errorbar([e.value for e in estimates], range(len(estimates)), xerr=_bars(estimates), **_POINT)
        axes.set_yticks(range(len(estimates)), [name for name, _ in differences])
        axes.set_ylim(len(estimates) - 0.5, -0.5)
        reach = 1.1 * max(0.05, *(abs(end) for e in estimates for end in (e.low, e.high)))
        axes.set_xlim(-reach, reach)
        axes.axvline(0, color=INK, linewidth=0.8)
        axes.set_xlabel("challenger minus champion, with 95 % interval")
        axes.grid(visible=False, axis="y")

    return drawn(draw, width=88, height=14 + 6 * len(differences))


def _unit_square(figure: Any, across: str, up: str) -> Any:  # noqa: ANN401  # matplotlib ships no types
    axes = figure.add_subplot()
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), xlabel=across, ylabel=up, aspect="equal")
    labels = [f"{tick:g}" for tick in _TICKS]
    axes.set_xticks(_TICKS, labels)
    axes.set_yticks(_TICKS, labels)
    return axes


def _cross(axes: Any, across: Estimate, up: Estimate) -> None:  # noqa: ANN401  # matplotlib ships no types
    axes.errorbar([across.value], [up.value], xerr=_bars([across]), yerr=_bars([up]), **_POINT, zorder=3)


def _bars(estimates: Sequence[Estimate]) -> NDArray[np.float64]:
    """Lengths below and above the values: (2, n). A bootstrap's interval need not hold its value."""
    lengths = [(max(0.0, e.value - e.low), max(0.0, e.high - e.value)) for e in estimates]
    return np.array(lengths, dtype=np.float64).T


def _mirrored(estimate: Estimate) -> Estimate:
    changed = {"value": 1 - estimate.value, "low": 1 - estimate.high, "high": 1 - estimate.low}
    return estimate.model_copy(update=changed)


def _log_odds(score: Any) -> Any:  # noqa: ANN401  # a number or an array of them
    inside = np.clip(score, 1e-9, 1 - 1e-9)
    return np.log(inside / (1 - inside))


def _criterion(point: GridPoint, criterion: str) -> tuple[float, float]:
    return (point.mean_auc, point.sd_auc) if criterion == "auc" else (point.mean_accuracy, point.sd_accuracy)


def _settings_that_vary(points: Sequence[GridPoint]) -> list[str]:
    """What tells the points of one stage apart, e.g. "rate 0.02, batch 5"."""
    written = [
        {
            "rate": f"rate {point.learning_rate:g}",
            "batch": f"batch {point.batch_size}",
            "optimizer": point.optimizer,
            "epochs": f"{point.epochs} epochs",
        }
        for point in points
    ]
    varying = [name for name in written[0] if len({one[name] for one in written}) > 1] or ["rate"]
    return [", ".join(one[name] for name in varying) for one in written]
