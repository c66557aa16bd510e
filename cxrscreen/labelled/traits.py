"""What is known of each radiograph besides its label: by these traits a set is balanced or not, and judged in parts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet

from cxrscreen.classifier.bias_report import Trait
from cxrscreen.labelled.labelled_set import LabelledRadiograph, LabelledSet
from cxrscreen.radiograph.radiograph import View

ADULT_YEARS = 18

AGE_BANDS = ((0, f"under {ADULT_YEARS}"), (18, "18 to 39"), (40, "40 to 59"), (60, "60 to 79"), (80, "80 and over"))
SIZE_BANDS = (
    (0, "under 500 pixels"),
    (500, "500 to 999 pixels"),
    (1000, "1000 to 1999 pixels"),
    (2000, "2000 and more"),
)
"""Lower limit and name of each band, rising; sizes are those of the shorter side as stored."""

LEAST_PATIENTS, MOST_VALUES = 5, 12
"""Metadata are free text, and someone may have written a patient's name into them: a source, view or licence is
repeated where so many patients share it, and of these no more than the most frequent. Patients without a number may all
be the same one, and do not count."""


def traits_of(labelled: LabelledSet) -> Mapping[Trait, tuple[str | None, ...]]:
    """Return the value of each trait for each radiograph, length n; ``None`` where it is not stated.

    Sources and views that few patients share have one name together, "other (3 values)".
    """
    radiographs = labelled.radiographs
    return {
        "source": _shared([radiograph.source for radiograph in radiographs], radiographs),
        "view": _shared([radiograph.view for radiograph in radiographs], radiographs, always={*View}),
        "sex": tuple(radiograph.sex for radiograph in radiographs),
        "age": tuple(_band(radiograph.age_years, AGE_BANDS) for radiograph in radiographs),
        "size": tuple(_band(min(radiograph.rows, radiograph.columns), SIZE_BANDS) for radiograph in radiographs),
    }


def shared_values(values: Sequence[str | None], radiographs: Sequence[LabelledRadiograph]) -> set[str]:
    """Return the values that may be repeated: those of enough patients, no more than ``MOST_VALUES``.

    Args:
        values: Of each radiograph, length n.
        radiographs: Likewise; whose patient is not recorded do not count.
    """
    pairs = {
        (value, one.patient) for value, one in zip(values, radiographs, strict=True) if value and one.names_patient
    }
    counts = Counter(value for value, _ in sorted(pairs))
    return {value for value, count in counts.most_common(MOST_VALUES) if count >= LEAST_PATIENTS}


def _shared(
    values: Sequence[str | None],
    radiographs: Sequence[LabelledRadiograph],
    *,
    always: AbstractSet[str] = frozenset(),
) -> tuple[str | None, ...]:
    """Give all values that may not be repeated one name; ``always`` are DICOM's own words."""
    rest = {*values} - {None} - always - shared_values(values, radiographs)
    other = f"other ({len(rest)} value{'s' if len(rest) > 1 else ''})"
    return tuple(other if value in rest else value for value in values)


def _band(value: float | None, bands: tuple[tuple[int, str], ...]) -> str | None:
    names = [name for lower, name in bands if value is not None and value >= lower]
    return names[-1] if names else None
