"""What the page of one study shows, ready for its template."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cxrscreen.classifier.recipe import LinearRecipe, recipe_named
from cxrscreen.lungs.fields import Box
from cxrscreen.lungs.map_audit import WHOLE
from cxrscreen.radiograph.radiograph import View
from cxrscreen.reporting.map_part import MapPart, describe_map
from cxrscreen.reporting.meaning import meaning
from cxrscreen.reporting.model import ReadRadiograph, StudyReport
from cxrscreen.reporting.page_parts import (
    Fact,
    ModelSummary,
    RefusalGroup,
    Scale,
    draw_scale,
    group_refusals,
    score_texts,
    summarise_model,
)
from cxrscreen.reporting.words import Sentence, Words
from cxrscreen.types import ActivationMap

RADIOGRAPH_FILE = "radiograph.jpg"
OVERLAY_FILE = "overlay.jpg"


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A picture beside the page."""

    file: str
    alt: str
    title: str
    detail: str
    width: int
    height: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FurtherRow:
    """A further radiograph of the study."""

    file: str
    view: str
    score: str
    finding: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyPage:
    """Everything that ``study.html.j2`` prints; ``overlay`` is ``None`` where the map is zero."""

    document_title: str
    created: str
    site: str
    phantoms: bool
    study_key: str
    head: tuple[Fact, ...]
    kind: str  # of finding
    finding: str
    sentence: str
    review: tuple[Sentence, ...]
    meaning: tuple[str, ...]
    scale: Scale
    radiograph: Picture
    overlay: Picture | None
    outlined: bool
    identity: tuple[Fact, ...]
    acquisition: tuple[Fact, ...]
    map_shows: str
    map_shows_not: str
    map_lies: MapPart
    notices: tuple[Sentence, ...]
    model: ModelSummary
    refused: tuple[RefusalGroup, ...]
    further: tuple[FurtherRow, ...]
    fingerprints: tuple[Fact, ...]


def compose_study_page(report: StudyReport, words: Words) -> StudyPage:
    """Turn a study's report into the values that its page prints."""
    shown = report.radiographs[0]
    finding = shown.prediction.finding.value
    by_band = "" if shown.prediction.band is None else "band_"
    return StudyPage(
        document_title=words.text("study", "document_title", study=report.study_key),
        created=report.screened_at,
        site=report.site_name,
        phantoms=report.phantoms,
        study_key=report.study_key,
        head=(
            Fact(label=words.text("field", "study"), value=report.study_key),
            Fact(label=words.text("field", "screened_at"), value=words.moment(report.screened_at)),
        ),
        kind=finding,
        finding=words.text("finding", finding),
        sentence=words.text("finding", f"{finding}_{by_band}sentence", **score_texts(shown.prediction, words)),
        review=tuple(words.sentence(why) for why in shown.review),
        meaning=meaning(shown.prediction, report.card, report.prevalence, words),
        scale=draw_scale(shown.prediction, report.card, words),
        radiograph=_radiograph_picture(shown, words),
        overlay=_overlay_picture(report, shown, words) if has_evidence(shown.activation_map) else None,
        outlined=shown.fields is not None and shown.fields.usable,
        identity=_identity(report, shown, words),
        acquisition=_acquisition(shown, words),
        map_shows=_map_shows(report, shown, words),
        map_shows_not=words.text("study", "map_shows_not"),
        map_lies=describe_map(shown, report.card, words),
        notices=tuple(words.sentence(notice) for notice in shown.notices),
        model=summarise_model(report.card, words),
        refused=group_refusals(report.refused, words),
        further=tuple(_further(radiograph, words) for radiograph in report.radiographs[1:]),
        fingerprints=_fingerprints(report, words),
    )


def has_evidence(activation_map: ActivationMap) -> bool:
    """Return whether the map is above zero anywhere, so that an overlay may be drawn."""
    return bool(np.any(activation_map > 0))


def _radiograph_picture(shown: ReadRadiograph, words: Words) -> Picture:
    rows, columns = shown.pixels.shape
    known = shown.acquisition.view is not View.UNKNOWN
    view = words.text("view", shown.acquisition.view.value) if known else words.text("study", "view_unknown")
    return Picture(
        file=RADIOGRAPH_FILE,
        alt=words.text("study", "radiograph_alt", file=shown.file_name, view=view),
        title=words.text("study", "radiograph"),
        detail=view,
        width=columns,
        height=rows,
    )


def _overlay_picture(report: StudyReport, shown: ReadRadiograph, words: Words) -> Picture:
    rows, columns = shown.pixels.shape
    place = words.text("place", strongest_place(shown.activation_map, shown.box))
    return Picture(
        file=OVERLAY_FILE,
        alt=words.text("study", "overlay_alt", place=place),
        title=words.text("study", "overlay"),
        detail=words.text(
            "study", "overlay_detail", variant=_variant(report, words), alpha=f"{report.overlay_alpha:.0%}"[:-1]
        ),
        width=columns,
        height=rows,
    )


def _map_shows(report: StudyReport, shown: ReadRadiograph, words: Words) -> str:
    rows, columns = shown.activation_map.shape
    return words.text("study", "map_shows", rows=rows, columns=columns, variant=_variant(report, words))


def _variant(report: StudyReport, words: Words) -> str:
    """Name the kind of Grad-CAM; a linear head has one only, whatever the settings say, see ``LinearHead``."""
    linear = isinstance(recipe_named(report.card.recipe), LinearRecipe)
    return words.text("study", "by_cell") if linear else words.text("explanation", report.explanation)


def strongest_place(activation_map: ActivationMap, box: Box = WHOLE) -> str:
    """Name the third of height and width, as the viewer sees it, where the map is strongest, e.g. "lower-left".

    Args:
        activation_map: Cells.
        box: The part of the picture that the map covers.
    """
    rows, columns = activation_map.shape
    row, column = np.unravel_index(int(np.argmax(activation_map)), activation_map.shape)
    top, left, bottom, right = box
    down = top + (row + 0.5) / rows * (bottom - top)
    across = left + (column + 0.5) / columns * (right - left)
    heights, widths = ("upper", "middle", "lower"), ("left", "middle", "right")
    return f"{heights[int(3 * down)]}-{widths[int(3 * across)]}"


def _identity(report: StudyReport, shown: ReadRadiograph, words: Words) -> tuple[Fact, ...]:
    none = words.text("field", "none")
    facts = []
    if report.patient_key is not None:
        facts.append(("patient", report.patient_key, words.text("field", "pseudonym")))
    if report.patient is not None:
        facts.append(("name", report.patient.name or none, ""))
        facts.append(("patient_id", report.patient.patient_id or none, ""))
        facts.append(("birth_date", words.date(report.patient.birth_date) if report.patient.birth_date else none, ""))
    taken = shown.acquisition
    facts.append(("study_date", words.date(taken.study_date) if taken.study_date else none, ""))
    sex = words.text("sex", taken.sex) if taken.sex is not None and taken.sex in words.table["sex"] else none
    age = none if taken.age_years is None else words.text("field", "age_value", age=taken.age_years)
    facts.append(("sex_age", none if sex == age == none else f"{sex}, {age}", ""))
    facts.append(("batch", report.batch_id, ""))
    facts.append(("file", shown.file_name, ""))
    return tuple(Fact(label=words.text("field", key), value=value, aside=aside) for key, value, aside in facts)


def _acquisition(shown: ReadRadiograph, words: Words) -> tuple[Fact, ...]:
    taken = shown.acquisition
    size = words.text("field", "size_value", columns=taken.columns, rows=taken.rows, bits=taken.bits_stored)
    stored = taken.encoding.startswith(taken.file_type.value)
    encoding = taken.encoding if stored else f"{taken.file_type.value}, {taken.encoding}"
    facts = [
        ("view", words.text("view", taken.view.value)),
        ("modality", taken.modality or words.text("field", "none")),
        ("size", size),
        ("encoding", encoding),
    ]
    grey = ", ".join(filter(None, (taken.photometric, taken.window)))
    if grey:
        facts.append(("grey", grey))
    return tuple(Fact(label=words.text("field", key), value=value) for key, value in facts)


def _further(radiograph: ReadRadiograph, words: Words) -> FurtherRow:
    return FurtherRow(
        file=radiograph.file_name,
        view=words.text("view", radiograph.acquisition.view.value),
        score=score_texts(radiograph.prediction, words)["score"],
        finding=words.text("finding", radiograph.prediction.finding.value),
    )


def _fingerprints(report: StudyReport, words: Words) -> tuple[Fact, ...]:
    files = [Fact(label=words.text("field", "input"), value=r.sha256, aside=r.file_name) for r in report.radiographs]
    model = Fact(label=words.text("field", "weights"), value=report.card.weights_sha256, aside=report.card.version)
    return (*files, model)
