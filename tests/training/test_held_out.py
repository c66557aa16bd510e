from __future__ import annotations

import json
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from cxrscreen.classifier.bundle import save_bundle
from cxrscreen.classifier.registry import SHIPPED_MODELS, SHIPPED_VERSION, Registry
from cxrscreen.errors import DataSetError, WorkspaceError
from cxrscreen.labelled.labelled_set import LabelledRadiograph, LabelledSet
from cxrscreen.labelled.splits import split_by_patient
from cxrscreen.training.held_out import HeldOut, scored_on, split_around
from tests.classifier.random_model import MAKING, random_base, random_bundle

MEMBERS = ["a" * 64, "b" * 64]


@pytest.fixture
def part(tmp_path: Path) -> HeldOut:
    part = HeldOut(tmp_path / "test-parts", "f" * 64)
    part.set_aside(MEMBERS[::-1])
    return part


def lines_of(part: HeldOut) -> list[dict[str, object]]:
    return [json.loads(line) for line in (part.folder / f"{part.fingerprint}.jsonl").read_text().splitlines()]


def test_the_members_are_recorded_once_in_whatever_order_they_come(part: HeldOut) -> None:
    part.set_aside(["a" * 64, "b" * 64])
    (line,) = lines_of(part)
    assert line["members"] == ["a" * 64, "b" * 64]


def test_each_model_counts_the_looks_of_the_others_before_it(part: HeldOut) -> None:
    assert [part.look(version, MEMBERS) for version in ("v1", "v2", "v3")] == [0, 1, 2]


def test_a_model_that_was_killed_and_started_again_looks_once(part: HeldOut) -> None:
    part.look("v1", MEMBERS)
    assert part.look("v1", MEMBERS) == 0
    assert part.look("v2", MEMBERS) == 1
    assert [line["kind"] for line in lines_of(part)] == ["set aside", "look", "look"]


def test_looks_at_another_data_set_count_where_it_shares_a_radiograph(part: HeldOut) -> None:
    part.look("v1", MEMBERS)
    other = HeldOut(part.folder, "0" * 64)
    assert other.look("v2", ["c" * 64]) == 0
    assert other.look("v3", ["b" * 64, "c" * 64]) == 2


def test_models_that_are_known_from_elsewhere_count_once_and_the_one_that_is_being_made_does_not(part: HeldOut) -> None:
    part.look("v1", MEMBERS)
    assert part.look("v2", MEMBERS, scored=frozenset({"v1", "v2", "shipped"})) == 2


def test_a_part_drawn_anew_keeps_the_former_one_on_record_and_counts_looks_at_what_both_share(part: HeldOut) -> None:
    part.look("v1", MEMBERS)
    before = lines_of(part)
    part.set_aside(["b" * 64, "c" * 64])
    assert lines_of(part)[: len(before)] == before
    assert part.look("v2", ["b" * 64, "c" * 64]) == 1
    assert part.look("v3", ["c" * 64]) == 1


def test_two_retrainings_that_look_at_once_are_both_counted(part: HeldOut) -> None:
    with ThreadPoolExecutor(8) as threads:
        looks = list(threads.map(lambda version: part.look(version, MEMBERS), [f"v{number}" for number in range(24)]))
    assert sorted(looks) == list(range(24))


def test_a_record_that_cannot_be_begun_is_told_in_words(tmp_path: Path) -> None:
    (tmp_path / "test-parts").write_text("in the way")
    with pytest.raises(WorkspaceError, match="cannot be used"):
        HeldOut(tmp_path / "test-parts", "f" * 64).look("v1", MEMBERS)


def test_a_damaged_record_is_not_taken_for_an_unseen_test_part(part: HeldOut) -> None:
    part.look("v1", MEMBERS)
    file = part.folder / f"{part.fingerprint}.jsonl"
    file.write_text(file.read_text()[:-9])
    with pytest.raises(DataSetError, match="how often that part has been looked at"):
        part.look("v2", MEMBERS)


def test_models_that_were_scored_on_a_radiograph_of_the_part_are_known_by_their_making(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    base = random_base(0)
    for version, test in (("overlaps", ("b" * 64, "c" * 64)), ("does-not", ("c" * 64,)), ("damaged", ())):
        making = MAKING.model_copy(update={"test": test}).model_dump_json().encode()
        save_bundle(tmp_path, *random_bundle(version, base), {"making.json": making if test else b"{"})
    assert scored_on(MEMBERS, Registry((tmp_path,))) == {"overlaps", "damaged"}
    assert "The record of how damaged was made is damaged" in caplog.text


def test_the_shipped_model_was_scored_on_what_it_set_aside() -> None:
    making = json.loads((SHIPPED_MODELS / SHIPPED_VERSION / "making.json").read_text())
    registry = Registry((SHIPPED_MODELS,))
    assert scored_on(making["test"][:1], registry) == {SHIPPED_VERSION}
    assert scored_on(making["development"], registry) == set()


PATIENTS = tuple(f"{number // 2:02}" for number in range(80))  # two radiographs each


def labelled_set() -> LabelledSet:
    radiographs = tuple(
        LabelledRadiograph(
            file_name=f"{number}.png",
            sha256=f"{number:064}",
            diseased=number % 4 < 2,
            patient=patient,
            rows=320,
            columns=320,
        )
        for number, patient in enumerate(PATIENTS)
    )
    return LabelledSet("set", radiographs, np.empty((80, 224, 224, 3), dtype=np.uint8))


def hashes(positions: Iterable[int]) -> list[str]:
    return [f"{position:064}" for position in positions]


def test_without_a_record_the_test_part_is_drawn(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    labelled = labelled_set()
    drawn = split_around(HeldOut(tmp_path, labelled.fingerprint), labelled, PATIENTS, seed=3)
    assert drawn.test.tolist() == split_by_patient(PATIENTS, labelled.diseased, seed=3).test.tolist()
    assert not caplog.records


def test_a_recorded_test_part_stays_whatever_would_be_drawn_by_now(tmp_path: Path) -> None:
    labelled, recorded = labelled_set(), list(range(20, 36))
    held_out = HeldOut(tmp_path, labelled.fingerprint)
    held_out.set_aside(hashes(recorded))
    split = split_around(held_out, labelled, PATIENTS, seed=3)
    assert split.test.tolist() == recorded
    assert split.development.tolist() == [*range(20), *range(36, 80)]
    shared_out = sorted(position for _, validation in split.folds for position in validation.tolist())
    assert shared_out == split.development.tolist()
    for train, validation in split.folds:
        assert not {PATIENTS[i] for i in train} & {PATIENTS[i] for i in validation}
        assert not {*train.tolist(), *validation.tolist()} & set(recorded)


@pytest.mark.parametrize(
    ("recorded", "why"),
    [
        (hashes(range(21, 36)), "some of its patients have other radiographs outside it"),
        (hashes([20, 21, 24, 25]), "it lacks one of the classes"),
        (["e" * 64, *hashes(range(20, 36))], "some of its radiographs are gone"),
    ],
)
def test_a_recorded_test_part_that_cannot_stay_is_drawn_anew_and_that_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, recorded: list[str], why: str
) -> None:
    labelled = labelled_set()
    held_out = HeldOut(tmp_path, labelled.fingerprint)
    held_out.set_aside(recorded)
    split = split_around(held_out, labelled, PATIENTS, seed=3)
    assert split.test.tolist() == split_by_patient(PATIENTS, labelled.diseased, seed=3).test.tolist()
    assert why in caplog.text
