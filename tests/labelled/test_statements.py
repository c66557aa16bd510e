from __future__ import annotations

from cxrscreen.classifier.bias_report import BiasReport, Shortcut
from cxrscreen.classifier.estimate import Estimate
from cxrscreen.labelled.bias import examine
from cxrscreen.labelled.labelled_set import LabelledRadiograph
from cxrscreen.labelled.statements import credits_of, limits_of, name_of
from tests.labelled.drawn import labelled, radiograph


def bias_of(*radiographs: LabelledRadiograph, shape_auc: float | None = None) -> BiasReport:
    bias = examine(labelled(*radiographs), seed=0).bias
    if shape_auc is None:
        return bias
    estimate = Estimate(value=shape_auc, low=0.7, high=0.9, n=213, method="drawn")
    return bias.model_copy(update={"shortcuts": (Shortcut(name="image shape", meaning="", auc=estimate),)})


def limits(*radiographs: LabelledRadiograph, shape_auc: float | None = None) -> str:
    return " ".join(limits_of(labelled(*radiographs), bias_of(*radiographs, shape_auc=shape_auc)))


def test_disjoint_sources_are_said_and_shared_ones_are_not() -> None:
    one, other = radiograph(1, diseased=True, source="A"), radiograph(2, diseased=False, source="B")
    shared = radiograph(3, diseased=False, source="A")
    assert "All COVID-19 radiographs come from one set of sources" in limits(one, other)
    assert "sources" not in limits(one, other, shared)
    assert "not recorded" in limits(one, radiograph(4, diseased=False))


def test_the_measured_shape_auc_stands_in_the_limits() -> None:
    one, other = radiograph(1, diseased=True), radiograph(2, diseased=False)
    assert "AUC of 0.80 (n = 213)" in limits(one, other, shape_auc=0.8049)
    assert "AUC" not in limits(one, other)


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
