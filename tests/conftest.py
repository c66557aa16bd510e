"""Fixtures of the whole suite."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

PROJECT = Path(__file__).resolve().parents[1]

settings.register_profile("suite", deadline=None)  # time is measured in tests/benchmarks, on a machine that is ours
settings.load_profile("suite")


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Real radiographs that are no part of the project; without them the tests that need them are skipped."""
    folder = Path(os.environ.get("CXRSCREEN_REAL_DATA", PROJECT.parent / "shared"))
    if not (folder / "cxr").is_dir():
        pytest.skip("no real radiographs: set CXRSCREEN_REAL_DATA to the folder that holds cxr/")
    return folder


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the settings of the person who runs the tests out of them."""
    for name in list(os.environ):
        if name.startswith("CXRSCREEN_") and name != "CXRSCREEN_REAL_DATA":
            monkeypatch.delenv(name)
