"""A screening needs no network, and asks for none."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import cv2
import pytest

from cxrscreen.phantom.golden import golden_phantom
from tests.outward import attempts, can_be_cut_off, cut_off, overheard


@pytest.fixture(autouse=True)
def _cut_off() -> None:
    if not can_be_cut_off():
        pytest.skip("needs Linux and the right to make a network namespace")


@pytest.mark.tensorflow
def test_the_shipped_model_screens_where_there_is_no_network_and_nothing_tries_to_reach_one(tmp_path: Path) -> None:
    intake = tmp_path / "w" / "intake"
    intake.mkdir(parents=True)
    assert cv2.imwrite(str(intake / "a.png"), golden_phantom(1, opacities=False))
    command = [sys.executable, "-m", "cxrscreen.cli", "screen", "--workspace", str(tmp_path / "w"), "--json"]
    environment = overheard(tmp_path) | {"CXRSCREEN_SETTLE_SECONDS": "0"}
    done = subprocess.run(cut_off(command), env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["reported"] == 1
    assert attempts(tmp_path) == []


def test_a_process_that_tries_to_reach_a_network_fails_and_is_overheard(tmp_path: Path) -> None:
    script = "import urllib.request; urllib.request.urlopen('http://192.0.2.1/model.npz', timeout=5)"  # RFC 5737
    done = subprocess.run(
        cut_off([sys.executable, "-c", script]), env=overheard(tmp_path), capture_output=True, text=True, check=False
    )
    assert done.returncode != 0
    assert any("192.0.2.1" in line for line in attempts(tmp_path))
