"""A workspace with a past, drawn once and copied for each test."""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.upkeep.lived_in import live


@pytest.fixture(scope="session")
def past(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("past") / "workspace"
    root.mkdir()
    live(root)
    return root


@pytest.fixture
def lived_in(past: Path, tmp_path: Path) -> Path:
    root = tmp_path / "workspace"
    shutil.copytree(past, root)
    shutil.copytree(past.parent / "asked", tmp_path / "asked")
    with closing(sqlite3.connect(root / "ledger.sqlite")) as db, db:  # as if it had always been here
        db.execute("UPDATE batch SET folder = ? WHERE NOT keeps_source", (os.fsencode(root / "intake"),))
    return root
