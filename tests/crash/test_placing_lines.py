"""A file is never lost and never in two places, whatever line the run dies at, and with two runs at once.

Here at every sixteenth line, from a random one on; at every line in ``python -m tests.benchmarks.kills``.
"""

from __future__ import annotations

from pathlib import Path

from tests.crash.forked import ForkServer

STRIDE, ROUNDS = 16, 6


def test_wherever_placing_dies_the_next_run_finishes_it(helper: ForkServer, in_memory: Path) -> None:
    done = helper("placing_lines:die", in_memory / "w", in_memory / "w" / "intake", STRIDE)
    print(done)
    assert done["lines"] > 200
    assert done["in_two_places"] == 0


def test_so_it_does_across_file_systems_where_a_copy_is_made_first(
    helper: ForkServer, tmp_path: Path, in_memory: Path
) -> None:
    done = helper("placing_lines:die", in_memory / "w", tmp_path / "intake", STRIDE)
    print(done)
    assert done["lines"] > 200
    assert done["in_two_places"] > 0


def test_two_runs_that_place_the_same_leftovers_take_nothing_from_each_other(
    helper: ForkServer, in_memory: Path
) -> None:
    assert helper("placing_lines:race", in_memory / "w", in_memory / "w" / "intake", ROUNDS)["races"] == ROUNDS


def test_nor_do_they_across_file_systems(helper: ForkServer, tmp_path: Path, in_memory: Path) -> None:
    assert helper("placing_lines:race", in_memory / "w", tmp_path / "intake", ROUNDS)["races"] == ROUNDS
