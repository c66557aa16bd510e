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


def of_source(source: str, patients: int, first: int, *, licence: str | None = None) -> list[LabelledRadiograph]:
    return [
        radiograph(first + number, diseased=number % 2 == 0, source=source, licence=licence if number else None)
        for number in range(patients)
    ]


def test_credits_name_sources_with_their_licences() -> None:
    credit = credits_of(
        labelled(*of_source("A", 5, 0, licence="CC BY 4.0"), *of_source("B", 1, 10), *of_source("C", 4, 20))
    )
    assert "1409.1556" in credit[0]
    assert credit[1:] == (
        "Radiographs: A. Licences as stated: CC BY 4.0, unstated.",
        "Radiographs of 2 other sources: see the metadata of drawn.",
    )


def test_licences_that_few_share_are_counted_and_not_repeated() -> None:
    licences = ["with Jane Doe's consent", "of Jane Doe", *["house rules"] * 6]
    members = [
        radiograph(number, diseased=True, source="A", licence=licence) for number, licence in enumerate(licences)
    ]
    credit = credits_of(labelled(*members))[1]
    assert credit == "Radiographs: A. Licences as stated: house rules, 2 others (see the metadata)."


def test_files_that_name_no_patient_do_not_name_a_source() -> None:
    members = [
        radiograph(number, diseased=True, source="Jane Doe", patient=f"{number:064}", licence="Jane Doe's")
        for number in range(9)
    ]
    assert name_of(labelled(*members)) == "drawn"
    assert "Jane" not in " ".join(credits_of(labelled(*members)))
    assert "Jane" not in bias_of(*members).model_dump_json()


def test_the_set_is_named_by_its_folder_and_by_sources_that_name_no_single_sender() -> None:
    assert name_of(labelled(radiograph(1, diseased=True))) == "drawn"
    assert name_of(labelled(*of_source("B", 6, 0), *of_source("A", 5, 10))) == "drawn: A; B"
    doctors = [member for n in range(3) for member in of_source(f"sent by Jane Doe {n}", 1, 20 + n)]
    assert name_of(labelled(*doctors)) == "drawn"
    assert name_of(labelled(*of_source("A", 5, 0), doctors[0])) == "drawn: A and 1 other source"


def test_many_radiographs_of_one_patient_do_not_name_a_source() -> None:
    members = [radiograph(number, diseased=True, source="sent by Jane Doe", patient="p1") for number in range(9)]
    assert "Jane" not in name_of(labelled(*members)) + " ".join(credits_of(labelled(*members)))
