"""How old the patient was when the radiograph was taken."""

from __future__ import annotations

import re
from datetime import date

_OLDEST = 130

NO_UNIT = "The age in the tags has no unit; taken as years."
CONTRADICTION = (
    "The age and the date of birth in the tags contradict each other: see for yourself whether this is an adult."
)
UNREADABLE = "The age in the tags cannot be read: see for yourself whether this is an adult."


def age_years(stated: str, *, born: str | None, taken: str | None) -> tuple[int | None, tuple[str, ...]]:
    """Return the completed years, where the tags tell them, and what a reader should know.

    Args:
        stated: PatientAge (PS3.5, AS: "062Y", "018M", "003W", "010D"); a bare number counts as years, as some archives
            write it.
        born: Date of birth, ISO 8601; counts where ``stated`` says nothing, or more.
        taken: Date of the study, likewise.
    """
    match = re.fullmatch(r"(\d{1,3}) ?([YMWD]?)", stated.strip().upper())
    if match is not None:
        number, unit = int(match[1]), match[2]
        years = number if unit in {"Y", ""} else int(number / {"M": 12, "W": 52.18, "D": 365.25}[unit])
        if years <= _OLDEST:
            return _agreed(years, _years_between(born, taken), () if unit else (NO_UNIT,))
    by_dates = _years_between(born, taken)
    return by_dates, (UNREADABLE,) if stated.strip() and by_dates is None else ()


def _agreed(stated: int, by_dates: int | None, notices: tuple[str, ...]) -> tuple[int, tuple[str, ...]]:
    """Of two ages that differ, take the younger one: no child is taken for an adult; 0 may stand for unknown."""
    if by_dates is None or abs(stated - by_dates) <= 1:
        return stated, notices
    return by_dates if stated == 0 else min(stated, by_dates), (*notices, CONTRADICTION)


def _years_between(born: str | None, taken: str | None) -> int | None:
    if born is None or taken is None:
        return None
    first, last = date.fromisoformat(born), date.fromisoformat(taken)
    years = last.year - first.year - ((last.month, last.day) < (first.month, first.day))
    return years if 0 <= years <= _OLDEST else None
