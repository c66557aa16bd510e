from __future__ import annotations

import re
from pathlib import Path
from typing import Any, get_args

import pytest

from cxrscreen.errors import ReportError
from cxrscreen.radiograph.radiograph import View
from cxrscreen.radiograph.refusal import Reason
from cxrscreen.reporting.words import load_words
from cxrscreen.settings import ExplanationVariant, Language

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


def test_what_is_no_date_is_shown_as_it_stands() -> None:
    assert load_words("en").date("1971") == "1971"
    assert load_words("en").moment("last night") == "last night"


def test_missing_words_are_named(tmp_path: Path) -> None:
    with pytest.raises(ReportError, match=r"Restore en\.toml"):
        load_words("en", templates=tmp_path)
