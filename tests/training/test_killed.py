"""A retraining is a long night's work: whatever kills it, the next start goes on, and ends at the same numbers."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cxrscreen.classifier.bundle import read_card, read_weights
from tests.training.killed_run import AFTER_SAVING, AFTER_SETTLING, AFTER_THE_LOOK, TO_THE_END

pytestmark = pytest.mark.tensorflow

PROJECT = Path(__file__).resolve().parents[2]


def starts(folder: Path, *of: tuple[Path, str]) -> list[dict[str, Any]]:
    steps = [f"{site}={step}" for site, step in of]
    command = [sys.executable, "-m", "tests.training.killed_run", str(folder), *steps]
    environment = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"}
    run = subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    return [json.loads(line) for line in run.stdout.splitlines()]


def looks_in(root: Path) -> list[str]:
    (record,) = (root / "retraining" / "test-parts").glob("*.jsonl")
    lines = [json.loads(line) for line in record.read_text().splitlines()]
    return [line["version"] for line in lines if line["kind"] == "look"]


def assert_the_same_model(one: Path, other: Path) -> None:
    assert (one / "making.json").read_bytes() == (other / "making.json").read_bytes()
    assert (one / "weights.npz").read_bytes() == (other / "weights.npz").read_bytes()
    assert (one / "shifts.json").read_bytes() == (other / "shifts.json").read_bytes()
    moment = {"created_at", "version"}
    assert read_card(one).model_dump(exclude=moment) == read_card(other).model_dump(exclude=moment)
    assert np.array_equal(read_weights(one)[2]["hidden1/kernel"], read_weights(other)[2]["hidden1/kernel"])


def test_a_retraining_killed_again_and_again_goes_on_and_ends_as_one_that_was_not(folder: Path, tmp_path: Path) -> None:
    """In its last step a kill must cost no second version and no second look at the test part."""
    harmed, whole = tmp_path / "harmed", tmp_path / "whole"
    steps = ("feature maps, shifted copies 32", "coarse 3", AFTER_THE_LOOK, AFTER_SAVING, AFTER_SETTLING, TO_THE_END)
    *killed, end, uninterrupted = starts(folder, *((harmed, step) for step in steps), (whole, TO_THE_END))
    assert uninterrupted["points"] == 6 - 1  # one of the fine points has the settings of a coarse one
    assert [start["killed by"] for start in killed] == 5 * [signal.SIGKILL]
    among_the_maps, in_the_search, looked, saved, settled = (start["site"] for start in killed)
    assert among_the_maps["maps"] >= 32
    assert (among_the_maps["points"], among_the_maps["models"]) == (0, 0)
    assert (in_the_search["points"], in_the_search["models"]) == (3, 0)
    assert (looked["points"], looked["models"]) == (5, 0)
    assert (saved["models"], saved["runs"]) == (settled["models"], settled["runs"]) == (1, 1)

    assert (end["maps"], end["points"], end["looks"]) == (0, 0, 0)
    assert (end["site"]["models"], end["site"]["runs"]) == (1, 0)
    assert looks_in(harmed) == [end["version"]]
    (model,), (unharmed,) = ((root / "models").iterdir() for root in (harmed, whole))
    assert_the_same_model(model, unharmed)
