from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from cxrscreen.labelled.groups import joined_patients
from cxrscreen.labelled.labelled_set import LabelledSet, read_labelled
from cxrscreen.labelled.likeness import LIMIT, alike
from cxrscreen.radiograph.acceptance import AcceptanceLimits
from cxrscreen.radiograph.prepare import prepare
from cxrscreen.types import Grey8
from tests.labelled.drawn import labelled, radiograph, texture

Change = Callable[[Grey8], Grey8]


def recoded(picture: Grey8) -> Grey8:
    coded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 40])[1]
    return cv2.imdecode(coded, cv2.IMREAD_GRAYSCALE).astype(np.uint8)


def rescaled(picture: Grey8) -> Grey8:
    return prepare(cv2.resize(picture, (150, 130), interpolation=cv2.INTER_AREA).astype(np.uint8))[..., 0]


def brightened(picture: Grey8) -> Grey8:
    return np.clip(255 * (picture / 255) ** 0.6 + 10, 0, 255).astype(np.uint8)


def mirrored(picture: Grey8) -> Grey8:
    return picture[:, ::-1].copy()


def cropped(picture: Grey8) -> Grey8:
    rows, columns = picture.shape
    return prepare(picture[rows // 25 :, columns // 25 : -columns // 25].copy())[..., 0]


def all_at_once(picture: Grey8) -> Grey8:
    return recoded(mirrored(brightened(cropped(picture))))


CHANGES = [recoded, rescaled, brightened, mirrored, cropped, all_at_once]


def drawn_with(change: Change) -> LabelledSet:
    """Twelve pictures, of which the last is a changed copy of the first."""
    pictures = [texture(number) for number in range(11)]
    members = [radiograph(number, diseased=number < 6) for number in range(12)]
    return labelled(*members, pictures=[*pictures, change(pictures[0])])


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_copy_is_found_and_nothing_else(change: Change) -> None:
    (pair,) = alike(drawn_with(change))
    assert (pair.first, pair.second) == ("0.png", "11.png")
    assert pair.mirrored == (change in {mirrored, all_at_once})
    assert pair.across_classes
    assert not pair.same_patient
    assert LIMIT <= pair.correlation <= 1


def test_pairs_across_the_classes_come_first() -> None:
    pictures = [texture(number) for number in range(6)]
    copies = [pictures[0], mirrored(pictures[5])]
    members = [radiograph(number, diseased=number in {0, 1, 2, 6}) for number in range(7)]
    assert [p.across_classes for p in alike(labelled(*members, pictures=[*pictures, copies[0]]))] == [False]
    more = [*members, radiograph(7, diseased=True)]
    found = alike(labelled(*more, pictures=[*pictures, *copies]))
    assert [(pair.first, pair.second, pair.across_classes) for pair in found] == [
        ("5.png", "7.png", True),
        ("0.png", "6.png", False),
    ]


def test_pictures_without_any_detail_are_not_alike() -> None:
    flat = np.full((224, 224), 90, np.uint8)
    members = [radiograph(number, diseased=number == 0) for number in range(3)]
    assert alike(labelled(*members, pictures=[flat, flat + 30, texture(1)])) == ()
    assert alike(labelled(members[0])) == ()


def test_the_steps_are_told_and_end_at_their_whole() -> None:
    steps: list[tuple[str, int, int]] = []

    def note(step: str, done: int, total: int) -> None:
        steps.append((step, done, total))

    alike(drawn_with(recoded), note)
    assert steps[-1] == ("look-alikes", steps[-1][2], steps[-1][2])


def test_patients_who_share_an_exposure_are_one_group_and_all_others_stay() -> None:
    a_set = drawn_with(mirrored)
    groups = joined_patients(a_set, alike(a_set))
    assert groups == (*(f"p{number}" for number in range(11)), "p0")
    assert joined_patients(a_set, ()) == a_set.patients


def test_groups_are_joined_along_chains_and_by_contents_filed_under_two_numbers() -> None:
    pictures = [texture(0), texture(1), mirrored(texture(0)), mirrored(texture(1)), texture(4)]
    members = [
        radiograph(number, diseased=False, patient=patient) for number, patient in enumerate(("d", "b", "b", "c", "e"))
    ]
    a_set = labelled(*members, pictures=pictures)
    assert joined_patients(a_set, alike(a_set)) == ("b", "b", "b", "b", "e")
    filed_twice = LabelledSet("drawn", a_set.radiographs, a_set.prepared, same_person=(("e", "a"), ("a", "c")))
    assert joined_patients(filed_twice, ()) == ("d", "b", "b", "a", "a")


@pytest.mark.real_data
def test_among_real_radiographs_no_follow_up_counts_and_every_changed_copy_does(real_data: Path) -> None:
    limits = AcceptanceLimits(min_side_pixels=300, max_pixels=64_000_000, max_aspect=2.0)
    real = read_labelled(real_data / "cxr", limits=limits)
    assert alike(real) == ()
    sources = list(range(0, 266, 10))
    copies = [CHANGES[place % len(CHANGES)](real.prepared[source, ..., 0]) for place, source in enumerate(sources)]
    members = [radiograph(number, diseased=False) for number in range(len(sources))]
    more = labelled(*members, pictures=copies)
    both = LabelledSet("both", real.radiographs + more.radiographs, np.concatenate([real.prepared, more.prepared]))
    expected = {(real.radiographs[source].file_name, f"{place}.png") for place, source in enumerate(sources)}
    assert {(pair.first, pair.second) for pair in alike(both)} == expected
