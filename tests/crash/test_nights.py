"""Screening dies at random moments, again and again, over nights of sixty files: nothing is lost, nothing doubled."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.crash.forked import ForkServer

OF_A_NIGHT = {"reported": 34, "refused": 20, "duplicate": 6}


def assert_all_accounted_for(done: dict[str, Any], deaths: int) -> None:
    print(done)  # with the seed
    assert done["died"] >= deaths
    assert done["outcomes"] == {outcome: done["nights"] * files for outcome, files in OF_A_NIGHT.items()}


def test_forty_kills_at_random_moments_lose_nothing_and_report_nothing_twice(
    helper: ForkServer, tmp_path: Path
) -> None:
    assert_all_accounted_for(helper("nights:main", "SIGKILL", 40, tmp_path), deaths=40)


def test_nor_does_a_run_that_is_asked_to_stop(helper: ForkServer, tmp_path: Path) -> None:
    assert_all_accounted_for(helper("nights:main", "SIGTERM", 12, tmp_path), deaths=12)


def test_nor_do_kills_while_files_come_from_another_file_system(
    helper: ForkServer, tmp_path: Path, in_memory: Path
) -> None:
    assert_all_accounted_for(helper("nights:main", "SIGKILL", 12, in_memory, tmp_path / "share"), deaths=12)
