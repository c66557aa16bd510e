"""What the evaluation report shows, ready for its template."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from cxrscreen.classifier.making import Making
from cxrscreen.evaluation.gallery import CLASS_NAMES, GalleryPicture
from cxrscreen.evaluation.page_rows import (
    Group,
    Lines,
    Row,
    alike_row,
    balance_groups,
    confusion_rows,
    doubt_row,
    figures_rows,
    headline_facts,
    lines_of,
    making_facts,
    named_differences,
    number,
    prevalence_in_words,
    search_rows,
    set_facts,
    show,
    study_rows,
    subgroups_groups,
)
from cxrscreen.evaluation.result import Comparison, Evaluation
from cxrscreen.evaluation.trust_rows import TrustPage, trust_page
from cxrscreen.reporting.page_parts import Fact
from cxrscreen.reporting.words import Words

_VERDICTS = {
    "promote": "Promote the challenger",
    "keep": "Keep the champion",
    "cannot tell": "Cannot tell which is better",
}

_GRAD_CAM = "Grad-CAM, guided, in 7 × 7 coarse cells"  # noqa: RUF001  # a multiplication sign
_EXPLANATIONS = {
    "lung-focused": "what each of 14 × 14 cells around the lungs adds to the log-odds; their outline is drawn thinly",  # noqa: RUF001  # likewise
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """A chart beside the page; ``name`` chooses its caption in the template."""

    name: str
    file: str
    alt: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A radiograph of the gallery."""

    picture: str  # its file beside the page
    file: str
    caption: str
    score: str
    wrong: bool
    alt: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VerdictCard:
    """Challenger against champion."""

    verdict: str
    promotes: bool
    champion: str
    challenger: str
    basis: str
    decisive: str
    reasons: tuple[str, ...]
    methods: str  # of the intervals


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationPage:
    """Everything that ``evaluation.html.j2`` prints; ``site`` is the line below the title."""

    document_title: str
    created: str
    site: str
    key: str
    head: tuple[Fact, ...]
    summary: tuple[str, ...]
    seen: int | None
    looks: int | None
    n: int
    verdict: VerdictCard | None
    headline: tuple[Fact, ...]
    threshold: str
    confusion: tuple[Row, ...]
    figures: tuple[Row, ...]
    charts: dict[str, Chart]
    predictive: tuple[Row, ...]
    study: tuple[Row, ...]
    subgroups: tuple[Group, ...]
    search: tuple[Row, ...]
    search_start: str
    set_facts: tuple[Fact, ...]
    shortcuts: tuple[Row, ...]
    balance: tuple[Group, ...]
    copies: Lines
    alike: Lines
    left_out: Lines
    doubts: tuple[Row, ...]
    gallery: tuple[Shown, ...]
    explanation: str
    recipe: str
    making: tuple[Fact, ...]
    fingerprints: tuple[Fact, ...]
    limits: tuple[str, ...]
    trust: TrustPage


def compose_evaluation_page(  # noqa: PLR0913  # the report's parts, all but the first by name
    evaluation: Evaluation,
    *,
    pictures: Sequence[GalleryPicture],
    charts: Iterable[Chart],
    making: Making | None,
    comparison: Comparison | None,
    words: Words,
) -> EvaluationPage:
    """Turn an evaluation into the values that its page prints."""
    figures, data, bias = evaluation.figures, evaluation.data, evaluation.data.bias
    search = making.search if making else None
    return EvaluationPage(
        document_title=f"Evaluation of {evaluation.model}: {evaluation.name}",
        created=evaluation.evaluated_at,
        site=f"{evaluation.model} on {evaluation.name}",
        key=evaluation.model,
        head=(
            Fact(label="Model", value=f"{evaluation.model} ({evaluation.weights_sha256[:12]})"),
            Fact(label="Evaluated", value=words.moment(evaluation.evaluated_at)),
        ),
        summary=bias.summary,
        seen=evaluation.seen,
        looks=evaluation.looks,
        n=figures.n,
        verdict=None if comparison is None else _verdict(comparison),
        headline=headline_facts(figures, evaluation.band),
        threshold=f"{evaluation.threshold:.3f}",
        confusion=confusion_rows(figures),
        figures=figures_rows(figures),
        charts={chart.name: chart for chart in charts},
        predictive=tuple((prevalence_in_words(p.prevalence), show(p.ppv), show(p.npv)) for p in evaluation.predictive),
        study=study_rows(figures),
        subgroups=subgroups_groups(evaluation),
        search=() if search is None else search_rows(search),
        search_start="" if search is None else search.start,
        set_facts=set_facts(bias),
        shortcuts=tuple((one.name, one.meaning, show(one.auc), str(one.auc.n)) for one in bias.shortcuts),
        balance=balance_groups(bias),
        copies=lines_of([(copy.file, copy.of) for copy in data.copies]),
        alike=lines_of([alike_row(pair) for pair in data.alike]),
        doubts=tuple(doubt_row(doubt) for doubt in evaluation.doubts),
        left_out=lines_of([(file.file, _reason(file.reason, words)) for file in evaluation.left_out]),
        gallery=tuple(_shown(place, picture) for place, picture in enumerate(pictures, start=1)),
        explanation=_EXPLANATIONS.get(evaluation.recipe, _GRAD_CAM),
        recipe=evaluation.recipe,
        making=() if making is None else making_facts(making),
        fingerprints=(
            Fact(label="Weights", value=evaluation.weights_sha256, aside=evaluation.model),
            Fact(label="Data set", value=evaluation.data_set.fingerprint, aside=evaluation.data_set.name),
        ),
        limits=evaluation.model_limits,
        trust=trust_page(evaluation, words),
    )


def picture_file(number: int) -> str:
    """Name of a gallery picture beside the page, counted from 1."""
    return f"gallery-{number:02}.jpg"


def _verdict(comparison: Comparison) -> VerdictCard:
    named_by: dict[str, list[str]] = {}
    for name, estimate in named_differences(comparison):
        named_by.setdefault(estimate.method, []).append(name)
    return VerdictCard(
        verdict=_VERDICTS[comparison.verdict],
        promotes=comparison.verdict == "promote",
        champion=comparison.champion,
        challenger=comparison.challenger,
        basis=f"{comparison.n} radiographs of {comparison.patients} patients, {comparison.positives} COVID-19",
        decisive=comparison.reasons[0],
        reasons=comparison.reasons[1:],
        methods="; ".join(f"{', '.join(names)}: {method}" for method, names in named_by.items()),
    )


def _shown(place: int, picture: GalleryPicture) -> Shown:
    under = "under its activation map" if picture.marked else "without an activation map, which is zero everywhere"
    return Shown(
        picture=picture_file(place),
        file=picture.file,
        caption=picture.caption,
        score=number(picture.score, 3),
        wrong=picture.truth != picture.prediction,
        alt=f"Radiograph {picture.file} {under}. Truth {CLASS_NAMES[picture.truth]}, "
        f"prediction {CLASS_NAMES[picture.prediction]}.",
    )


def _reason(code: str, words: Words) -> str:
    titles = {name: entry["title"] for name, entry in words.table["reason"].items()}
    return str(titles.get(code, "Copy of another file" if code == "copy" else code))
