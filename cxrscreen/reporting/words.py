"""The words of the reports, by language.

All prose stands in ``templates/words/<language>.toml``; the same keys in each language. Values that the
software puts into a sentence stand in braces. Refusals, notices and the model's card are written in English long
before a report's language is known; ``templates/words/sentences.toml`` holds what other languages say in their place.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from cxrscreen.errors import ReportError
from cxrscreen.radiograph.refusal import Reason
from cxrscreen.settings import PROJECT, Language

TEMPLATES = PROJECT / "templates"

_VALUE = re.compile(r"{(\w+)}")
_MOST_NESTED = 3
_NUMBER = re.compile(r"\d[\d,]*(\.\d+)?%?")


@dataclass(frozen=True, slots=True)
class Sentence:
    """A text that may have stayed English, and the language that it is in."""

    text: str
    language: Language


@dataclass(frozen=True, slots=True)
class Words:
    """Every word of one language.

    Attributes:
        language: Code as HTML and PDF carry it.
        table: Sections of the TOML file, each a mapping of keys to texts.
        sentences: English sentences with groups for their values, and what this language says; none in English.
    """

    language: Language
    table: dict[str, Any]
    sentences: tuple[tuple[re.Pattern[str], str], ...]

    def text(self, section: str, key: str, /, **values: object) -> str:
        """Return one text with ``values`` set into its braces."""
        return str(self.table[section][key]).format(**values)

    def sentence(self, english: str, *, _depth: int = _MOST_NESTED) -> Sentence:
        """Return a sentence of the software in this language, or in English where it is not listed.

        What stands in a sentence may be one itself; how deep is bounded, since files have a say in it.
        """
        for pattern, text in self.sentences if _depth else ():
            if match := pattern.fullmatch(english):
                values = {n: self.sentence(value, _depth=_depth - 1).text for n, value in match.groupdict().items()}
                return Sentence(text.format(**values), self.language)
        if _NUMBER.fullmatch(english):
            signs = {",": self.table["format"]["thousands"], ".": self.table["format"]["decimal"]}
            return Sentence(english.translate(str.maketrans(signs)), self.language)
        return Sentence(english, "en")

    def reason(self, reason: Reason) -> tuple[str, str]:
        """Return the title of a refusal and what a person can do about it."""
        entry = self.table["reason"][reason.value]
        return entry["title"], entry["advice"]

    def failure(self) -> tuple[str, str]:
        """Return the title of a failure of the software and what a person can do about it."""
        entry = self.table["failure"]
        return entry["title"], entry["advice"]

    def number(self, value: float, digits: int = 2) -> str:
        """Write a number with this language's decimal sign."""
        return f"{value:.{digits}f}".replace(".", self.table["format"]["decimal"])

    def percent(self, share: float, most_digits: int = 2) -> str:
        """Write a share in percent, but not so rounded that it looks like none or all: rather "< 0.01 %"."""
        for digits in range(most_digits + 1):
            if share in (0, 1) or 0 < round(100 * share, digits) < 100:  # noqa: PLR2004  # percent
                return f"{self.number(100 * share, digits)}\u00a0%"
        least = 10**-most_digits
        sign, edge = ("<", least) if share < 0.5 else (">", 100 - least)  # noqa: PLR2004  # half
        return f"{sign}\u00a0{self.number(edge, most_digits)}\u00a0%"

    def count(self, value: int) -> str:
        """Write a whole number, thousands apart."""
        return f"{value:,}".replace(",", self.table["format"]["thousands"])

    def date(self, iso: str) -> str:
        """Write an ISO 8601 date; what is none is returned as it is."""
        try:
            day = datetime.fromisoformat(iso)
        except ValueError:
            return iso
        return f"{day.day} {self.table['format']['months'][day.month - 1]} {day.year}"

    def moment(self, iso: str) -> str:
        """Write an ISO 8601 date with its time and zone; what is none is returned as it is."""
        try:
            moment = datetime.fromisoformat(iso)
        except ValueError:
            return iso
        clock = moment.strftime(self.table["format"]["clock"])
        zone = moment.strftime("%z")
        return f"{self.date(iso)}, {clock}" + (f" UTC{zone[:3]}:{zone[3:5]}" if zone else "")


def load_words(language: Language, *, templates: Path = TEMPLATES) -> Words:
    """Read the words of ``language``.

    Raises:
        ReportError: The file is missing or no TOML.
    """
    table = _read_toml(templates / "words" / f"{language}.toml")
    pairs = _read_toml(templates / "words" / "sentences.toml")["sentence"] if language != "en" else ()
    return Words(language, table, tuple((_pattern(pair["en"]), pair[language]) for pair in pairs))


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as exc:
        raise ReportError(f"No words for the reports: {exc}. Restore {path.name} in templates/words.") from exc


def _pattern(sentence: str) -> re.Pattern[str]:
    texts_and_names = _VALUE.split(sentence)
    return re.compile(
        "".join(f"(?P<{part}>.+)" if odd % 2 else re.escape(part) for odd, part in enumerate(texts_and_names))
    )
