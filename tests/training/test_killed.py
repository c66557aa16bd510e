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

pytestmark = pytest.mark.tensorflow

PROJECT = Path(__file__).resolve().parents[2]


def run(folder: Path, root: Path, *killed_at: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.training.killed_run", str(folder), str(root), *killed_at]
    environment = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"}
    return subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True, check=False)


def finished(run: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout.splitlines()[-1])  # type: ignore[no-any-return]  # as the run prints it


def test_a_retraining_killed_twice_goes_on_and_ends_as_one_that_was_not(folder: Path, tmp_path: Path) -> None:
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    uninterrupted = finished(run(folder, whole))
    assert uninterrupted["points"] == 6 - 1  # one of the fine points has the settings of a coarse one

    among_the_maps = run(folder, killed, "feature maps, shifted copies", "32")
    assert among_the_maps.returncode == -signal.SIGKILL
    maps_before = len([file for file in (killed / "feature-maps").rglob("*") if file.is_file()])
    assert not list((killed / "retraining").glob("*/[!r]*.json"))

    in_the_search = run(folder, killed, "coarse", "3")
    assert in_the_search.returncode == -signal.SIGKILL
    assert len(list((killed / "retraining").glob("*/[!r]*.json"))) == 3
    assert not list((killed / "models").iterdir())

    resumed = finished(run(folder, killed))
    assert resumed["maps"] == 0
    assert resumed["points"] == uninterrupted["points"] - 3
    assert maps_before >= 32

    one, other = (root / "models" / made["version"] for root, made in ((killed, resumed), (whole, uninterrupted)))
    assert (one / "making.json").read_bytes() == (other / "making.json").read_bytes()
    assert (one / "weights.npz").read_bytes() == (other / "weights.npz").read_bytes()
    assert (one / "shifts.json").read_bytes() == (other / "shifts.json").read_bytes()
    moment = {"created_at", "version"}
    assert read_card(one).model_dump(exclude=moment) == read_card(other).model_dump(exclude=moment)
    assert np.array_equal(read_weights(one)[2]["hidden1/kernel"], read_weights(other)[2]["hidden1/kernel"])
