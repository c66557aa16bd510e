"""The evaluation report on disk: a folder with page, paper, record, charts and pictures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from cxrscreen.classifier.making import Making
from cxrscreen.durable import place_folder
from cxrscreen.evaluation import charts
from cxrscreen.evaluation.gallery import GalleryPicture
from cxrscreen.evaluation.page_rows import named_differences, show
from cxrscreen.evaluation.page_values import Chart, compose_evaluation_page, picture_file
from cxrscreen.evaluation.result import Comparison, Evaluation
from cxrscreen.evaluation.trust_rows import named_aucs
from cxrscreen.evaluation.unscored import Unscored
from cxrscreen.reporting.records import write_json
from cxrscreen.reporting.words import load_words
from cxrscreen.reporting.writer import ReportWriter, disk_errors_in_words

HTML_FILE = "index.html"
PDF_FILE = "index.pdf"
RECORD_FILE = "evaluation.json"


@dataclass(frozen=True, slots=True)
class EvaluationFiles:
    """The report of one evaluation."""

    html: Path
    pdf: Path
    json: Path


def write_evaluation(
    evaluation: Evaluation,
    pictures: Sequence[GalleryPicture],
    folder: Path,
    *,
    making: Making | None = None,
    comparison: Comparison | None = None,
) -> EvaluationFiles:
    """Write the report into ``folder``, which appears whole or not at all, in place of an earlier one.

    Args:
        evaluation: All figures.
        pictures: From the gallery, in the order that they are shown.
        folder: Its parent is made where it is missing.
        making: Of the model, where it is known; a search in it is shown with all its points.
        comparison: With the champion; becomes the promotion card.

    Raises:
        ReportError: The folder cannot be written.
    """
    drawn = dict(_charts(evaluation, making, comparison))
    beside = {chart.file: svg for chart, svg in drawn.items()}
    beside |= {picture_file(number): picture.jpeg for number, picture in enumerate(pictures, start=1)}
    page = compose_evaluation_page(
        evaluation, pictures=pictures, charts=drawn, making=making, comparison=comparison, words=load_words("en")
    )
    html, pdf = _writer().render("evaluation.html.j2", page, beside)
    record = write_json(evaluation.model_dump(mode="json"))
    with disk_errors_in_words(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        place_folder(folder, {**beside, RECORD_FILE: record, PDF_FILE: pdf, HTML_FILE: html})
    return EvaluationFiles(folder / HTML_FILE, folder / PDF_FILE, folder / RECORD_FILE)


@cache
def _writer() -> ReportWriter:
    return ReportWriter("en", sheets=("evaluation.css",))


def _charts(
    evaluation: Evaluation, making: Making | None, comparison: Comparison | None
) -> Iterator[tuple[Chart, bytes]]:
    """Draw what there is something to draw of, each with what it shows in words."""
    figures, curve, bias = evaluation.figures, evaluation.curve, evaluation.data.bias
    point = f"The operating point has sensitivity {show(figures.sensitivity)}"
    yield (
        _chart("roc", f"ROC curve, AUC {show(figures.auc)}. {point} and specificity {show(figures.specificity)}."),
        charts.roc_chart(curve, figures),
    )
    yield (
        _chart(
            "precision-recall",
            f"Precision-recall curve, average precision {show(figures.average_precision)}. {point} and precision "
            f"{show(figures.precision)}.",
        ),
        charts.precision_recall_chart(curve, figures),
    )
    bins = "; ".join(f"score {one.mean_score:.2f}, observed {show(one.observed)}" for one in evaluation.calibration)
    yield _chart("calibration", f"Calibration: {bins}."), charts.calibration_chart(evaluation.calibration, figures)
    c = figures.confusion
    yield (
        _chart(
            "scores",
            f"Scores by truth. At or above the operating point lie {c.true_positive} COVID-19 and {c.false_positive} "
            f"normal radiographs, below it {c.false_negative} and {c.true_negative}.",
        ),
        charts.score_chart(evaluation.files, evaluation.threshold),
    )
    if bias.shortcuts:
        told = "; ".join(f"{one.name} {show(one.auc)}" for one in bias.shortcuts)
        alt = f"AUC of shortcuts: {told}. Of the model: {show(figures.auc)}."
        yield _chart("shortcuts", alt), charts.shortcut_chart(bias.shortcuts, evaluation.model, figures.auc)
    yield from trust_charts(evaluation)
    if making and making.search:
        alt = f"Mean and standard deviation of {len(making.search.points)} settings, as in the table."
        yield _chart("search", alt), charts.search_chart(making.search)
    if comparison and (differences := named_differences(comparison)):
        told = "; ".join(f"{name} {e.value:+.3f} ({e.low:+.3f} to {e.high:+.3f})" for name, e in differences)
        yield _chart("comparison", f"Challenger minus champion: {told}."), charts.comparison_chart(differences)


def trust_charts(evaluation: Evaluation | Unscored) -> Iterator[tuple[Chart, bytes]]:
    """Draw whether the scores follow the lungs, and where the maps lie, as far as either was measured."""
    if audit := evaluation.shortcuts or evaluation.card_shortcuts:
        named = named_aucs(audit)
        told = "; ".join(f"{name} {show(auc)}" for name, auc in named)
        yield _chart("lung-use", f"AUC of changed radiographs: {told}."), charts.lung_use_chart(named)
    if maps := evaluation.maps:
        alt = f"Energy in the lung fields over their area, {maps.n} maps; below 1: {show(maps.below_chance)}."
        yield _chart("maps", alt), charts.map_chart(maps)


def _chart(name: str, alt: str) -> Chart:
    return Chart(name=name, file=f"chart-{name}.svg", alt=alt)
