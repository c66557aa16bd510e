from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

from cxrscreen.errors import DataSetError
from cxrscreen.labelled.labelled_set import read_labelled
from cxrscreen.labelled.splits import split_by_patient
from cxrscreen.radiograph.acceptance import AcceptanceLimits
from cxrscreen.types import Diseased

STANDARD_1_TEST_PART = (
    "6011994e2d22366440498a08160da3495fd2e6ea4a95816d98620f609b56be1f"  # of the sorted digests, as it was trained
)


def cohort() -> tuple[list[str], Diseased]:
    """90 patients with one to three radiographs, 60 % of them with COVID-19."""
    generator = np.random.default_rng(0)
    pictures = generator.integers(1, 4, size=90)
    patients = [f"p{number}" for number, count in enumerate(pictures) for _ in range(count)]
    return patients, np.repeat(np.arange(90) % 5 < 3, pictures)


def test_no_patient_is_in_two_parts() -> None:
    patients, diseased = cohort()
    split = split_by_patient(patients, diseased, seed=1)
    named = np.array(patients)
    assert not set(named[split.development]) & set(named[split.test])
    for train, validation in split.folds:
        assert not set(named[train]) & set(named[validation])
        assert not set(named[train]) & set(named[split.test])


def test_the_folds_share_out_the_development_part_and_nothing_is_lost() -> None:
    patients, diseased = cohort()
    split = split_by_patient(patients, diseased, seed=1)
    assert sorted([*split.development, *split.test]) == list(range(len(patients)))
    assert sorted(np.concatenate([validation for _, validation in split.folds])) == list(split.development)
    for train, validation in split.folds:
        assert sorted([*train, *validation]) == list(split.development)


def test_every_part_has_about_the_same_share_of_covid() -> None:
    patients, diseased = cohort()
    split = split_by_patient(patients, diseased, seed=1)
    for part in (split.test, *(validation for _, validation in split.folds)):
        assert diseased[part].mean() == pytest.approx(diseased.mean(), abs=0.08)
    assert len(split.test) / len(patients) == pytest.approx(0.2, abs=0.04)


def test_the_seed_decides_the_folds_and_never_the_test_part() -> None:
    patients, diseased = cohort()
    first, again, other = (split_by_patient(patients, diseased, seed=seed) for seed in (1, 1, 2))
    assert [v.tolist() for _, v in first.folds] == [v.tolist() for _, v in again.folds]
    assert [v.tolist() for _, v in first.folds] != [v.tolist() for _, v in other.folds]
    assert first.test.tolist() == other.test.tolist()


def test_the_order_of_the_radiographs_moves_none_to_another_part() -> None:
    patients, diseased = cohort()
    order = np.random.default_rng(3).permutation(len(patients))
    split = split_by_patient(patients, diseased, seed=1)
    shuffled = split_by_patient([patients[place] for place in order], diseased[order], seed=1)
    assert sorted(order[shuffled.test]) == split.test.tolist()
    assert [sorted(order[v]) for _, v in shuffled.folds] == [v.tolist() for _, v in split.folds]


@pytest.mark.real_data
def test_the_test_part_of_the_development_set_is_the_one_that_standard_1_set_aside(real_data: Path) -> None:
    limits = AcceptanceLimits(min_side_pixels=300, max_pixels=64_000_000, max_aspect=2.0)
    labelled = read_labelled(real_data / "cxr", limits=limits)
    test = split_by_patient(labelled.patients, labelled.diseased, seed=99).test
    contents = sorted(labelled.radiographs[place].sha256 for place in test)
    assert hashlib.sha256("".join(contents).encode()).hexdigest() == STANDARD_1_TEST_PART


def test_too_few_patients_of_a_class_are_refused() -> None:
    patients = [f"p{number}" for number in range(40)]
    with pytest.raises(DataSetError, match="9 patients are labelled COVID-19"):
        split_by_patient(patients, np.arange(40) < 9, seed=1)


def test_many_pictures_of_few_patients_do_not_make_up_for_patients() -> None:
    patients = [f"p{number % 12 if number < 100 else number}" for number in range(140)]
    diseased = np.array([number < 100 and number % 12 < 5 for number in range(140)])
    with pytest.raises(DataSetError, match="5 patients"):
        split_by_patient(patients, diseased, seed=1)
