from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pypdf
import pytest

from cxrscreen.errors import ReportError
from cxrscreen.evaluation import charts
from cxrscreen.evaluation.data_report import Likeness
from cxrscreen.evaluation.page import EvaluationFiles, write_evaluation
from cxrscreen.evaluation.page_rows import MOST_LINES
from cxrscreen.evaluation.result import Comparison, Evaluation, LeftOutFile, ScoredFile
from cxrscreen.evaluation.trust_rows import FRAMED_AUDIT, FRAMED_MAPS
from cxrscreen.reporting.paper import Press
from tests.evaluation.evaluation_samples import BIAS, COMPARISON, DATA, MAKING, evaluation, pictures_of, shortcuts

GOLDEN = Path(__file__).parents[1] / "golden" / "evaluation.en.txt"
DISCLAIMERS = (
    "This model is a prototype. It is not for medical use and cannot yet be used for diagnosis.",
    "Model ini merupakan prototipe, bukan untuk keperluan medis, dan belum dapat digunakan untuk diagnosis.",
)


def write_full(folder: Path) -> EvaluationFiles:
    shown = evaluation()
    return write_evaluation(shown, pictures_of(shown), folder, making=MAKING, comparison=COMPARISON)


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> EvaluationFiles:
    """Read it, do not change it."""
    return write_full(tmp_path_factory.mktemp("reports") / "not-yet-there" / "evaluation-1")


@pytest.fixture(scope="module")
def sheets(full: EvaluationFiles) -> list[str]:
    """The text of each page on paper."""
    return [sheet.extract_text() for sheet in pypdf.PdfReader(full.pdf).pages]


@pytest.fixture
def no_press(monkeypatch: pytest.MonkeyPatch) -> None:
    """Print nothing and draw nothing, for tests of something else: a report takes seconds."""
    monkeypatch.setattr(Press, "print_page", lambda *_: b"%PDF")
    parts = ("roc", "precision_recall", "calibration", "score", "shortcut", "search", "comparison", "lung_use", "map")
    for chart in parts:
        monkeypatch.setattr(charts, f"{chart}_chart", lambda *_: b"<svg/>")


def html_of(folder: Path, shown: Evaluation, comparison: Comparison | None = None) -> str:
    return write_evaluation(shown, (), folder / "report", comparison=comparison).html.read_text(encoding="utf-8")


def test_a_folder_holds_page_paper_record_charts_and_pictures(full: EvaluationFiles) -> None:
    names = {path.name for path in full.html.parent.iterdir()}
    drawn = {"roc", "precision-recall", "calibration", "scores", "shortcuts", "search", "comparison"}
    drawn |= {"lung-use", "maps"}
    assert {name for name in names if name.startswith("chart")} == {f"chart-{name}.svg" for name in drawn}
    assert len([name for name in names if name.startswith("gallery-")]) == 24
    assert {full.html.name, full.pdf.name, full.json.name} == {"index.html", "index.pdf", "evaluation.json"}
    assert len(names) == 9 + 24 + 3


def test_the_text_of_a_report_is_the_golden_one(sheets: list[str]) -> None:
    """After a wanted change, look at the report and copy the new text over the golden one."""
    text = "\n".join(sheets) + "\n"
    assert text.split() == GOLDEN.read_text(encoding="utf-8").split()


def test_another_process_writes_the_same_bytes(full: EvaluationFiles, tmp_path: Path) -> None:
    there = tmp_path / "there"
    program = (
        "from pathlib import Path\n"
        "from tests.evaluation.test_page import write_full\n"
        f"write_full(Path({str(there)!r}))\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, cwd=GOLDEN.parents[2])
    for path in full.html.parent.iterdir():
        assert path.read_bytes() == (there / path.name).read_bytes(), path.name


def test_the_record_is_the_evaluation(full: EvaluationFiles) -> None:
    assert Evaluation.model_validate_json(full.json.read_bytes()) == evaluation()


def test_the_worst_news_comes_before_any_figure(sheets: list[str]) -> None:
    first = " ".join(sheets[0].split())
    assert first.index("come from one set of sources") < first.index("Cannot tell which is better")
    assert first.index("Cannot tell which is better") < first.index("0.969")


def test_the_disclaimer_stands_on_every_page_in_both_languages(full: EvaluationFiles, sheets: list[str]) -> None:
    for number, sheet in enumerate(sheets, start=1):
        text = " ".join(sheet.split())
        assert all(disclaimer in text for disclaimer in DISCLAIMERS)
        assert f"Page {number} of {len(sheets)}" in text
    assert all(disclaimer in full.html.read_text(encoding="utf-8") for disclaimer in DISCLAIMERS)


def test_the_pdf_is_tagged_and_each_picture_has_a_text(full: EvaluationFiles) -> None:
    pdf = pypdf.PdfReader(full.pdf)
    catalogue = pdf.trailer["/Root"]
    assert catalogue["/MarkInfo"]["/Marked"]
    assert b"pdfuaid:part" in catalogue["/Metadata"].get_data()
    elements: Iterator[object] = (pdf.get_object(number) for number in range(1, pdf.trailer["/Size"]))
    texts = [e["/Alt"] for e in elements if isinstance(e, dict) and e.get("/S") == "/Figure"]
    assert len(texts) == 9 + 24
    assert all(texts)
    assert any(text.startswith("ROC curve, AUC 0.97") for text in texts)
    assert any("Truth COVID-19, prediction normal." in text for text in texts)


def test_charts_stay_vector_on_paper(full: EvaluationFiles) -> None:
    images = {str(name) for page in pypdf.PdfReader(full.pdf).pages for name in page.images.keys()}  # noqa: SIM118  # no dict
    assert len(images) == 24  # the radiographs, and nothing else


def test_the_page_needs_nothing_from_outside_its_folder(full: EvaluationFiles) -> None:
    html = full.html.read_text(encoding="utf-8")
    assert "<script" not in html
    assert "http" not in html.replace("http-equiv", "")
    assert "url(fonts" not in html


@pytest.mark.usefixtures("no_press")
def test_names_and_notes_are_text_whatever_they_look_like(full: EvaluationFiles, tmp_path: Path) -> None:
    assert "With the &lt;b&gt;new&lt;/b&gt; archive" in full.html.read_text(encoding="utf-8")
    name = "covid/<script>\u202e\udce9.png"
    shown = evaluation(left_out=(LeftOutFile(file=name, reason="copy"),))
    files = write_evaluation(shown, (), tmp_path / "report")
    assert "covid/&lt;script&gt;[U+202E][U+DCE9].png" in files.html.read_text(encoding="utf-8")
    assert json.loads(files.json.read_bytes())["left_out"][0]["file"] == name


@pytest.mark.usefixtures("no_press")
@pytest.mark.parametrize(
    ("seen", "looks", "said"),
    [
        (None, None, "it may have seen some of these"),
        (0, 0, "They were scored for the first time"),
        (0, 1, "scored 1 time before"),
        (41, None, "trained or calibrated on 41 of these 53 radiographs"),
    ],
)
def test_it_is_said_whether_the_model_knew_the_radiographs(
    seen: int | None, looks: int | None, said: str, tmp_path: Path
) -> None:
    assert said in html_of(tmp_path, evaluation(seen=seen, looks=looks))


@pytest.mark.usefixtures("no_press")
def test_what_cannot_be_measured_is_left_out_or_marked_and_nothing_is_made_up(tmp_path: Path) -> None:
    bias = BIAS.model_copy(update={"shortcuts": (), "disjoint_sources": None})
    figures = evaluation().figures.model_copy(update={"precision": None})
    data = DATA.model_copy(update={"bias": bias, "alike": (), "copies": ()})
    no_trust = dict.fromkeys(("calibrated_on", "band", "shortcuts", "card_shortcuts", "maps", "gate"))
    shown = evaluation(data=data, figures=figures, subgroups=(), left_out=(), doubts=(), **no_trust)
    html = html_of(tmp_path, shown)
    assert "too few patients to measure shortcuts" in html
    assert "nothing to divide by" in html
    assert "Not recorded beyond the model" in html
    for absent in (
        "look-alikes</h2>",
        "Parts of the set",
        "Search for",
        "Challenger",
        "Files without",
        "Labels to look",
        "follow the lungs",
        "Where the activation maps lie",
        "Positive, negative, uncertain",
        "Accepted by content",
    ):
        assert absent not in html


@pytest.mark.usefixtures("no_press")
def test_a_model_that_is_not_shown_to_use_the_lungs_is_said_so_before_any_figure(tmp_path: Path) -> None:
    html = html_of(tmp_path, evaluation())
    not_shown = "<b>This model has not been shown to use the lungs."
    assert html.index(not_shown) < html.index('class="headline"')
    uses = evaluation(shortcuts=shortcuts(exchanged=(0.9, 0.97)))
    html = html_of(tmp_path, uses)
    assert "not been shown" not in html
    assert "The scores follow the lungs" in html


@pytest.mark.usefixtures("no_press")
def test_what_is_so_by_construction_is_said_of_a_model_that_is_shown_the_lungs_alone(tmp_path: Path) -> None:
    uses = evaluation(shortcuts=shortcuts(exchanged=(0.9, 0.97)))
    said = (
        "The scores follow the lungs, by construction: this model is shown nothing else.",
        FRAMED_AUDIT,
        FRAMED_MAPS,
    )
    framed = html_of(tmp_path, uses.model_copy(update={"recipe": "lung-focused"}))
    whole = html_of(tmp_path, uses)
    for sentence in said:
        assert sentence in framed
        assert sentence not in whole


@pytest.mark.usefixtures("no_press")
def test_rates_on_radiographs_that_the_model_learnt_from_are_not_told_as_if_they_were_new(tmp_path: Path) -> None:
    new, known, unsure = (html_of(tmp_path, evaluation(seen=seen)) for seen in (0, 41, None))
    assert "where it was not chosen" in new
    assert "where it was not chosen" not in known
    assert "and flatter it: it was chosen on radiographs of these patients" in known
    assert "whether it was chosen on some of these radiographs is not recorded" in unsure
    for html, told in ((new, False), (known, True), (unsure, False)):
        assert ("this rate flatters it, the card&#39;s does not" in html) is told


@pytest.mark.usefixtures("no_press")
def test_a_predictive_value_of_all_is_told_with_what_it_rests_on(tmp_path: Path) -> None:
    shown = evaluation()
    assert shown.band is not None
    none_wrong = shown.band.model_copy(
        update={"false_alarms": shown.band.false_alarms.model_copy(update={"value": 0.0, "low": 0.0})}
    )
    html = html_of(tmp_path, evaluation(band=none_wrong))
    assert "only says that no error was met among so few radiographs" in html
    assert f"of {none_wrong.found.n} COVID-19" in html
    assert "no error was met" not in html_of(tmp_path, shown)


@pytest.mark.usefixtures("no_press")
def test_without_an_audit_of_its_own_a_report_shows_the_one_on_the_card(tmp_path: Path) -> None:
    html = html_of(tmp_path, evaluation(shortcuts=None))
    assert "The scores follow the lungs" in html
    assert "From the model&#39;s card: its development part, out of fold, 240 radiographs" in html


@pytest.mark.usefixtures("no_press")
def test_what_a_score_is_depends_on_its_calibration(tmp_path: Path) -> None:
    assert "calibrated on 213 radiographs" in html_of(tmp_path, evaluation())
    assert "not a probability of disease" in html_of(tmp_path, evaluation(calibrated_on=None))


@pytest.mark.usefixtures("no_press")
def test_labels_in_doubt_are_named_with_what_the_model_says_of_them(tmp_path: Path) -> None:
    doubts = (
        ScoredFile(file="normal/<odd>.png", label="normal", score=0.99996),
        ScoredFile(file="covid/pale.png", label="covid", score=0.0123),
    )
    html = html_of(tmp_path, evaluation(doubts=doubts))
    rows = html[html.index("Labels to look at again") :]
    assert "normal/&lt;odd&gt;.png</th><td>normal</td><td>&gt;0.9999</td>" in rows
    assert rows.index("normal/&lt;odd&gt;.png") < rows.index("covid/pale.png</th><td>COVID-19</td><td>0.012</td>")


@pytest.mark.usefixtures("no_press")
def test_a_comparison_without_radiographs_says_why_and_draws_nothing(tmp_path: Path) -> None:
    nothing = dict.fromkeys(("auc", "sensitivity", "specificity", "brier"))
    reasons = ("No radiograph is left that both models may be judged on.",)
    comparison = COMPARISON.model_copy(update={**nothing, "n": 0, "reasons": reasons})
    assert "No radiograph is left" in html_of(tmp_path, evaluation(), comparison)
    assert not (tmp_path / "report/chart-comparison.svg").exists()


@pytest.mark.usefixtures("no_press")
def test_long_lists_are_cut_on_the_page_and_whole_in_the_record(tmp_path: Path) -> None:
    left_out = tuple(LeftOutFile(file=f"normal/{number}.png", reason="too-small") for number in range(MOST_LINES + 7))
    pair = Likeness(first="a", second="b", correlation=1, mirrored=False, across_classes=False, same_patient=True)
    data = DATA.model_copy(update={"alike": (pair,) * (MOST_LINES + 3)})
    files = write_evaluation(evaluation(left_out=left_out, data=data), (), tmp_path / "report")
    html = files.html.read_text(encoding="utf-8")
    assert "And 7 more" in html
    assert "And 3 more" in html
    assert "Too small" in html
    assert len(json.loads(files.json.read_bytes())["left_out"]) == MOST_LINES + 7


@pytest.mark.usefixtures("no_press")
def test_an_earlier_report_of_that_name_is_replaced_whole(tmp_path: Path) -> None:
    write_full(tmp_path / "report")
    assert list((tmp_path / "report").glob("gallery-*"))
    write_evaluation(evaluation(), (), tmp_path / "report")
    assert not list((tmp_path / "report").glob("gallery-*"))


@pytest.mark.usefixtures("no_press")
def test_a_folder_that_cannot_be_written_is_said_in_words(tmp_path: Path) -> None:
    (tmp_path / "reports").write_text("a file where a folder should be")
    with pytest.raises(ReportError, match="Cannot write"):
        write_evaluation(evaluation(), (), tmp_path / "reports" / "report")
