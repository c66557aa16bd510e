"""The rows of the report's tables: numbers to text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

from cxrscreen.classifier.bias_report import BiasReport
from cxrscreen.classifier.estimate import Estimate
from cxrscreen.classifier.making import Making, SearchRecord
from cxrscreen.classifier.uncertain_band import UncertainBand
from cxrscreen.evaluation.data_report import Likeness
from cxrscreen.evaluation.gallery import CLASS_NAMES
from cxrscreen.evaluation.result import Comparison, Evaluation, Figures, ScoredFile
from cxrscreen.evaluation.study_2020 import STUDY_2020
from cxrscreen.reporting.page_parts import Fact

MOST_LINES = 100  # of a list of files; evaluation.json has them all

Row = tuple[str, ...]  # cells of a table, the first one names it

_HALF = 0.5
_MOST_DIGITS = 4
_DASH = "\N{EN DASH}"
_TRAITS = {"source": "Source", "view": "View", "sex": "Sex", "age": "Age", "size": "Shorter side"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Rows of a table that belong together."""

    title: str
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lines:
    """A list of files, cut where it would fill the report."""

    rows: tuple[Row, ...]
    more: int


def show(estimate: Estimate | None, digits: int = 2) -> str:
    """Write a figure with its interval in brackets, or a dash for what could not be measured."""
    if estimate is None:
        return _DASH
    value, low, high = (number(one, digits) for one in (estimate.value, estimate.low, estimate.high))
    return f"{value} ({low}{_DASH}{high})"


def number(value: float, digits: int) -> str:
    """Write a share, with more digits where rounding would turn nearly none into none, or nearly all into all."""
    for enough in range(digits, _MOST_DIGITS + 1):
        text = f"{value:.{enough}f}"
        if float(text) not in {0.0, 1.0} or float(text) == value:
            return text
    return f"<{10**-_MOST_DIGITS:g}" if value < _HALF else f">{1 - 10**-_MOST_DIGITS:g}"


def prevalence_in_words(share: float) -> str:
    """Write a share of patients without more digits than it has: "1%", "0.2%"."""
    return f"{100 * share:.3g}%"


def named_differences(comparison: Comparison) -> list[tuple[str, Estimate]]:
    """The differences that could be measured."""
    return [(name, estimate) for name, estimate in comparison.differences if estimate is not None]


def headline_facts(figures: Figures, band: UncertainBand | None) -> tuple[Fact, ...]:
    """What screening would say, large, with interval and basis: by the band where there is one, else by the point."""
    if band is not None:
        called = (
            ("Found", band.found, "COVID-19 called positive"),
            ("Missed", band.missed, "COVID-19 called negative"),
            ("False alarms", band.false_alarms, "normal called positive"),
        )
        return _large((name, e, f"{round(e.value * e.n)} of {e.n} {what}") for name, e, what in called)
    counts, healthy = figures.confusion, figures.n - figures.positives
    told = (
        ("Sensitivity", figures.sensitivity, f"{counts.true_positive} of {figures.positives} COVID-19 flagged"),
        ("Specificity", figures.specificity, f"{counts.true_negative} of {healthy} normal not flagged"),
        ("AUC", figures.auc, f"{figures.n} radiographs of {figures.patients} patients"),
    )
    return _large(told)


def confusion_rows(figures: Figures) -> tuple[Row, ...]:
    """Truth down, finding across, with sums."""
    c = figures.confusion
    return (
        ("COVID-19", str(c.true_positive), str(c.false_negative), str(figures.positives)),
        ("normal", str(c.false_positive), str(c.true_negative), str(figures.n - figures.positives)),
        ("all", str(c.true_positive + c.false_positive), str(c.false_negative + c.true_negative), str(figures.n)),
    )


def figures_rows(figures: Figures) -> tuple[Row, ...]:
    """Every figure with value, interval, basis and method."""
    c = figures.confusion
    named: tuple[tuple[str, Estimate | None, str], ...] = (
        ("Sensitivity (recall)", figures.sensitivity, f"{c.true_positive} of {figures.positives}"),
        ("Specificity", figures.specificity, f"{c.true_negative} of {figures.n - figures.positives}"),
        ("Precision", figures.precision, f"{c.true_positive} of {c.true_positive + c.false_positive}"),
        ("Accuracy", figures.accuracy, f"{c.true_positive + c.true_negative} of {figures.n}"),
        ("Balanced accuracy", figures.balanced_accuracy, ""),
        ("AUC", figures.auc, ""),
        ("Average precision", figures.average_precision, ""),
        ("Brier score (0 is best)", figures.brier, ""),
    )
    return tuple(
        (name, _DASH, _DASH, counts, "nothing to divide by")
        if e is None
        else (name, number(e.value, 3), f"{number(e.low, 3)} to {number(e.high, 3)}", counts or f"n = {e.n}", e.method)
        for name, e, counts in named
    )


def study_rows(figures: Figures) -> tuple[Row, ...]:
    """The study's figures and intervals beside ours."""
    ours = {
        "accuracy": figures.accuracy,
        "precision": figures.precision,
        "sensitivity": figures.sensitivity,
        "specificity": figures.specificity,
    }
    return tuple(
        (name.capitalize(), show(theirs, 3), str(theirs.n), show(mine, 3), str(mine.n) if mine else _DASH)
        for name, theirs in STUDY_2020
        for mine in (ours.get(name.lower()),)
    )


def subgroups_groups(evaluation: Evaluation) -> tuple[Group, ...]:
    """Parts of the set, trait by trait."""
    return tuple(
        Group(
            title=_TRAITS[by],
            rows=tuple(
                (g.value, f"{g.n} ({g.positives})", show(g.sensitivity), show(g.specificity), show(g.auc))
                for g in members
            ),
        )
        for by, members in groupby(evaluation.subgroups, key=lambda group: group.by)
    )


def balance_groups(bias: BiasReport) -> tuple[Group, ...]:
    """How many of each class have each value of a trait."""
    return tuple(
        Group(title=_TRAITS[by], rows=tuple((row.value, str(row.diseased), str(row.healthy)) for row in rows))
        for by, rows in groupby(bias.balance, key=lambda row: row.by)
    )


def search_rows(search: SearchRecord) -> tuple[Row, ...]:
    """Every point of the search in the order of its stages."""
    return tuple(
        (
            point.stage,
            f"{point.learning_rate:g}",
            str(point.batch_size),
            point.optimizer,
            str(point.epochs),
            f"{point.mean_auc:.3f} ± {point.sd_auc:.3f}",
            f"{point.mean_accuracy:.3f} ± {point.sd_accuracy:.3f}",
            "chosen" if point == search.chosen else "",
        )
        for point in search.points
    )


def set_facts(bias: BiasReport) -> tuple[Fact, ...]:
    """Counts of the whole data set."""
    across = f"{bias.alike_across_classes} of them across the classes" if bias.alike else ""
    return (
        Fact(label="Radiographs", value=str(bias.radiographs), aside=f"{bias.positives} COVID-19"),
        Fact(label="Patients", value=str(bias.patients), aside=f"{bias.patients_with_several} with several"),
        Fact(label="Both labels", value=str(bias.patients_of_both_classes), aside="patients"),
        Fact(label="Copies", value=str(bias.copies), aside="left out"),
        Fact(label="Look-alikes", value=str(bias.alike), aside=f"pairs{', ' if across else ''}{across}"),
    )


def making_facts(making: Making) -> tuple[Fact, ...]:
    """What is needed to make the model again, but for the radiographs."""
    shifts = making.augmentation
    shifted = f"{shifts.copies} shifted copies each, by up to {shifts.max_shift:.0%}" if shifts.copies else "none"
    facts = (
        ("Recipe", making.recipe),
        ("Seed", str(making.seed)),
        ("Data folder", making.data_folder),
        ("Development", f"{len(making.development)} radiographs"),
        ("Set aside", f"{len(making.test)} radiographs"),
        ("Augmentation", shifted),
        ("Search", f"{len(making.search.points)} points" if making.search else "none"),
        ("Note", making.note or "none"),
    )
    return tuple(Fact(label=label, value=value) for label, value in facts)


def alike_row(pair: Likeness) -> Row:
    """One pair of look-alikes, and what is odd about it."""
    kinds = ("mirrored" if pair.mirrored else "", "both labels" if pair.across_classes else "")
    return pair.first, pair.second, f"{pair.correlation:.3f}", ", ".join(filter(None, kinds)) or "same label"


def lines_of(rows: Sequence[Row]) -> Lines:
    """The first rows of a list of files."""
    return Lines(rows=tuple(rows[:MOST_LINES]), more=max(0, len(rows) - MOST_LINES))


def doubt_row(file: ScoredFile) -> Row:
    """One radiograph of the development part whose label is in doubt."""
    return file.file, CLASS_NAMES[file.label], number(file.score, 3)


def _large(told: Iterable[tuple[str, Estimate, str]]) -> tuple[Fact, ...]:
    return tuple(
        Fact(
            label=name,
            value=number(e.value, 2),
            aside=f"95 % interval {number(e.low, 2)} to {number(e.high, 2)}; {basis}",
        )
        for name, e, basis in told
    )
