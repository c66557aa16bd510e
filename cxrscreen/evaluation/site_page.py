"""The paper that a committee can sign, on disk: a folder with page, PDF, record and charts."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from cxrscreen.durable import place_folder
from cxrscreen.evaluation import site_verdict
from cxrscreen.evaluation.page import HTML_FILE, PDF_FILE, trust_charts
from cxrscreen.evaluation.page_rows import Row, headline_facts, number, prevalence_in_words, show
from cxrscreen.evaluation.page_values import Chart
from cxrscreen.evaluation.result import Evaluation, Figures
from cxrscreen.evaluation.site_acceptance import LocalPoint, SiteAcceptance
from cxrscreen.evaluation.site_verdict import Outcome, SiteVerdict
from cxrscreen.evaluation.trust_rows import TrustPage, band_columns, band_rows, trust_page
from cxrscreen.evaluation.unscored import Unscored
from cxrscreen.reporting.page_parts import Fact
from cxrscreen.reporting.records import write_json
from cxrscreen.reporting.words import Words, load_words
from cxrscreen.reporting.writer import ReportWriter, disk_errors_in_words

SITE_RECORD_FILE = "site-acceptance.json"
SIGNATURES = 4  # lines

_TITLES: dict[SiteVerdict, str] = {
    "fit for a trial": "Fit for a trial",
    "not shown": "Not shown to be fit",
    "unfit": "Unfit",
}
_MEANINGS: dict[SiteVerdict, str] = {
    "fit for a trial": (
        "It may be tried here, while people go on reading every radiograph as before. This is no permission to use it: "
        "the model is a prototype, not for medical use and not for diagnosis."
    ),
    "not shown": (
        "Do not begin a trial on the strength of these radiographs: they prove neither that the model is fit nor that "
        "it is not. Add what the open rules lack, and run this again."
    ),
    "unfit": "Do not try it here. More radiographs like these will hardly change that; another model may.",
}
_OUTCOMES: dict[Outcome, str] = {"met": "met", "open": "not shown", "failed": "failed"}


@dataclass(frozen=True, slots=True)
class SiteFiles:
    """The paper."""

    html: Path
    pdf: Path
    json: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class SitePage:
    """Everything that ``site.html.j2`` prints; ``site`` is the line below the title."""

    document_title: str
    created: str
    site: str
    key: str
    head: tuple[Fact, ...]
    verdict: str
    fit: bool
    reason: str
    meaning: str
    rules: tuple[Row, ...]
    how: str
    seen: int | None
    n: int
    headline: tuple[Fact, ...]
    threshold: str
    predictive: tuple[Row, ...]
    charts: dict[str, Chart]
    trust: TrustPage
    local: tuple[Row, ...]
    local_band_columns: Row
    local_band: tuple[Row, ...]
    local_notes: tuple[str, ...]
    basis: tuple[Fact, ...]
    summary: tuple[str, ...]
    fingerprints: tuple[Fact, ...]
    report: str | None
    signatures: int


def write_site_acceptance(
    acceptance: SiteAcceptance, evaluation: Evaluation | Unscored, folder: Path, *, report: str | None
) -> SiteFiles:
    """Write the paper into ``folder``, which appears whole or not at all.

    Args:
        acceptance: The verdict.
        evaluation: That it rests on, or what is known where a class has no scores.
        folder: Its parent is made where it is missing.
        report: Name of the folder beside it that holds the evaluation report; ``None`` where there is none.

    Raises:
        ReportError: The folder cannot be written.
    """
    drawn = dict(trust_charts(evaluation))
    beside = {chart.file: svg for chart, svg in drawn.items()}
    page = compose_site_page(
        acceptance, evaluation, charts={chart.name: chart for chart in drawn}, report=report, words=load_words("en")
    )
    html, pdf = _writer().render("site.html.j2", page, beside)
    record = write_json(acceptance.model_dump(mode="json"))
    with disk_errors_in_words(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        place_folder(folder, {**beside, SITE_RECORD_FILE: record, PDF_FILE: pdf, HTML_FILE: html})
    return SiteFiles(folder / HTML_FILE, folder / PDF_FILE, folder / SITE_RECORD_FILE)


def compose_site_page(
    acceptance: SiteAcceptance,
    evaluation: Evaluation | Unscored,
    *,
    charts: dict[str, Chart],
    report: str | None,
    words: Words,
) -> SitePage:
    """Turn verdict and figures into the values that the page prints."""
    figures, bias = evaluation.figures, evaluation.data.bias
    return SitePage(
        document_title=f"Site acceptance of {acceptance.model}: {evaluation.name}",
        created=acceptance.at,
        site=f"{acceptance.model} on {evaluation.name}",
        key=acceptance.model,
        head=(
            Fact(label="Model", value=f"{acceptance.model} ({acceptance.weights_sha256[:12]})"),
            Fact(label="Judged", value=words.moment(acceptance.at)),
        ),
        verdict=_TITLES[acceptance.verdict],
        fit=acceptance.verdict == "fit for a trial",
        reason=acceptance.reason,
        meaning=_MEANINGS[acceptance.verdict],
        rules=tuple((rule.name, rule.asked, rule.found, _OUTCOMES[rule.outcome]) for rule in acceptance.rules),
        how=site_verdict.HOW,
        seen=evaluation.seen,
        n=acceptance.data_set.n if figures is None else figures.n,
        headline=() if figures is None else headline_facts(figures, evaluation.band),
        threshold=number(acceptance.threshold, 3),
        predictive=tuple((prevalence_in_words(p.prevalence), show(p.ppv), show(p.npv)) for p in evaluation.predictive),
        charts=charts,
        trust=trust_page(evaluation, words),
        local=()
        if acceptance.local_point is None or figures is None
        else _local_rows(acceptance.threshold, acceptance.local_point, figures),
        local_band_columns=()
        if acceptance.local_band is None
        else band_columns(acceptance.local_band, "Uncertain band chosen here"),
        local_band=() if acceptance.local_band is None else band_rows(acceptance.local_band),
        local_notes=acceptance.local_notes,
        basis=(
            Fact(label="Radiographs", value=str(acceptance.scored), aside=f"{acceptance.positives} COVID-19"),
            Fact(
                label="Patients",
                value=f"{acceptance.diseased_patients} and {acceptance.healthy_patients}",
                aside="with COVID-19 and normal",
            ),
            Fact(label="Left out", value=str(len(evaluation.left_out)), aside="files: refused, or copies"),
            Fact(label="Folder", value=evaluation.name),
        ),
        summary=bias.summary,
        fingerprints=(
            Fact(label="Weights", value=acceptance.weights_sha256, aside=acceptance.model),
            Fact(label="Data set", value=acceptance.data_set.fingerprint, aside=acceptance.data_set.name),
        ),
        report=report,
        signatures=SIGNATURES,
    )


@cache
def _writer() -> ReportWriter:
    return ReportWriter("en", sheets=("evaluation.css", "site.css"))


def _local_rows(threshold: float, point: LocalPoint, figures: Figures) -> tuple[Row, ...]:
    return (
        (
            "on the model's card",
            number(threshold, 3),
            show(figures.sensitivity),
            show(figures.specificity),
        ),
        (
            f"chosen here for a sensitivity of {point.asked:.2f}",
            number(point.threshold, 3),
            show(point.sensitivity),
            show(point.specificity),
        ),
    )
