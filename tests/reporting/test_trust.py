"""What a report says about how far its score may be trusted."""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from cxrscreen.classifier.card import ModelCard
from cxrscreen.classifier.operating_point import Finding, Prediction
from cxrscreen.lungs.fields import fields_of
from cxrscreen.lungs.gate import STRANGE
from cxrscreen.lungs.map_audit import RegionShare
from cxrscreen.lungs.plausibility import LungFault
from cxrscreen.reporting.batch_page import MOST_NAMED, compose_batch_page
from cxrscreen.reporting.map_part import describe_map, spread_of_maps
from cxrscreen.reporting.meaning import meaning
from cxrscreen.reporting.overlay import blend_overlay, draw_outline
from cxrscreen.reporting.page_parts import draw_scale, summarise_model
from cxrscreen.reporting.records import batch_table
from cxrscreen.reporting.study_page import compose_study_page, strongest_place
from cxrscreen.reporting.words import load_words
from cxrscreen.reporting.writer import ReportWriter
from tests.lungs.drawn_lungs import LEFT, RIGHT, lungs
from tests.reporting.report_samples import (
    BAND,
    CARD,
    LUNG_CARD,
    POINT,
    SHORTCUTS,
    batch,
    lung_radiograph,
    made_up_map,
    made_up_pixels,
    radiograph,
    refused,
    study,
)
from tests.reporting.test_study_report import pages_of

ENGLISH = load_words("en")
UNSUPPORTED = "The explanation does not support the score: do not rely on it."
NO_MAP = np.zeros((7, 7), np.float32)


def predicted(score: float) -> Prediction:
    return Prediction(score=score, operating_point=POINT, band=BAND)


def said(score: float, card: ModelCard = LUNG_CARD, prevalence: float | None = 0.05) -> str:
    prediction = predicted(score) if card.band else Prediction(score=score, operating_point=POINT)
    return " ".join(meaning(prediction, card, prevalence, ENGLISH))


def test_a_flag_means_what_the_prevalence_makes_of_it() -> None:
    rare, common = (said(0.9, prevalence=share) for share in (0.05, 0.5))
    # 0.9 * 0.05 of all are flagged and diseased, 0.035 * 0.95 flagged and not.
    assert f"{0.9 * 0.05 / (0.9 * 0.05 + 0.035 * 0.95):.0%}".replace("%", "\u00a0%") in rare
    assert "96\u00a0% of those flagged" in common
    assert "5\u00a0% of the patients have COVID-19, as the settings say" in rare
    assert "213 held-out radiographs" in rare


def test_without_a_prevalence_nothing_is_claimed_of_this_site() -> None:
    text = said(0.9, prevalence=None)
    assert "cannot be told" in text
    assert "Where 1\u00a0% of them have it" in text
    assert text.index("1\u00a0% of them") < text.index("10\u00a0% of them")
    assert "as the settings say" not in text


def test_a_cleared_study_is_never_told_to_be_certainly_healthy() -> None:
    text = said(0.1, prevalence=0.0001)
    assert "100\u00a0%" not in text.split("(")[0]
    assert "of those called negative do not have it" in text


def test_an_uncertain_finding_is_left_to_a_person() -> None:
    page = compose_study_page(study(card=LUNG_CARD, radiographs=(lung_radiograph(0.5),)), ENGLISH)
    assert page.finding == "Uncertain: a person reads"
    assert "7\u00a0% of 213 held-out ones" in " ".join(page.meaning)
    assert "PPV" not in " ".join(page.meaning)


def test_a_model_without_a_band_speaks_by_its_test() -> None:
    assert "of those flagged have it" in said(0.9, CARD)
    assert "108 held-out radiographs" in said(0.9, CARD)  # both rates rest on 54


@pytest.mark.parametrize("score", [0.0, 0.31, 0.309999, 0.619999, 0.62, 1.0])
def test_rounding_never_hides_on_which_side_of_the_band_a_score_lies(score: float) -> None:
    scale = draw_scale(predicted(score), LUNG_CARD, ENGLISH)
    low, high = (float(part) for part in scale.limit_label.removeprefix("uncertain ").split(" to "))
    shown, finding = float(scale.score), predicted(score).finding
    assert (shown < low) is (finding is Finding.NEGATIVE)
    assert (shown >= high) is (finding is Finding.POSITIVE)


def test_a_probability_is_told_with_what_it_was_calibrated_on() -> None:
    assert "213 radiographs, 60\u00a0% of them COVID-19" in draw_scale(predicted(0.5), LUNG_CARD, ENGLISH).legend
    raw = draw_scale(Prediction(score=0.5, operating_point=POINT), CARD, ENGLISH)
    assert "not a probability" in raw.legend


def test_the_shares_of_the_map_are_told_beside_those_of_the_area() -> None:
    shown = lung_radiograph()
    assert shown.audit is not None
    part = describe_map(shown, LUNG_CARD, ENGLISH)
    first = part.rows[0]
    assert (first.name, first.energy) == ("Lung fields", f"{shown.audit.lungs.energy:.0%}".replace("%", "\u00a0%"))
    assert first.against_chance == f"{shown.lung_share:.2f}"
    assert [row.name for row in part.rows][1:] == ["Apices, clavicles", "Mediastinum", "Border", "Burnt-in text"]
    assert part.sentences[1].text == "The limit is 1.40: of 205 held-out radiographs, 19 of 20 reach it."


def limited(least: float) -> ModelCard:
    assert LUNG_CARD.maps is not None
    return LUNG_CARD.model_copy(update={"maps": LUNG_CARD.maps.model_copy(update={"least": least})})


def test_a_share_below_the_limit_is_said_to_be_and_never_rounded_up_to_it() -> None:
    shown = lung_radiograph()
    assert shown.lung_share is not None
    share, limit, _ = describe_map(shown, limited(shown.lung_share + 1e-4), ENGLISH).sentences
    told = re.search(r": ([\d.]+) times as much", share.text)
    least = re.search(r"below the limit of ([\d.]+), which", limit.text)
    assert told is not None
    assert least is not None
    assert float(told[1]) < float(least[1])


def test_a_high_share_of_a_model_that_is_shown_the_lungs_alone_is_no_evidence() -> None:
    def said_of(card: ModelCard) -> str:
        return " ".join(sentence.text for sentence in describe_map(lung_radiograph(), card, ENGLISH).sentences)

    whole = LUNG_CARD.model_copy(update={"recipe": "standard"})
    assert "in them by construction: a high share is no evidence" in said_of(LUNG_CARD)
    assert "by construction" not in said_of(whole)
    assert "cannot tell is so by construction" in summarise_model(LUNG_CARD, ENGLISH).shortcuts
    assert "by construction" not in summarise_model(whole, ENGLISH).shortcuts


def test_a_picture_without_burnt_in_text_has_no_share_in_it() -> None:
    shown = lung_radiograph()
    assert shown.audit is not None
    bare = replace(shown, audit=replace(shown.audit, text=RegionShare(energy=0.0, area=0.0)))
    last = describe_map(bare, LUNG_CARD, ENGLISH).rows[-1]
    assert (last.energy, last.area, last.against_chance) == ("none found", "", "")


def test_the_map_of_a_linear_head_is_not_called_guided() -> None:
    page = compose_study_page(study(card=LUNG_CARD, radiographs=(lung_radiograph(),)), ENGLISH)
    assert page.overlay is not None
    assert "Grad-CAM, cell by cell" in page.overlay.detail
    assert "guided" not in page.map_shows


def test_error_rates_of_the_band_have_their_intervals() -> None:
    chosen = draw_scale(predicted(0.9), LUNG_CARD, ENGLISH).chosen.replace("\u00a0", " ")
    assert "5 % (2 %–9 %) of 128 with COVID-19 were called negative" in chosen  # noqa: RUF001  # as printed
    assert chosen.endswith("On the held-out test: 5 % (2 %–9 %) of 128, and 4 % (1 %–10 %) of 85.")  # noqa: RUF001  # as printed
    without = draw_scale(Prediction(score=0.9, operating_point=POINT), CARD, ENGLISH).chosen
    assert "on the 212 radiographs that it was chosen on: sensitivity 0.94 (0.80–0.98)" in without  # noqa: RUF001  # as printed


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"activation_map": NO_MAP}, "zero everywhere"),
        ({"fields": fields_of(lungs(RIGHT))}, "no plausible lung fields"),
        ({"fields": None}, "was not measured"),
    ],
)
def test_a_map_that_could_not_be_measured_says_why(changes: dict[str, object], sentence: str) -> None:
    part = describe_map(replace(lung_radiograph(), audit=None, **changes), LUNG_CARD, ENGLISH)  # type: ignore[arg-type]  # tests name fields
    assert part.rows == ()
    assert sentence in part.sentences[0].text


def test_every_fault_of_lung_fields_is_said_in_every_language() -> None:
    indonesian = load_words("id")
    for fault in LungFault:
        assert indonesian.sentence(fault.sentence).language == "id"
    assert indonesian.sentence(UNSUPPORTED).language == "id"


def test_a_model_that_follows_the_rest_of_the_picture_is_told_of() -> None:
    assert summarise_model(LUNG_CARD, ENGLISH).not_shown == ""
    assert summarise_model(CARD, ENGLISH).not_shown == "This model has not been shown to use the lungs."
    low = SHORTCUTS.exchanged.model_copy(update={"value": 0.1, "low": 0.06, "high": 0.14})
    other = LUNG_CARD.model_copy(update={"shortcuts": SHORTCUTS.model_copy(update={"exchanged": low})})
    summary = summarise_model(other, ENGLISH)
    assert "follows the rest of the picture" in summary.not_shown
    assert "0.10 (0.06–0.14) with the lungs in a radiograph of the other class" in summary.shortcuts  # noqa: RUF001  # as printed


def test_the_outline_is_drawn_around_the_lungs_and_the_map_over_its_part_alone() -> None:
    pixels, fields = made_up_pixels(512, 512), fields_of(lungs(RIGHT, LEFT))
    box = (0.25, 0.25, 0.75, 0.75)
    picture = blend_overlay(pixels, made_up_map(), alpha=0.5, box=box)
    outside = np.ones(pixels.shape, bool)
    outside[128:384, 128:384] = False
    assert (picture[outside] == pixels[outside][:, np.newaxis]).all()
    assert (picture[~outside].astype(int).std(axis=-1) > 0).mean() > 0.9
    plain = picture.copy()
    draw_outline(picture, fields)
    changed = (picture != plain).any(axis=-1)
    edge = cv2.morphologyEx(fields.at(512, 512).astype(np.uint8), cv2.MORPH_GRADIENT, np.ones((15, 15), np.uint8)) > 0
    assert changed.any()
    assert not (changed & ~edge).any()
    assert changed.mean() < 0.05


def test_the_strongest_place_is_one_of_the_whole_picture() -> None:
    lowest = NO_MAP.copy()
    lowest[6, 0] = 1
    assert strongest_place(lowest) == "lower-left"
    assert strongest_place(lowest, (0.0, 0.5, 0.5, 1.0)) == "middle-middle"


@pytest.mark.parametrize("language", ["en", "id"])
def test_what_is_doubtful_stands_before_the_pictures(language: str, tmp_path: Path) -> None:
    doubtful = study(card=LUNG_CARD, radiographs=(lung_radiograph(review=(UNSUPPORTED,)),))
    writer = ReportWriter(language)  # type: ignore[arg-type]  # one of two
    text = pages_of(writer.write_study(doubtful, tmp_path / "S-1").pdf)[0]
    warning = load_words(language).sentence(UNSUPPORTED).text  # type: ignore[arg-type]  # likewise
    assert text.index(warning) < text.index("Grad-CAM")
    record = json.loads((tmp_path / "S-1/report.json").read_bytes())
    assert record["radiographs"][0]["review"] == [UNSUPPORTED]
    assert record["radiographs"][0]["map_audit"]["lungs"]["energy"] > 0
    assert (record["finding"], record["band"], record["prevalence"]) == ("positive", [0.31, 0.62], None)


def test_a_study_with_all_figures_fits_one_page(english: ReportWriter, tmp_path: Path) -> None:
    full = study(card=LUNG_CARD, prevalence=0.05, radiographs=(lung_radiograph(),), refused=(refused(),))
    assert len(pages_of(english.write_study(full, tmp_path / "S-1").pdf)) == 1


def test_a_study_to_look_at_again_fits_one_page_in_each_language(
    english: ReportWriter, indonesian: ReportWriter, tmp_path: Path
) -> None:
    notices = (
        "The age in the tags has no unit; taken as years.",
        "The picture had a colour tint; it was turned to grey.",
    )
    shown = lung_radiograph(review=(UNSUPPORTED, STRANGE), notices=notices)
    doubtful = study(card=limited(9.0), radiographs=(shown,))
    for writer in (english, indonesian):
        assert len(pages_of(writer.write_study(doubtful, tmp_path / "S-1").pdf)) == 1


def test_the_index_lists_whom_a_person_is_to_look_at_by_reason(english: ReportWriter, tmp_path: Path) -> None:
    rows = [replace(row, prediction=predicted(row.prediction.score)) for row in batch(20).studies]
    rows[0] = replace(rows[0], review=(UNSUPPORTED,), lung_shares=(0.8,))
    rows[1] = replace(rows[1], lung_shares=(2.0, 2.2), strangeness=0.5)
    report = replace(batch(20, card=LUNG_CARD), studies=tuple(rows))
    page = compose_batch_page(report, ENGLISH)
    uncertain, unsupported = page.look_again
    assert {line.study_key for line in uncertain.studies} == {
        row.study_key for row in rows if row.prediction.finding is Finding.UNCERTAIN
    }
    assert [line.study_key for line in unsupported.studies] == [rows[0].study_key]
    assert f"{uncertain.count} uncertain (from 0.310 to 0.620)" in page.summary
    assert page.maps is not None
    assert page.maps.summary.endswith(
        "Below the limit of 1.40, where the explanation does not support the score: 1 of 3."
    )
    assert (page.maps.limit_at, page.maps.limit_label) == (5.6, "limit 1.40")  # of columns a quarter wide
    assert "by construction" in page.maps.framed
    assert sum(column.count for column in page.maps.columns) == 3
    text = " ".join(pages_of(english.place_batch(english.batch_files(report), tmp_path).pdf))
    assert text.index("For a person to look at") < text.index("Studies by falling score")
    table = list(csv.DictReader(io.StringIO(batch_table(report).decode("utf-8-sig"), newline="")))
    assert (table[0]["finding"], table[0]["lung_share"], table[1]["lung_share"]) == ("positive", "0.8", "2.0; 2.2")
    assert table[1]["strangeness"] == "0.5"


def test_a_list_to_look_at_says_how_many_it_leaves_out() -> None:
    rows = tuple(replace(row, review=(UNSUPPORTED,)) for row in batch(MOST_NAMED + 5).studies)
    (group,) = compose_batch_page(replace(batch(), studies=rows), ENGLISH).look_again
    assert (len(group.studies), group.more, group.count) == (MOST_NAMED, "and 5 more", str(MOST_NAMED + 5))


def test_a_spread_counts_every_map_once() -> None:
    spread = spread_of_maps([0.0, 0.3, 1.39, 1.4, 9.0], LUNG_CARD, ENGLISH)
    assert spread is not None
    assert sum(column.count for column in spread.columns) == 5
    assert spread.columns[-1].count == 1
    assert "score: 3 of 5." in spread.summary
    assert spread_of_maps([], LUNG_CARD, ENGLISH) is None


def test_an_unmeasured_radiograph_has_no_share() -> None:
    assert radiograph().lung_share is None
