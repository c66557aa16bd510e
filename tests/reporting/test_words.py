from __future__ import annotations

import ast
import json
import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import pytest

from cxrscreen.errors import ReportError
from cxrscreen.labelled.bias import examine
from cxrscreen.labelled.labelled_set import LabelledRadiograph
from cxrscreen.labelled.statements import limits_of
from cxrscreen.radiograph.radiograph import View
from cxrscreen.radiograph.refusal import Reason
from cxrscreen.reporting.words import TEMPLATES, Sentence, load_words
from cxrscreen.screening.ledger import LEFT_BEHIND
from cxrscreen.settings import PROJECT, ExplanationVariant, Language
from tests.labelled.drawn import labelled, radiograph

LANGUAGES: tuple[Language, ...] = get_args(Language)


def _flat(table: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in table.items():
        flat |= _flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": value}
    return flat


def test_all_languages_have_the_same_keys() -> None:
    english, indonesian = (_flat(load_words(language).table) for language in ("en", "id"))
    assert english.keys() == indonesian.keys()


def test_all_languages_put_the_same_values_into_a_sentence() -> None:
    english, indonesian = (_flat(load_words(language).table) for language in ("en", "id"))
    for key, text in english.items():
        assert sorted(re.findall(r"{\w+}", str(text))) == sorted(re.findall(r"{\w+}", str(indonesian[key]))), key


def test_no_text_was_left_untranslated() -> None:
    english, indonesian = (_flat(load_words(language).table) for language in ("en", "id"))
    sentences = {
        key for key, text in english.items() if len(str(text).split()) > 3 and not key.startswith("disclaimer")
    }
    assert len(sentences) > 40
    assert not {key for key in sentences if english[key] == indonesian[key]}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("reason", Reason)
def test_every_refusal_has_a_title_and_an_advice(language: Language, reason: Reason) -> None:
    title, advice = load_words(language).reason(reason)
    assert 1 <= len(title.split()) <= 8
    assert advice.endswith(".")


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_reason_is_described_that_does_not_exist(language: Language) -> None:
    assert set(load_words(language).table["reason"]) == {reason.value for reason in Reason}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_view_and_every_explanation_has_its_word(language: Language) -> None:
    words = load_words(language)
    assert set(words.table["view"]) == {view.value for view in View}
    assert set(words.table["explanation"]) == set(get_args(ExplanationVariant))


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_finding_sounds_like_a_diagnosis(language: Language) -> None:
    finding = load_words(language).table["finding"]
    assert not re.search(
        r"covid|pneumoni|infect|infeksi|positif|positive|negatif|negative|sakit", str(finding.values()), re.IGNORECASE
    )
    assert "diagnosis" in finding["positive_sentence"]  # ... "it is not a"


@pytest.mark.parametrize("language", LANGUAGES)
def test_keys_do_not_hide_behind_methods_of_a_mapping(language: Language) -> None:
    for section, texts in load_words(language).table.items():
        assert not hasattr(dict, section)
        assert not [key for key in texts if hasattr(dict, key)]


def test_numbers_and_dates_follow_the_language() -> None:
    english, indonesian = load_words("en"), load_words("id")
    assert (english.number(0.5), indonesian.number(0.5)) == ("0.50", "0,50")
    assert (english.count(1266), indonesian.count(1266)) == ("1,266", "1.266")
    assert english.moment("2026-03-14T02:14:09+07:00") == "14 March 2026, 02:14 UTC+07:00"
    assert indonesian.moment("2026-08-14T02:14:09") == "14 Agustus 2026, 02.14"


def test_a_share_in_percent_is_never_rounded_to_none_or_all() -> None:
    english, indonesian = (load_words(language).percent for language in LANGUAGES)
    assert [english(share).replace("\u00a0", " ") for share in (0, 0.004, 0.5, 0.9996, 1)] == [
        "0 %", "0.4 %", "50 %", "99.96 %", "100 %"
    ]  # fmt: skip
    assert indonesian(0.99999).replace("\u00a0", " ") == "> 99,99 %"
    assert [english(share, 0).replace("\u00a0", " ") for share in (0.001, 0.02, 0.999)] == ["< 1 %", "2 %", "> 99 %"]


def test_what_is_no_date_is_shown_as_it_stands() -> None:
    assert load_words("en").date("1971") == "1971"
    assert load_words("en").moment("last night") == "last night"


def test_missing_words_are_named(tmp_path: Path) -> None:
    with pytest.raises(ReportError, match=r"Restore en\.toml"):
        load_words("en", templates=tmp_path)


def _strings(node: ast.AST) -> list[str]:
    """Return what a string or f-string says, each value of it shown as 7."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return [node.value]
    if isinstance(node, ast.JoinedStr):
        return ["".join(part.value if isinstance(part, ast.Constant) else "7" for part in node.values)]
    return []


def _written_by_the_radiograph_room() -> set[str]:
    """Return the detail of every refusal and every notice (a tuple of one sentence) in the source."""
    sentences: set[str] = set()
    for path in (PROJECT / "cxrscreen" / "radiograph").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "RefusedError":
                sentences.update(_strings(node.args[1]))
            if isinstance(node, ast.Tuple) and len(node.elts) == 1:
                sentences.update(text for text in _strings(node.elts[0]) if text.endswith("."))
    return sentences


def _written_on_cards() -> set[str]:
    sentences: set[str] = set()
    for path in (PROJECT / "deployments" / "models").glob("*/card.json"):
        card = json.loads(path.read_text(encoding="utf-8"))
        sentences |= {*card["limits"], card["test"]["name"], card["folds"]["name"]}
    return sentences


def _written_by_training() -> set[str]:
    """Return the limits of sets with disjoint, with unrecorded sources, and with a shape that was measured."""

    def one(number: int, source: str | None) -> LabelledRadiograph:
        return radiograph(number, diseased=number % 2 == 0, source=source, age_years=40)

    sets = [labelled(one(1, "A"), one(2, "B")), labelled(*(one(number, None) for number in range(20)))]
    return {sentence for a_set in sets for sentence in limits_of(a_set, examine(a_set, seed=0).bias)}


@pytest.mark.parametrize(
    "cause",
    [
        "still being written",
        "in the hands of another run",
        "cannot be opened: Permission denied",
        "changed after it was found; the next run takes it up",
        "another file of its study is still arriving",
        "screened, but it cannot be moved: check who owns it and its folder",
        "refused as too large, but it cannot be moved, nor is it copied to another disk: take it away",
        "a link, pipe or device; hand in the file itself",
        "its folder is gone or empty: is the disk mounted?",
        "taken away before it could be read",
        "given back: its model has failed the self-test",
        LEFT_BEHIND,
        "classifying failed with MemoryError",
    ],
)
def test_why_a_file_waits_or_failed_is_said_in_indonesian(cause: str) -> None:
    assert load_words("id").sentence(cause).language == "id"


def _written_for_who_must_act() -> set[str]:
    """Return what a status and a digest ask for, but for what a card says of its model."""
    sentences: set[str] = set()
    for name in ("needs", "status", "ledger_view"):
        for node in ast.walk(ast.parse((PROJECT / "cxrscreen" / "upkeep" / f"{name}.py").read_text(encoding="utf-8"))):
            if isinstance(node, ast.Yield | ast.Assign) and node.value is not None:
                sentences.update(text for text in _strings(node.value) if text.endswith("."))
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id.startswith("Ledger"):
                sentences.update(text for text in _strings(next(iter(node.args), node)) if text.endswith("."))
    return sentences - {"7 7"}


@pytest.mark.parametrize(
    ("written", "at_least"),
    [
        (_written_by_the_radiograph_room, 45),
        (_written_on_cards, 9),
        (_written_by_training, 8),
        (_written_for_who_must_act, 15),
    ],
)
def test_every_sentence_of_the_software_is_said_in_indonesian(written: Callable[[], set[str]], at_least: int) -> None:
    indonesian, sentences = load_words("id"), written()
    assert len(sentences) >= at_least
    assert not {sentence for sentence in sentences if indonesian.sentence(sentence).language != "id"}


def test_the_values_of_a_sentence_are_kept_and_written_as_the_language_does() -> None:
    indonesian = load_words("id")
    size = indonesian.sentence("12000 x 9000 pixels; at most 64,000,000 pixels are read.")
    assert size.text == "12000 \u00d7 9000 piksel; paling banyak 64.000.000 piksel yang dibaca."
    age = indonesian.sentence(
        "Not for children: of 266 training and test radiographs, 0 show a patient known to be under 18 "
        "(age known for 216)."
    )
    assert re.findall(r"\d+", age.text) == ["266", "0", "18", "216"]
    unknown = "Body part (a value that is no defined term) is not the chest alone."
    assert indonesian.sentence(unknown).text == "Bagian tubuh (nilai yang bukan istilah baku DICOM) bukan toraks saja."


def test_a_sentence_that_is_not_listed_stays_english_and_is_marked_so() -> None:
    assert load_words("id").sentence("Newly found {trouble}.") == Sentence("Newly found {trouble}.", "en")


def test_english_stays_as_it_is_written() -> None:
    sentence = "The decoder warns: Premature end of JPEG file."
    assert load_words("en").sentence(sentence) == Sentence(sentence, "en")


def test_both_languages_of_a_sentence_hold_the_same_values() -> None:
    pairs = tomllib.loads((TEMPLATES / "words" / "sentences.toml").read_text(encoding="utf-8"))["sentence"]
    for pair in pairs:
        assert sorted(re.findall(r"{\w+}", pair["en"])) == sorted(re.findall(r"{\w+}", pair["id"])), pair["en"]
