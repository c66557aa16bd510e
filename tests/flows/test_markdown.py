from __future__ import annotations

import re

import pytest

from flows.markdown import plain


@pytest.mark.parametrize(
    "text",
    [
        "[click](javascript:alert(1))",
        "![](http://evil.example/pixel.png)",
        "<img src=x onerror=alert(1)>",
        "a | b |\n|--|--|\n# heading",
        "**bold** _soft_ `code` ~gone~ &lt;b&gt;",
        "back\\[slash](x)",
    ],
)
def test_no_mark_of_markdown_keeps_its_meaning(text: str) -> None:
    shown = plain(text)
    assert "\n" not in shown
    assert not re.search(r"(?<!\\)(\\\\)*[`*_\[\]<>|#~&!]", shown)


@pytest.mark.parametrize(
    "text", ["see https://evil.example/x", "WWW.evil.example", "ftp://evil.example", "a@evil.example"]
)
def test_no_address_becomes_a_link(text: str) -> None:
    assert not re.search(r"(?i)\w://|www\.|\w@", plain(text))
    assert plain(text).replace("\u2060", "") == text


def test_plain_words_stay_as_they_are() -> None:
    assert (
        plain("Radiographs of 3 hospitals, AP-supine: 0.5 (n = 12).")
        == "Radiographs of 3 hospitals, AP-supine: 0.5 (n = 12)."
    )
