"""The age comes from the tag for it, or from the dates."""

from __future__ import annotations

import pytest

from cxrscreen.radiograph.patient_age import CONTRADICTION, NO_UNIT, UNREADABLE, age_years


@pytest.mark.parametrize(
    ("stated", "years"), [("062Y", 62), ("018M", 1), ("003W", 0), ("010D", 0), ("130Y", 130), ("009 Y", 9), ("17y", 17)]
)
def test_a_stated_age_counts(stated: str, years: int) -> None:
    assert age_years(stated, born=None, taken="2020-01-01") == (years, ())


@pytest.mark.parametrize(
    ("stated", "born", "years"),
    [("069Y", "1950-01-01", 69), ("030Y", "2015-01-01", 5), ("008Y", "1900-01-01", 8), ("000Y", "1950-01-01", 70)],
)
def test_of_two_ages_that_differ_the_younger_counts_and_it_is_said(stated: str, born: str, years: int) -> None:
    told = () if years == 69 else (CONTRADICTION,)
    assert age_years(stated, born=born, taken="2020-01-01") == (years, told)


def test_a_stated_age_without_a_unit_is_taken_as_years_and_said() -> None:
    assert age_years("9", born=None, taken=None) == (9, (NO_UNIT,))


@pytest.mark.parametrize(
    ("born", "taken", "years"),
    [
        ("2009-03-02", "2018-03-01", 8),
        ("2009-03-02", "2018-03-02", 9),
        ("2008-02-29", "2026-02-28", 17),
        ("2018-03-01", "2018-03-01", 0),
        ("2018-03-02", "2018-03-01", None),  # born after the study
        ("1880-03-02", "2018-03-01", None),
        (None, "2018-03-01", None),
        ("2009-03-02", None, None),
    ],
)
def test_without_a_stated_age_the_dates_tell_it(born: str | None, taken: str | None, years: int | None) -> None:
    assert age_years("", born=born, taken=taken) == (years, ())


@pytest.mark.parametrize("stated", ["nine", "009X", "999Y", "-12Y"])
def test_an_age_that_cannot_be_read_is_said_where_no_dates_help(stated: str) -> None:
    assert age_years(stated, born=None, taken="2018-03-01") == (None, (UNREADABLE,))
    assert age_years(stated, born="2009-03-02", taken="2018-03-01") == (8, ())
