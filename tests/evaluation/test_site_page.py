from __future__ import annotations

from pathlib import Path

import pypdf
import pytest

from cxrscreen.evaluation.result import Evaluation
from cxrscreen.evaluation.site_acceptance import SiteAcceptance, site_acceptance
from cxrscreen.evaluation.site_page import SIGNATURES, SiteFiles, write_site_acceptance
from tests.evaluation.evaluation_samples import evaluation, site, unscored


@pytest.fixture(scope="module")
def paper(tmp_path_factory: pytest.TempPathFactory) -> SiteFiles:
    """Read it, do not change it."""
    folder = tmp_path_factory.mktemp("reports") / "site-acceptance-1"
    return write_site_acceptance(site(), evaluation(), folder, report="evaluation-1")


def text_of(paper: SiteFiles) -> list[str]:
    return [" ".join(sheet.extract_text().split()) for sheet in pypdf.PdfReader(paper.pdf).pages]


def test_verdict_rules_and_signatures_stand_on_the_first_sheet(paper: SiteFiles) -> None:
    first = text_of(paper)[0]
    assert first.index("Unfit") < first.index("The rules, and what was found") < first.index("The committee")
    for said in (
        "fails in: exchanged lungs",
        "AUC 0.075 (0.030 to 0.120), n = 240",
        "At least 30 patients of each class.",
        "Name Function Date Signature",
        "9f3b" * 16,
        "ab" * 32,
        "evaluation-1",
        "14 March 2026",
        "nobody can move them for one site",
    ):
        assert said in first, said
    assert paper.html.read_text(encoding="utf-8").count("<tr><td></td>") == SIGNATURES


def test_it_says_what_local_radiographs_would_choose_and_that_nobody_uses_it_yet(paper: SiteFiles) -> None:
    text = " ".join(text_of(paper))
    assert "chosen here for a sensitivity of 0.95 0.410 0.94 (0.80\N{EN DASH}0.98)" in text
    assert "the software goes on using the card's" in text
    assert "Uncertain band chosen here" in text


def test_figures_of_radiographs_that_the_model_learnt_from_are_said_to_flatter_before_they_are_shown(
    tmp_path: Path,
) -> None:
    known = evaluation(seen=41)
    html = write_site_acceptance(site(), known, tmp_path / "site", report="evaluation-1").html.read_text("utf-8")
    assert html.index("The figures below flatter it") < html.index('class="headline"') < html.index("The committee")


def test_the_disclaimer_stands_on_every_sheet(paper: SiteFiles) -> None:
    for number, sheet in enumerate(text_of(paper), start=1):
        assert "not for medical use" in sheet
        assert f"Page {number} of" in sheet


def test_the_record_is_the_verdict(paper: SiteFiles) -> None:
    assert SiteAcceptance.model_validate_json(paper.json.read_bytes()) == site()


def test_the_page_leads_to_the_report_beside_it_and_the_paper_names_it(paper: SiteFiles) -> None:
    assert 'href="../evaluation-1/index.html"' in paper.html.read_text(encoding="utf-8")


def test_where_a_class_has_no_scores_the_paper_says_why_and_names_no_report(tmp_path: Path) -> None:
    known = unscored()
    judged = site_acceptance(
        known, healthy_patients=0, diseased_patients=0, local_point=None, local_band=None, local_notes=(known.sentence,)
    )
    files = write_site_acceptance(judged, known, tmp_path / "site", report=None)
    html, text = files.html.read_text(encoding="utf-8"), " ".join(text_of(files))
    assert "Unfit" in text
    assert "fails in: refusals" in text
    assert "gives no score to 4 of 4 COVID-19 radiographs and to 4 of 4 normal ones" in text
    assert "COVID-19 1.000 (0.510 to 1.000)" in text
    assert "evaluation report that it rests on" not in html
    assert "What a finding would mean" not in html


def test_what_cannot_be_chosen_locally_is_said(tmp_path: Path) -> None:
    note = "No local operating point: 3 patients are labelled COVID-19."
    few = site().model_copy(update={"local_point": None, "local_band": None, "local_notes": (note,)})
    html = write_site_acceptance(few, evaluation(), tmp_path / "site", report="evaluation-1").html
    assert note in html.read_text(encoding="utf-8")


def test_with_a_band_the_paper_says_what_screening_would_say_and_the_point_only_for_comparison(tmp_path: Path) -> None:
    def html_of(folder: str, shown: Evaluation) -> str:
        return write_site_acceptance(site(), shown, tmp_path / folder, report=None).html.read_text("utf-8")

    banded, plain = html_of("banded", evaluation()), html_of("plain", evaluation(band=None))
    assert "29 of 32 COVID-19 called positive" in banded
    assert "1 of 32 COVID-19 called negative" in banded
    assert "1 of 21 normal called positive" in banded
    assert "Operating point, for comparison only" in banded
    for said in ("PPV: flag right", "31 of 32 COVID-19 flagged", "Flagged from"):
        assert said not in banded
        assert said in plain
