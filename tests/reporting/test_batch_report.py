from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import replace
from pathlib import Path, PurePosixPath

import pypdf
import pytest

from cxrscreen.radiograph.refusal import Reason
from cxrscreen.reporting.batch_page import compose_batch_page
from cxrscreen.reporting.model import BatchReport, PendingRow, Tally
from cxrscreen.reporting.records import batch_table, disarm
from cxrscreen.reporting.words import load_words
from cxrscreen.reporting.writer import BatchFiles, ReportWriter
from tests.reporting.report_samples import batch, refused, study_row
from tests.reporting.test_study_report import ENGLISH_DISCLAIMER, GOLDEN, INDONESIAN_DISCLAIMER, pages_of, text_of


def write_batch(writer: ReportWriter, report: BatchReport, folder: Path) -> BatchFiles:
    return writer.place_batch(writer.batch_files(report), folder)


def _rows(table: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(table.decode("utf-8-sig"), newline="")))


def test_an_index_is_four_files(english: ReportWriter, tmp_path: Path) -> None:
    files = write_batch(english, batch(), tmp_path)
    assert [path.name for path in (files.html, files.pdf, files.csv, files.json)] == [
        "index.html", "index.pdf", "batch.csv", "batch.json"
    ]  # fmt: skip
    assert {path.name for path in tmp_path.iterdir()} == {"index.html", "index.pdf", "batch.csv", "batch.json"}


@pytest.mark.parametrize("language", ["en", "id"])
def test_the_text_of_an_index_is_the_golden_one(
    language: str, english: ReportWriter, indonesian: ReportWriter, tmp_path: Path
) -> None:
    """After a wanted change, look at the index and copy the new text over the golden one."""
    files = write_batch({"en": english, "id": indonesian}[language], batch(phantoms=True), tmp_path)
    golden = (GOLDEN / f"batch-report.{language}.txt").read_text(encoding="utf-8")
    assert text_of(files.pdf).split() == golden.split()


def test_the_same_batch_gives_the_same_bytes(english: ReportWriter, tmp_path: Path) -> None:
    folders = tmp_path / "one", tmp_path / "two"
    for folder in folders:
        folder.mkdir()
        write_batch(english, batch(), folder)
    for path in folders[0].iterdir():
        assert path.read_bytes() == (folders[1] / path.name).read_bytes(), path.name


def test_the_disclaimer_stands_on_each_of_three_pages(indonesian: ReportWriter, tmp_path: Path) -> None:
    pages = pages_of(write_batch(indonesian, batch(100), tmp_path).pdf)
    assert len(pages) == 3
    for number, page in enumerate(pages, start=1):
        assert ENGLISH_DISCLAIMER in page
        assert INDONESIAN_DISCLAIMER in page
        assert f"Halaman {number} dari 3" in page


def test_the_column_heads_repeat_on_each_page_of_studies(english: ReportWriter, tmp_path: Path) -> None:
    pages = pages_of(write_batch(english, batch(100), tmp_path).pdf)
    assert all("Study Score from 0 to 1 Finding Files" in page for page in pages[:2])


def test_studies_at_the_operating_point_and_above_are_flagged() -> None:
    rows = tuple(study_row(number, score) for number, score in enumerate((0.9, 0.41, 0.4, 0.0)))
    page = compose_batch_page(replace(batch(), studies=rows), load_words("en"))
    assert [row.flagged for row in page.studies] == [True, True, False, False]


def test_a_tally_is_one_equation() -> None:
    tally = Tally(reported=3, refused=1)
    assert tally.equation() == "4 files = 3 reported + 1 refused + 0 duplicate + 0 failed + 0 pending"


def test_the_sum_is_shown_as_an_equation(english: ReportWriter, tmp_path: Path) -> None:
    tally = Tally(reported=1200, refused=30, duplicate=4, failed=5, pending=6)
    text = pages_of(write_batch(english, batch(tally=tally), tmp_path).pdf)[0]
    assert "1,245 arrived = 1,200 reported + 30 refused + 4 duplicate + 5 failed + 6 pending" in text


def test_phantoms_are_called_phantoms_and_patients_are_not(english: ReportWriter, tmp_path: Path) -> None:
    assert "scores mean nothing" in pages_of(write_batch(english, batch(phantoms=True), tmp_path).pdf)[0]
    assert "hantom" not in pages_of(write_batch(english, batch(), tmp_path).pdf)[0]


def test_each_advice_is_given_once_for_all_files_of_a_reason() -> None:
    report = batch(refused=(refused(2), refused(3, Reason.EMPTY), refused(1)))
    groups = compose_batch_page(report, load_words("en")).refused
    assert [group.title for group in groups] == ["Empty file", "Not a frontal view"]
    assert [line.file for line in groups[1].files] == ["night/lateral-1.dcm", "night/lateral-2.dcm"]


def test_the_pdf_links_to_pdfs_and_the_page_to_pages(english: ReportWriter, tmp_path: Path) -> None:
    files = write_batch(english, batch(1), tmp_path)
    assert 'href="../../studies/S-0000000000/report.html"' in files.html.read_text(encoding="utf-8")
    links = [
        annotation.get_object()["/A"]["/URI"]
        for page in pypdf.PdfReader(files.pdf).pages
        for annotation in page.get("/Annots", ())
    ]
    assert links == ["../../studies/S-0000000000/report.pdf", "../../studies/S-0000000001/report.html"]


def test_links_survive_odd_characters(english: ReportWriter, tmp_path: Path) -> None:
    odd = replace(study_row(1, 0.5), report_html=PurePosixPath('a b/#1?"/report.html'))
    html = write_batch(english, replace(batch(), studies=(odd,)), tmp_path).html
    assert 'href="a%20b/%231%3F%22/report.html"' in html.read_text(encoding="utf-8")


def test_an_empty_batch_is_said_in_words(english: ReportWriter, tmp_path: Path) -> None:
    empty = batch(0, tally=Tally(), refused=(), duplicates=(), failed=(), pending=())
    text = pages_of(write_batch(english, empty, tmp_path).pdf)[0]
    assert "0 arrived = 0 reported" in text
    assert "No study was reported" in text
    assert "Refused files" not in text


def test_the_table_has_one_line_for_each_file_that_arrived() -> None:
    rows = _rows(batch_table(batch()))
    assert len(rows) == batch().tally.arrived
    assert [row["outcome"] for row in rows].count("reported") == 4
    assert (rows[0]["file"], rows[0]["score"], rows[0]["positive"]) == ("night/CR000002.dcm", "0.74", "true")


@pytest.mark.parametrize(
    "start", ["=", "+", "-", "@", " =", "\u3000=", "\uff1d", "\uff0b", "\uff0d", "\uff20", "\ufe66"]
)
def test_no_cell_becomes_a_formula(start: str) -> None:
    name = f'{start}HYPERLINK("x")'
    rows = _rows(
        batch_table(
            batch(pending=(PendingRow(file_name=name, cause="still being written"),), refused=(refused(detail=name),))
        )
    )
    assert rows[-1]["file"] == f"'{name}"
    assert [row["detail"] for row in rows if row["outcome"] == "refused"] == [f"'{name}"]


def test_no_second_cell_begins_where_semicolons_part_them() -> None:
    assert disarm('ward 3; =HYPERLINK("x")') == 'ward 3;\' =HYPERLINK("x")'


def test_what_would_break_a_line_of_the_table_is_shown_as_its_code() -> None:
    names = ("a\r\n=1+1.png", "\t=1+1.png", "a\u2028b.png", "gnp.\u202e1.exe", "caf\udce9.png")
    table = batch_table(batch(pending=tuple(PendingRow(file_name=name, cause="new") for name in names)))
    assert [row["file"] for row in _rows(table)][-5:] == [
        "a[U+000D][U+000A]=1+1.png",
        "[U+0009]=1+1.png",
        "a[U+2028]b.png",
        "gnp.[U+202E]1.exe",
        "caf[U+DCE9].png",
    ]
    assert len(table.splitlines()) == 1 + batch().tally.arrived - len(batch().pending) + len(names)


def test_a_harmless_cell_is_left_as_it_is() -> None:
    for cell in ("a=b-c", "", "ward 3; bed 4", "CR-0001.dcm"):
        assert disarm(cell) == cell


def test_the_record_counts_as_the_page_does(english: ReportWriter, tmp_path: Path) -> None:
    record = json.loads(write_batch(english, batch(), tmp_path).json.read_bytes())
    outcomes = ("reported", "refused", "duplicate", "failed", "pending")
    assert record["arrived"] == sum(record[outcome] for outcome in outcomes) == 10
    assert [study["score"] for study in record["studies"]] == [0.74, 0.37, 0.11, 0.0]
    assert record["refused_files"][0]["reason"] == "view"
    assert record["pending_files"] == [{"file": "night/arriving.dcm", "detail": "cannot be opened: Permission denied"}]
    assert record["studies"][0]["report_pdf"] == "../../studies/S-0000000002/report.pdf"


def test_an_indonesian_index_says_in_indonesian_why_a_file_has_no_score(
    indonesian: ReportWriter, tmp_path: Path
) -> None:
    row = replace(
        study_row(1, 0.5), review=("Another image of this study has the same SOP Instance UID but other content.",)
    )
    files = write_batch(indonesian, replace(batch(), studies=(row,)), tmp_path)
    html = files.html.read_text(encoding="utf-8")
    for said in (
        "Menurut tag, proyeksinya LL, bukan frontal.",
        "pembacaan gagal dengan MemoryError",
        "tidak dapat dibuka: izin ditolak",
        "Gambar lain pada pemeriksaan ini memiliki SOP Instance UID yang sama",
        "Bukan untuk anak",
    ):
        assert re.search(f'lang="id">[^<]*{re.escape(said)}', html), said
    assert json.loads(files.json.read_bytes())["refused_files"][0]["detail"].startswith("The tags say")


def test_each_pending_file_stands_with_its_cause(english: ReportWriter, tmp_path: Path) -> None:
    causes = ("still being written", "cannot be opened: Permission denied", "in the hands of another run")
    pending = tuple(PendingRow(file_name=f"night/{number}.dcm", cause=cause) for number, cause in enumerate(causes))
    files = write_batch(english, batch(pending=pending), tmp_path)
    for row in pending:
        assert f"{row.file_name} {row.cause}" in pages_of(files.pdf)[0]
        assert row.cause in files.html.read_text(encoding="utf-8")
    waiting = [row for row in _rows(files.csv.read_bytes()) if row["outcome"] == "pending"]
    assert [(row["file"], row["detail"]) for row in waiting] == [(row.file_name, row.cause) for row in pending]


def test_a_long_list_is_cut_on_the_page_and_whole_in_the_table(english: ReportWriter, tmp_path: Path) -> None:
    pending = tuple(PendingRow(file_name=f"{number:05}.dcm", cause="still being written") for number in range(1700))
    files = write_batch(english, batch(pending=pending), tmp_path)
    html = files.html.read_text(encoding="utf-8")
    assert "And 1,200 more: batch.csv" in html
    assert ("00499.dcm" in html, "00500.dcm" in html) == (True, False)
    assert [row["outcome"] for row in _rows(files.csv.read_bytes())].count("pending") == 1700


def test_a_model_that_stood_in_for_a_damaged_one_is_named(english: ReportWriter, tmp_path: Path) -> None:
    files = write_batch(english, replace(batch(), meant="standard-9"), tmp_path)
    assert (
        "The model standard-9 is damaged. standard-0, the champion before it, was used instead."
        in pages_of(files.pdf)[0]
    )
    assert json.loads(files.json.read_bytes())["meant"] == "standard-9"
