from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from cxrscreen.errors import DataSetError
from cxrscreen.training.test_parts import TestPart as Part  # pytest would take the name for a test


@pytest.fixture
def part(tmp_path: Path) -> Part:
    part = Part(tmp_path / "test-parts", "f" * 64)
    part.set_aside(["b" * 64, "a" * 64])
    return part


def lines_of(part: Part) -> list[dict[str, object]]:
    return [json.loads(line) for line in (part.folder / f"{part.fingerprint}.jsonl").read_text().splitlines()]


def test_the_members_are_recorded_once_in_whatever_order_they_come(part: Part) -> None:
    part.set_aside(["a" * 64, "b" * 64])
    (line,) = lines_of(part)
    assert line["members"] == ["a" * 64, "b" * 64]


def test_each_model_counts_the_looks_of_the_others_before_it(part: Part) -> None:
    assert [part.look("v1"), part.look("v2"), part.look("v3")] == [0, 1, 2]


def test_a_model_that_was_killed_and_started_again_looks_once(part: Part) -> None:
    part.look("v1")
    assert part.look("v1") == 0
    assert part.look("v2") == 1
    assert [line["kind"] for line in lines_of(part)] == ["set aside", "look", "look"]


def test_another_data_set_has_a_count_of_its_own(part: Part) -> None:
    part.look("v1")
    assert Part(part.folder, "0" * 64).look("v2") == 0


def test_a_part_drawn_anew_keeps_the_former_one_and_its_looks_on_record(
    part: Part, caplog: pytest.LogCaptureFixture
) -> None:
    part.look("v1")
    before = lines_of(part)
    part.set_aside(["a" * 64, "c" * 64])
    assert lines_of(part)[: len(before)] == before
    assert "another one than before" in caplog.text
    assert part.look("v2") == 1


def test_two_retrainings_that_look_at_once_are_both_counted(part: Part) -> None:
    with ThreadPoolExecutor(8) as threads:
        looks = list(threads.map(part.look, [f"v{number}" for number in range(24)]))
    assert sorted(looks) == list(range(24))


def test_a_damaged_record_is_not_taken_for_an_unseen_test_part(part: Part) -> None:
    part.look("v1")
    file = part.folder / f"{part.fingerprint}.jsonl"
    file.write_text(file.read_text()[:-9])
    with pytest.raises(DataSetError, match="how often that part has been looked at"):
        part.look("v2")
