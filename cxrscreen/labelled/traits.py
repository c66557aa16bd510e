"""What is known of each radiograph besides its label: by these traits a set is balanced or not, and judged in parts."""

from __future__ import annotations

from collections.abc import Mapping

from cxrscreen.classifier.bias_report import Trait
from cxrscreen.labelled.labelled_set import LabelledSet

NOT_STATED = "not stated"
ADULT_YEARS = 18

AGE_BANDS = ((0, f"under {ADULT_YEARS}"), (18, "18 to 39"), (40, "40 to 59"), (60, "60 to 79"), (80, "80 and over"))
SIZE_BANDS = (
    (0, "under 500 pixels"),
    (500, "500 to 999 pixels"),
    (1000, "1000 to 1999 pixels"),
    (2000, "2000 and more"),
)
"""Lower limit and name of each band, rising; sizes are those of the shorter side as stored."""


def traits_of(labelled: LabelledSet) -> Mapping[Trait, tuple[str | None, ...]]:
    """Return the value of each trait for each radiograph, length n; ``None`` where it is not stated."""
    radiographs = labelled.radiographs
    return {
        "source": tuple(radiograph.source for radiograph in radiographs),
        "view": tuple(radiograph.view for radiograph in radiographs),
        "sex": tuple(radiograph.sex for radiograph in radiographs),
        "age": tuple(_band(radiograph.age_years, AGE_BANDS) for radiograph in radiographs),
        "size": tuple(_band(min(radiograph.rows, radiograph.columns), SIZE_BANDS) for radiograph in radiographs),
    }


def _band(value: float | None, bands: tuple[tuple[int, str], ...]) -> str | None:
    names = [name for lower, name in bands if value is not None and value >= lower]
    return names[-1] if names else None
