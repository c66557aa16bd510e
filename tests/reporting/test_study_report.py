from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
import pypdf
import pytest

from cxrscreen.classifier.operating_point import Prediction
from cxrscreen.errors import ReportError
from cxrscreen.radiograph.radiograph import View
from cxrscreen.reporting.model import StudyReport
from cxrscreen.reporting.page_parts import printable, score_texts
from cxrscreen.reporting.study_page import compose_study_page, strongest_place
from cxrscreen.reporting.words import load_words
from cxrscreen.reporting.writer import ReportWriter
from cxrscreen.settings import PROJECT
from tests.reporting.report_samples import PATIENT, POINT, made_up_map, made_up_pixels, radiograph, refused, study

GOLDEN = Path(__file__).parents[1] / "golden"
ENGLISH_DISCLAIMER = "This model is a prototype. It is not for medical use and cannot yet be used for diagnosis."
INDONESIAN_DISCLAIMER = (
    "Model ini merupakan prototipe, bukan untuk keperluan medis, dan belum dapat digunakan untuk diagnosis."
)
LOW = Prediction(score=0.0721, operating_point=POINT)
NO_MAP = np.zeros((7, 7), np.float32)


def pages_of(pdf: Path) -> list[str]:
    return [" ".join(page.extract_text().split()) for page in pypdf.PdfReader(pdf).pages]


def text_of(pdf: Path) -> str:
    return "\n".join(page.extract_text() for page in pypdf.PdfReader(pdf).pages) + "\n"


def full_study() -> StudyReport:
    return study(
        radiographs=(
            radiograph(notices=("The picture had a colour tint; it was turned to grey.",)),
            radiograph(file_name="night/ward-3/CR000042.dcm", prediction=LOW),
        ),
        refused=(refused(),),
    )


def test_a_folder_holds_page_paper_pictures_and_record(english: ReportWriter, tmp_path: Path) -> None:
    files = english.write_study(study(), tmp_path / "S-1")
    assert (files.html, files.pdf) == (tmp_path / "S-1/report.html", tmp_path / "S-1/report.pdf")
    assert {path.name for path in (tmp_path / "S-1").iterdir()} == {
        "report.html", "report.pdf", "report.json", "radiograph.jpg", "overlay.jpg"
    }  # fmt: skip
    shown = cv2.imread(str(tmp_path / "S-1/radiograph.jpg"), cv2.IMREAD_UNCHANGED)
    assert shown.shape == made_up_pixels().shape
    assert np.abs(shown.astype(int) - made_up_pixels()).mean() < 2
    overlay = cv2.imread(str(tmp_path / "S-1/overlay.jpg"))[..., ::-1].astype(int)
    strongest = overlay[90:97, 18:24].mean(axis=(0, 1))  # yellow, not its mirror image in blue
    assert strongest[0] > strongest[2] + 60


@pytest.mark.parametrize("language", ["en", "id"])
def test_the_text_of_a_report_is_the_golden_one(
    language: str, english: ReportWriter, indonesian: ReportWriter, tmp_path: Path
) -> None:
    """After a wanted change, look at the report and copy the new text over the golden one."""
    writer = {"en": english, "id": indonesian}[language]
    files = writer.write_study(full_study(), tmp_path / "S-1")
    golden = (GOLDEN / f"study-report.{language}.txt").read_text(encoding="utf-8")
    assert text_of(files.pdf).split() == golden.split()  # where lines end is left to the machine's Pango


def test_the_same_report_gives_the_same_bytes(english: ReportWriter, tmp_path: Path) -> None:
    for name in ("one", "two"):
        english.write_study(full_study(), tmp_path / name)
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes(), path.name


def test_another_process_gives_the_same_bytes(english: ReportWriter, tmp_path: Path) -> None:
    english.write_study(full_study(), tmp_path / "here")
    there = tmp_path / "there"
    program = (
        "from pathlib import Path\n"
        "from cxrscreen.reporting.writer import ReportWriter\n"
        "from tests.reporting.test_study_report import full_study\n"
        f"ReportWriter('en').write_study(full_study(), Path({str(there)!r}))\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, cwd=GOLDEN.parents[1])
    for path in (tmp_path / "here").iterdir():
        assert path.read_bytes() == (there / path.name).read_bytes(), path.name


def test_one_radiograph_with_a_refused_lateral_view_fits_one_page(
    english: ReportWriter, indonesian: ReportWriter, tmp_path: Path
) -> None:
    square = study(radiographs=(radiograph(pixels=made_up_pixels(512, 512)),), refused=(refused(),), patient=PATIENT)
    for writer in (english, indonesian):
        assert len(pages_of(writer.write_study(square, tmp_path / "S-1").pdf)) == 1


def test_the_disclaimer_stands_on_every_page_in_both_languages(
    english: ReportWriter, indonesian: ReportWriter, tmp_path: Path
) -> None:
    long = study(refused=tuple(refused(number) for number in range(120)))
    for writer, of in ((english, "Page {} of {}"), (indonesian, "Halaman {} dari {}")):
        pages = pages_of(writer.write_study(long, tmp_path / "S-1").pdf)
        assert len(pages) >= 3
        for number, page in enumerate(pages, start=1):
            assert ENGLISH_DISCLAIMER in page
            assert INDONESIAN_DISCLAIMER in page
            assert of.format(number, len(pages)) in page
            assert "S-7KQ2M4XW9B" in page


def test_the_html_page_carries_both_disclaimers_and_needs_nothing_from_outside(
    english: ReportWriter, tmp_path: Path
) -> None:
    html = english.write_study(study(), tmp_path / "S-1").html.read_text(encoding="utf-8")
    assert ENGLISH_DISCLAIMER in html
    assert INDONESIAN_DISCLAIMER in html
    assert "<script" not in html
    assert "http" not in html.replace("http://www.w3.org/2000/svg", "").replace("http-equiv", "")
    assert "url(fonts" not in html


def test_the_pdf_is_tagged_titled_and_says_its_language(indonesian: ReportWriter, tmp_path: Path) -> None:
    pdf = pypdf.PdfReader(indonesian.write_study(study(), tmp_path / "S-1").pdf)
    catalogue = pdf.trailer["/Root"]
    assert catalogue["/MarkInfo"]["/Marked"]
    assert catalogue["/Lang"] == "id"
    assert catalogue["/ViewerPreferences"]["/DisplayDocTitle"]
    assert b"pdfuaid:part" in catalogue["/Metadata"].get_data()
    assert pdf.metadata is not None
    assert pdf.metadata.title == "Penapisan radiografi toraks, pemeriksaan S-7KQ2M4XW9B"
    assert pdf.metadata["/CreationDate"] == "D:20260314021409+07'00"
    assert INDONESIAN_DISCLAIMER in str(pdf.metadata.subject)


def test_pictures_and_scale_have_a_text_for_those_who_do_not_see_them(english: ReportWriter, tmp_path: Path) -> None:
    pdf = pypdf.PdfReader(english.write_study(study(), tmp_path / "S-1").pdf)
    texts = [
        element["/Alt"]
        for number in range(1, pdf.trailer["/Size"])
        if isinstance(element := pdf.get_object(number), dict) and element.get("/S") == "/Figure"
    ]
    assert len(texts) == 3
    assert "Score 0.83, at or above the operating point of 0.41." in texts[0]
    assert "CR000041.dcm" in texts[1]
    assert "lower left" in texts[2]


def test_all_fonts_are_embedded_and_are_ours(english: ReportWriter, tmp_path: Path) -> None:
    pdf = pypdf.PdfReader(english.write_study(full_study(), tmp_path / "S-1").pdf)
    fonts = pdf.pages[0]["/Resources"]["/Font"].values()
    names = {font["/BaseFont"].split("+")[1] for font in fonts}
    assert len(names) >= 2
    assert all(name.lstrip("/").startswith("Source-Sans-3") for name in names)
    for font in fonts:
        descriptor = font["/DescendantFonts"][0]["/FontDescriptor"]
        assert "/FontFile2" in descriptor or "/FontFile3" in descriptor


def test_pictures_pass_into_the_pdf_unchanged(english: ReportWriter, tmp_path: Path) -> None:
    english.write_study(study(), tmp_path / "S-1")
    pdf = (tmp_path / "S-1/report.pdf").read_bytes()
    for name in ("radiograph.jpg", "overlay.jpg"):
        assert (tmp_path / "S-1" / name).read_bytes() in pdf


def test_a_zero_map_is_said_in_words_and_has_no_picture(english: ReportWriter, tmp_path: Path) -> None:
    files = english.write_study(study(radiographs=(radiograph(activation_map=NO_MAP),)), tmp_path / "S-1")
    assert not (tmp_path / "S-1/overlay.jpg").exists()
    text = pages_of(files.pdf)[0]
    assert "No activation map" in text
    assert "What the map shows" not in text
    assert files.pdf.read_bytes().count(b"/DCTDecode") == 1
    assert "overlay.jpg" not in files.html.read_text(encoding="utf-8")


def test_names_are_text_whatever_they_look_like(
    english: ReportWriter, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    name = '<img src="file:///etc/passwd"><script>x</script>{{ 7 * 7 }}&amp;"\'.dcm'
    files = english.write_study(study(radiographs=(radiograph(file_name=name),)), tmp_path / "S-1")
    html = files.html.read_text(encoding="utf-8")
    assert "<img src=&#34;" not in html
    assert "&lt;img src=&#34;file:///etc/passwd&#34;&gt;&lt;script&gt;" in html
    assert "<script>" not in html
    assert "file:///etc/passwd" in "".join(pages_of(files.pdf)).replace(" ", "")
    assert not caplog.records  # WeasyPrint logs an error for each address that it was refused


def test_characters_that_turn_text_around_are_shown_as_their_code() -> None:
    assert printable("abc\u202egnp.exe") == "abc[U+202E]gnp.exe"
    assert printable("tab\tand\x00") == "tab[U+0009]and[U+0000]"
    assert printable("no text: \udcff") == "no text: [U+DCFF]"
    assert printable("Ångström, مريض") == "Ångström, مريض"


def test_a_view_that_nobody_stated_is_named_as_such_below_the_picture() -> None:
    shown = radiograph(acquisition=replace(radiograph().acquisition, view=View.UNKNOWN))
    page = compose_study_page(study(radiographs=(shown,)), load_words("en"))
    assert page.radiograph.detail == "view not stated"


def test_a_file_name_that_is_no_text_can_be_reported(english: ReportWriter, tmp_path: Path) -> None:
    english.write_study(study(radiographs=(radiograph(file_name="caf\udce9.dcm"),)), tmp_path / "S-1")
    record = json.loads((tmp_path / "S-1/report.json").read_bytes())
    assert record["radiographs"][0]["file"] == "caf\udce9.dcm"


def test_the_patient_is_named_only_where_the_report_says_so(english: ReportWriter, tmp_path: Path) -> None:
    english.write_study(study(patient=PATIENT), tmp_path / "named")
    english.write_study(study(), tmp_path / "pseudonym")
    named, pseudonym = (pages_of(tmp_path / folder / "report.pdf")[0] for folder in ("named", "pseudonym"))
    for text in ("Lestari, Ayu", "RM-00417", "28 February 1971"):
        assert text in named
    assert "P-4TNV81HCQE" in pseudonym
    for label in ("Born", "Patient ID", "Name"):
        assert label not in pseudonym


def test_the_record_has_what_the_page_says_and_no_pixels(english: ReportWriter, tmp_path: Path) -> None:
    english.write_study(full_study(), tmp_path / "S-1")
    record = json.loads((tmp_path / "S-1/report.json").read_bytes())
    assert (record["study"], record["score"], record["positive"], record["identity"]) == (
        "S-7KQ2M4XW9B",
        0.8312,
        True,
        None,
    )
    assert record["refused"][0]["reason"] == "view"
    assert record["model"]["version"] == "standard-0"
    assert np.allclose(record["radiographs"][0]["activation_map"], made_up_map(), atol=1e-4)
    assert "pixels" not in record["radiographs"][0]


@pytest.mark.parametrize("score", [0.0, 0.409999, 0.41, 0.4100001, 1.0])
def test_rounding_never_hides_on_which_side_a_score_lies(score: float) -> None:
    texts = score_texts(Prediction(score=score, operating_point=POINT), load_words("en"))
    assert (float(texts["score"]) >= float(texts["threshold"])) is (score >= POINT.threshold)
    assert (texts["score"] == texts["threshold"]) is (abs(score - POINT.threshold) < 5e-7)


@pytest.mark.parametrize(
    ("row", "column", "place"),
    [(0, 0, "upper-left"), (3, 3, "middle-middle"), (6, 2, "lower-middle"), (2, 6, "middle-right")],
)
def test_the_strongest_place_is_named_as_the_viewer_sees_it(row: int, column: int, place: str) -> None:
    activation_map = NO_MAP.copy()
    activation_map[row, column] = 1
    assert strongest_place(activation_map) == place


def test_missing_templates_are_named(tmp_path: Path) -> None:
    (tmp_path / "words").mkdir()
    (tmp_path / "words/en.toml").write_text("")
    with pytest.raises(ReportError, match="Restore the folder templates"):
        ReportWriter("en", templates=tmp_path)


@pytest.mark.real_data
def test_a_real_radiograph_is_reported_at_reading_resolution(
    english: ReportWriter, real_data: Path, tmp_path: Path
) -> None:
    pixels = cv2.imread(str(real_data / "cxr/covid/covid_013.jpg"), cv2.IMREAD_GRAYSCALE)
    files = english.write_study(study(radiographs=(radiograph(pixels=pixels),)), tmp_path / "S-1")
    images = pypdf.PdfReader(BytesIO(files.pdf.read_bytes())).pages[0].images
    assert sorted(image.image.size for image in images if image.image) == [pixels.shape[::-1]] * 2


def test_the_report_of_a_drawn_phantom_says_that_its_score_means_nothing(tmp_path: Path) -> None:
    for phantoms in (True, False):
        files = ReportWriter("en").write_study(study(phantoms=phantoms), tmp_path / str(phantoms))
        assert ("scores mean nothing" in files.html.read_text(encoding="utf-8")) is phantoms
        assert ("scores mean nothing" in text_of(files.pdf)) is phantoms


def test_templates_that_change_under_a_living_writer_do_not_reach_its_reports(tmp_path: Path) -> None:
    templates = tmp_path / "templates"
    shutil.copytree(PROJECT / "templates", templates)
    writer = ReportWriter("en", templates=templates)
    for page in templates.glob("*.j2"):
        page.write_text("{{ nothing_that_exists }}")
    files = writer.write_study(study(), tmp_path / "report")
    assert "S-7KQ2M4XW9B" in files.html.read_text(encoding="utf-8")
