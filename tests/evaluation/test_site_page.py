from __future__ import annotations

from pathlib import Path

import pypdf
import pytest

from cxrscreen.evaluation.site_acceptance import SiteAcceptance
from cxrscreen.evaluation.site_page import SIGNATURES, SiteFiles, write_site_acceptance
from tests.evaluation.evaluation_samples import evaluation, site


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


def test_the_disclaimer_stands_on_every_sheet(paper: SiteFiles) -> None:
    for number, sheet in enumerate(text_of(paper), start=1):
        assert "not for medical use" in sheet
        assert f"Page {number} of" in sheet


def test_the_record_is_the_verdict(paper: SiteFiles) -> None:
    assert SiteAcceptance.model_validate_json(paper.json.read_bytes()) == site()


def test_the_page_leads_to_the_report_beside_it_and_the_paper_names_it(paper: SiteFiles) -> None:
    assert 'href="../evaluation-1/index.html"' in paper.html.read_text(encoding="utf-8")


def test_what_cannot_be_chosen_locally_is_said(tmp_path: Path) -> None:
    note = "No local operating point: 3 patients are labelled COVID-19."
    few = site().model_copy(update={"local_point": None, "local_band": None, "local_notes": (note,)})
    html = write_site_acceptance(few, evaluation(), tmp_path / "site", report="evaluation-1").html
    assert note in html.read_text(encoding="utf-8")
