from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cxrscreen.evaluation.data_report import Copy, DataReport
from cxrscreen.labelled.bias import _balance, examine
from cxrscreen.labelled.labelled_set import LabelledRadiograph, LabelledSet, read_labelled
from cxrscreen.labelled.shortcuts import measure_shortcuts
from cxrscreen.radiograph.acceptance import AcceptanceLimits
from cxrscreen.types import Grey8
from tests.labelled.drawn import labelled, radiograph, texture


def aucs(a_set: LabelledSet) -> dict[str, float]:
    return {one.name: one.auc.value for one in measure_shortcuts(a_set, a_set.patients, seed=1)}


def cohort(
    *, wider: int = 0, brighter: int = 0, view: str | None = None, older: float = 0, patients: int = 60
) -> LabelledSet:
    """Normal radiographs differ from the others in nothing but what is asked for."""
    generator = np.random.default_rng(0)
    members: list[LabelledRadiograph] = []
    pictures: list[Grey8] = []
    for number in range(patients):
        diseased = number % 2 == 0
        members.append(
            radiograph(
                number,
                diseased=diseased,
                columns=int(generator.normal(1000, 60)) + wider * (not diseased),
                view=view if not diseased else ("PA" if view else None),
                age_years=float(generator.normal(50, 5)) + older * (not diseased) if older else None,
                sex="F" if older else None,
            )
        )
        pictures.append(np.minimum(texture(number), 255 - brighter) + np.uint8(brighter * (not diseased)))
    return labelled(*members, pictures=pictures)


def test_where_the_classes_differ_in_nothing_no_shortcut_is_found() -> None:
    found = aucs(cohort())
    assert list(found) == ["image shape", "grey statistics", "border without the lungs", "16x16 thumbnail"]
    assert max(found.values()) < 0.75


def test_a_shortcut_is_measured_where_it_is_and_nowhere_else() -> None:
    by_shape, by_shade = aucs(cohort(wider=300)), aucs(cohort(brighter=60))
    assert by_shape["image shape"] > 0.95
    assert by_shape["grey statistics"] < 0.75
    assert by_shade["grey statistics"] > 0.95
    assert by_shade["image shape"] < 0.75


def test_view_and_age_are_measured_where_they_are_known() -> None:
    assert aucs(cohort(view="AP"))["view"] == 1
    assert aucs(cohort(view="PA"))["view"] == 0.5
    older = aucs(cohort(older=30))
    assert older["age"] > 0.95
    assert older["age and sex"] > 0.95
    assert older["sex"] < 0.75


def test_what_lies_inside_the_frame_moves_the_thumbnail_and_not_the_border() -> None:
    plain = cohort()
    prepared = plain.prepared.copy()
    prepared[plain.diseased, 60:160, 60:160] = 255
    marked = aucs(LabelledSet("drawn", plain.radiographs, prepared))
    assert marked["16x16 thumbnail"] > 0.95
    assert marked["border without the lungs"] < 0.75


def test_a_patient_is_never_on_both_sides_of_a_fold_of_a_shortcut() -> None:
    generator = np.random.default_rng(1)
    shapes = generator.integers(600, 2400, size=24)  # of each patient, not of each class
    members = [
        radiograph(number, diseased=number % 24 < 12, columns=int(shapes[number % 24]), patient=f"p{number % 24}")
        for number in range(96)
    ]
    assert aucs(labelled(*members))["image shape"] < 0.85


def test_with_too_few_patients_nothing_is_measured_and_that_is_said() -> None:
    report = examine(cohort(patients=18), seed=0)
    assert report.bias.shortcuts == ()
    assert "too few patients" in report.bias.summary[1]


def sourced(*sources: tuple[str | None, bool]) -> str:
    members = [radiograph(n, diseased=diseased, source=source) for n, (source, diseased) in enumerate(sources)]
    return examine(labelled(*members), seed=0).bias.summary[0]


def test_the_first_sentence_is_about_the_sources() -> None:
    assert sourced(("A", True), ("B", False)).startswith("All COVID-19 radiographs come from one set of sources")
    assert "not recorded" in sourced(("A", True), (None, False))
    assert sourced(("A", True), ("A", False), ("B", True)).startswith("1 of 3 radiographs come from sources that")
    assert sourced(("A", True), ("A", False)) == "Every recorded source has radiographs of both classes."


def test_a_few_unknown_sources_do_not_hide_that_the_known_ones_are_disjoint() -> None:
    sentence = sourced(("A", True), ("B", False), (None, False))
    assert sentence.startswith("All COVID-19 radiographs whose source is recorded come from one set of sources")
    assert sentence.endswith("Where 1 of 3 radiographs come from is not recorded.")


def test_a_few_wrong_labels_do_not_hide_that_the_source_gives_the_class_away() -> None:
    plain = cohort(patients=40)
    sources = ["A" if one.diseased else "B" for one in plain.radiographs]
    sources[1] = "A"  # a radiograph of A, labelled normal
    members = [replace(one, source=source) for one, source in zip(plain.radiographs, sources, strict=True)]
    report = examine(replace(plain, radiographs=tuple(members)), seed=0)
    assert report.bias.disjoint_sources is False
    assert report.bias.summary[0].startswith("The source alone tells the classes apart with an AUC of 0.9")


@pytest.fixture
def faulty() -> DataReport:
    """Three pairs of look-alikes, one of them across the classes; a patient with both labels, a child, a copy."""
    pictures = [texture(number) for number in range(5)]
    pictures += [pictures[0][:, ::-1], pictures[1], pictures[3]]
    members = [
        radiograph(0, diseased=True, patient="Budi", age_years=7.0, view="PA"),
        radiograph(1, diseased=False, patient="Budi", age_years=61.0),
        *(radiograph(number, diseased=False, sex="M", columns=400) for number in (2, 3, 4)),
        *(radiograph(number, diseased=False, age_years=18.0) for number in (5, 6, 7)),
    ]
    plain = labelled(*members, pictures=pictures)
    copies = (Copy(file="normal/Siti.png", of="1.png"),)
    a_set = LabelledSet("drawn", plain.radiographs, plain.prepared, copies=copies, same_person=(("p2", "p9"),))
    return examine(a_set, seed=0)


def test_leaks_are_counted_and_listed(faulty: DataReport) -> None:
    bias = faulty.bias
    assert (bias.radiographs, bias.positives, bias.patients, bias.copies) == (8, 1, 7, 1)
    assert (bias.patients_with_several, bias.patients_of_both_classes) == (1, 1)
    assert (bias.alike, bias.alike_across_classes) == (3, 1)
    assert (faulty.alike[0].first, faulty.alike[0].second) == ("0.png", "5.png")
    assert faulty.copies == (Copy(file="normal/Siti.png", of="1.png"),)


def test_the_summary_says_every_leak_and_names_nobody(faulty: DataReport) -> None:
    text = " ".join(faulty.bias.summary)
    for said in (
        "1 pair of radiographs with different labels seems to show one exposure",
        "2 pairs of radiographs with the same label seem to show one exposure; wherever the folder is split, they stay",
        "1 file repeated the content of another and was left out",
        "1 patient has radiographs of both classes",
        "1 file was stored under two patient numbers",
        "1 radiograph shows a patient under 18 (1 COVID-19, 0 normal)",
        "1 of 7 patients has several radiographs; wherever the folder is split, these stay together.",
    ):
        assert said in text
    assert "Budi" not in faulty.bias.model_dump_json()
    assert ".png" not in faulty.bias.model_dump_json()


def test_the_balance_counts_every_radiograph_once_for_each_trait(faulty: DataReport) -> None:
    rows = [(row.by, row.value, row.diseased, row.healthy) for row in faulty.bias.balance]
    assert rows == [
        ("source", "not stated", 1, 7),
        ("view", "PA", 1, 0),
        ("view", "not stated", 0, 7),
        ("sex", "M", 0, 3),
        ("sex", "not stated", 1, 4),
        ("age", "under 18", 1, 0),
        ("age", "18 to 39", 0, 3),
        ("age", "60 to 79", 0, 1),
        ("age", "not stated", 0, 3),
        ("size", "under 500 pixels", 0, 3),
        ("size", "1000 to 1999 pixels", 1, 4),
    ]


def test_what_few_patients_share_stands_in_the_balance_without_its_words() -> None:
    members = [
        radiograph(number, diseased=number % 2 == 0, source=source, view=view)
        for number, (source, view) in enumerate(
            [
                *[("hospital", "PA")] * 5,
                *[("clinic", "AP Supine")] * 4,
                ("sent by Jane Doe", "AP"),
                ("Jane Doe's mother", "as Jane Doe lay"),
            ]
        )
    ]
    bias = examine(labelled(*members), seed=0).bias
    rows = [(row.by, row.value, row.diseased + row.healthy) for row in bias.balance if row.by in {"source", "view"}]
    assert rows == [
        ("source", "hospital", 5),
        ("source", "other (3 values)", 6),
        ("view", "AP", 1),
        ("view", "PA", 5),
        ("view", "other (2 values)", 5),
    ]
    assert "Jane" not in bias.model_dump_json()
    assert bias.summary[0].startswith("2 of 11 radiographs come from sources that have one class only")


def test_of_many_sources_the_balance_names_the_largest() -> None:
    members = [
        radiograph(100 * source + number, diseased=number % 2 == 0, source=f"hospital {source:02}")
        for source in range(14)
        for number in range(5 + (source == 13))
    ]
    pictures = [texture(0)] * len(members)
    values = [row.value for row in _balance(labelled(*members, pictures=pictures)) if row.by == "source"]
    assert values == [*(f"hospital {source:02}" for source in (*range(11), 13)), "other (2 values)"]


def test_a_file_that_names_nobody_may_be_anybody() -> None:
    unnamed = radiograph(1, diseased=True, patient=f"{1:064}")
    summary = examine(labelled(unnamed, radiograph(2, diseased=False)), seed=0).bias.summary
    assert any(sentence.startswith("Of 1 radiograph the patient is not recorded") for sentence in summary)


@pytest.mark.real_data
def test_the_development_set_is_said_to_be_told_apart_without_lungs(real_data: Path) -> None:
    limits = AcceptanceLimits(min_side_pixels=300, max_pixels=64_000_000, max_aspect=2.0)
    bias = examine(read_labelled(real_data / "cxr", limits=limits), seed=2020).bias
    assert bias.disjoint_sources
    assert (bias.alike, bias.copies, bias.patients_of_both_classes, bias.patients_with_several) == (0, 0, 0, 48)
    measured = {one.name: one.auc for one in bias.shortcuts}
    assert measured["grey statistics"].low > 0.88
    assert measured["border without the lungs"].low > 0.8
    assert measured["image shape"].low > 0.7
    assert "grey statistics" in bias.summary[1]
