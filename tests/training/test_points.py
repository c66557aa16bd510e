from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cxrscreen.classifier.making import GridPoint
from cxrscreen.classifier.recipe import recipe_named
from cxrscreen.errors import WorkspaceError
from cxrscreen.training import points
from cxrscreen.training.development import Development
from cxrscreen.training.points import PointStore, circumstances_of

RECIPE = recipe_named("standard")
POINT = GridPoint(
    stage="coarse",
    learning_rate=0.1,
    batch_size=5,
    optimizer="Adam",
    epochs=3,
    fold_auc=(0.9123456789012345, 0.5),
    fold_accuracy=(0.75, 0.5),
)


@pytest.fixture
def store(tmp_path: Path) -> PointStore:
    store = PointStore(tmp_path / "run", "circumstances")
    store.keep(RECIPE, POINT)
    return store


def the_file(store: PointStore) -> Path:
    (file,) = store.folder.iterdir()
    return file


def test_a_finished_point_is_found_again_to_the_last_bit(store: PointStore) -> None:
    assert PointStore(store.folder, "circumstances").found(RECIPE, stage="coarse") == POINT


def test_the_same_settings_in_another_stage_are_not_computed_twice(store: PointStore) -> None:
    found = store.found(RECIPE, stage="fine")
    assert found == POINT.model_copy(update={"stage": "fine"})


def test_a_point_of_other_settings_or_circumstances_is_not_found(store: PointStore) -> None:
    assert store.found(replace(RECIPE, epochs=5), stage="coarse") is None
    assert store.found(replace(RECIPE, pooled_cells=4), stage="coarse") is None
    assert PointStore(store.folder, "another seed").found(RECIPE, stage="coarse") is None


@pytest.mark.parametrize("damage", ["truncated", "digit changed", "empty", "no text"])
def test_a_damaged_point_is_noticed_and_can_be_made_anew(
    store: PointStore, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    file = the_file(store)
    whole = file.read_bytes()
    damaged = {
        "truncated": whole[:-10],
        "digit changed": whole.replace(b"0.75", b"0.95"),
        "empty": b"",
        "no text": b"\xff" * 80,
    }[damage]
    assert damaged != whole
    file.write_bytes(damaged)
    assert store.found(RECIPE, stage="coarse") is None
    assert caplog.text.count("damaged") == 1
    store.keep(RECIPE, POINT)
    assert store.found(RECIPE, stage="coarse") == POINT


def test_a_point_that_cannot_be_kept_is_told_in_words(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("in the way")
    with pytest.raises(WorkspaceError, match="cannot be kept"):
        PointStore(tmp_path / "run", "circumstances").keep(RECIPE, POINT)


FOLDS = ((np.array([0, 1]), np.array([2])), (np.array([1, 2]), np.array([0])))
DEVELOPMENT = Development(
    pooled=np.ones((3, 2), dtype=np.float32),
    shifted=np.ones((3, 1, 2), dtype=np.float32),
    diseased=np.array([True, False, True]),
    folds=FOLDS,
)


@pytest.mark.parametrize(
    "moved",
    [
        {"pooled": np.full((3, 2), np.nextafter(np.float32(1), np.float32(2)))},
        {"shifted": None},
        {"shifted": np.zeros((3, 1, 2), dtype=np.float32)},
        {"diseased": np.array([True, True, False])},
        {"folds": FOLDS[::-1]},
    ],
    ids=lambda moved: next(iter(moved)),
)
def test_whatever_is_fitted_on_tells_points_apart(moved: dict[str, Any]) -> None:
    """Not the files: with another decoder the same files are other pixels."""
    known = circumstances_of(DEVELOPMENT, seed=1)
    assert circumstances_of(replace(DEVELOPMENT), seed=1) == known
    assert circumstances_of(replace(DEVELOPMENT, **moved), seed=1) != known


def test_seed_and_versions_tell_points_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    known = circumstances_of(DEVELOPMENT, seed=1)
    assert circumstances_of(DEVELOPMENT, seed=2) != known
    assert {"cxrscreen", "pydicom", "python-gdcm", "opencv-python"} <= set(points.library_versions())
    monkeypatch.setattr(points, "library_versions", lambda: {"pydicom": "another"})
    assert circumstances_of(DEVELOPMENT, seed=1) != known
