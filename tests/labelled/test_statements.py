from __future__ import annotations

import numpy as np
import pytest

from cxrscreen.labelled.labelled_set import LabelledRadiograph, LabelledSet
from cxrscreen.labelled.shortcuts import shape_auc
from cxrscreen.labelled.splits import split_by_patient
from cxrscreen.labelled.statements import credits_of, limits_of, name_of


def labelled(*radiographs: LabelledRadiograph) -> LabelledSet:
    return LabelledSet("drawn", radiographs, np.zeros((len(radiographs), 224, 224, 3), np.uint8), {})


def radiograph(number: int, *, diseased: bool, columns: int = 1024, **more: str | float | None) -> LabelledRadiograph:
    return LabelledRadiograph(
        file_name=f"{number}.png",
        sha256=f"{number:064}",
        diseased=diseased,
        patient=f"p{number}",
        rows=1024,
        columns=columns,
        **more,  # type: ignore[arg-type]  # source, licence, age_years
    )


def limits(*radiographs: LabelledRadiograph) -> str:
    return " ".join(limits_of(labelled(*radiographs), shape_auc=0.8049, shape_n=213))


def test_disjoint_sources_are_said_and_shared_ones_are_not() -> None:
    one, other = radiograph(1, diseased=True, source="A"), radiograph(2, diseased=False, source="B")
    shared = radiograph(3, diseased=False, source="A")
    assert "All COVID-19 radiographs come from one set of sources" in limits(one, other)
    assert "sources" not in limits(one, other, shared)
    assert "not recorded" in limits(one, radiograph(4, diseased=False))


def test_the_measured_shape_auc_stands_in_the_limits() -> None:
    assert "AUC of 0.80 (n = 213)" in limits(radiograph(1, diseased=True), radiograph(2, diseased=False))


def test_children_are_counted_where_ages_are_known() -> None:
    text = limits(
        radiograph(1, diseased=True, age_years=61.0),
        radiograph(2, diseased=False, age_years=7.0),
        radiograph(3, diseased=False),
    )
    assert "of 3 training and test radiographs, 1 show a patient known to be under 18 (age known for 2)" in text


def test_credits_name_every_source_with_its_licences() -> None:
    credit = credits_of(
        labelled(
            radiograph(1, diseased=True, source="A", licence="CC BY 4.0"),
            radiograph(2, diseased=True, source="A"),
            radiograph(3, diseased=False, source="B", licence="free"),
        )
    )
    assert "1409.1556" in credit[0]
    assert credit[1:] == (
        "Radiographs: A. Licences as stated: CC BY 4.0, unstated.",
        "Radiographs: B. Licences as stated: free.",
    )


def test_the_set_is_named_by_its_folder_and_sources() -> None:
    assert name_of(labelled(radiograph(1, diseased=True))) == "drawn"
    assert name_of(labelled(radiograph(1, diseased=True, source="A"))) == "drawn: A"


@pytest.mark.parametrize(("wider", "low", "high"), [(0, 0.3, 0.7), (300, 0.95, 1.0)])
def test_the_shape_auc_is_high_only_where_shape_tells_the_classes(wider: int, low: float, high: float) -> None:
    generator = np.random.default_rng(0)
    radiographs = [
        radiograph(number, diseased=number % 2 == 0, columns=int(generator.normal(1000, 60)) + wider * (number % 2))
        for number in range(120)
    ]
    a_set = labelled(*radiographs)
    split = split_by_patient(a_set.patients, a_set.diseased, seed=1)
    assert low <= shape_auc(a_set, split) <= high
