"""The words of the reports, by language.

All prose stands in ``templates/words/<language>.toml``; the same keys in each language. Values that the
software puts into a sentence stand in braces.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from cxrscreen.errors import ReportError
from cxrscreen.radiograph.refusal import Reason
from cxrscreen.settings import PROJECT, Language

TEMPLATES = PROJECT / "templates"


@dataclass(frozen=True, slots=True)
class Words:
    """Every word of one language.

    Attributes:
        language: Code as HTML and PDF carry it.
        table: Sections of the TOML file, each a mapping of keys to texts.
    """

    language: Language
    table: dict[str, Any]

    def text(self, section: str, key: str, /, **values: object) -> str:
        """Return one text with ``values`` set into its braces."""
        return str(self.table[section][key]).format(**values)

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
    path = templates / "words" / f"{language}.toml"
    try:
        return Words(language, tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, tomllib.TOMLDecodeError) as exc:
        raise ReportError(
            f"No words for language '{language}': {exc}. Restore {path.name} in templates/words."
        ) from exc
