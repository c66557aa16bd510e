from __future__ import annotations

import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from cxrscreen.errors import DataSetError
from cxrscreen.training.lung_set import LEARNING_SIDE, read_lung_set
from tests.lungs.drawn_lungs import draw_lung_folder, phantom


@pytest.fixture
def folder(tmp_path: Path, different_phantoms: None) -> Path:  # noqa: ARG001  # asked for what it does
    return draw_lung_folder(tmp_path / "drawn", patients=3)


def test_radiographs_and_masks_are_read_as_pairs(folder: Path) -> None:
    masked = read_lung_set(folder)
    assert masked.patients == ("PAT-0", "PAT-1", "PAT-2")
    assert masked.licences == {"drawn": 3}
    for seed, one in enumerate(masked.radiographs):
        assert one.large.shape == one.large_mask.shape == (LEARNING_SIDE, LEARNING_SIDE)
        assert one.square.shape == one.mask.shape
        assert (one.mask != phantom(seed)[1]).mean() < 0.01


def test_names_and_order_do_not_change_the_fingerprint_but_a_mask_does(folder: Path) -> None:
    before = read_lung_set(folder).fingerprint
    table = folder / "metadata.csv"
    (folder / "radiographs/0.png").rename(folder / "radiographs/z.png")
    table.write_text(table.read_text().replace("radiographs/0.png", "radiographs/z.png"))
    assert read_lung_set(folder).fingerprint == before
    shutil.copy(folder / "masks/1.png", folder / "masks/0.png")
    assert read_lung_set(folder).fingerprint != before


def test_equal_radiographs_count_once(folder: Path) -> None:
    shutil.copy(folder / "radiographs/1.png", folder / "radiographs/2.png")
    assert len(read_lung_set(folder).radiographs) == 2


def test_patients_who_share_an_exposure_count_as_one(tmp_path: Path) -> None:
    folder, generator = tmp_path / "drawn", np.random.default_rng(2)
    lines = ["filename,mask,patient_id"]
    for name in ("radiographs", "masks"):
        (folder / name).mkdir(parents=True)
    cv2.imwrite(str(folder / "masks/all.png"), np.full((160, 160), 255, np.uint8))
    for number in range(6):
        clouds = cv2.GaussianBlur(generator.standard_normal((160, 160)), (0, 0), 3)
        cv2.imwrite(str(folder / f"radiographs/{number}.png"), np.clip(127 + 900 * clouds, 0, 255).astype(np.uint8))
    again = cv2.imread(str(folder / "radiographs/4.png"), cv2.IMREAD_GRAYSCALE)
    cv2.imwrite(str(folder / "radiographs/6.jpg"), cv2.resize(again, (150, 150)))
    files = sorted((folder / "radiographs").iterdir())
    lines += [f"radiographs/{file.name},masks/all.png,PAT-{9 - int(file.stem)}" for file in files]
    (folder / "metadata.csv").write_text("\n".join(lines))
    assert read_lung_set(folder).patients == ("PAT-9", "PAT-8", "PAT-7", "PAT-6", "PAT-3", "PAT-4", "PAT-3")


def test_progress_is_told(folder: Path) -> None:
    told: list[tuple[str, int, int]] = []
    read_lung_set(folder, lambda *step: told.append(step))
    assert told[-1] == ("reading", 3, 3)


def _no_radiographs(folder: Path) -> None:
    for file in (folder / "radiographs").iterdir():
        file.unlink()


def _no_subfolder(folder: Path) -> None:
    shutil.rmtree(folder / "radiographs")


def _no_folder(folder: Path) -> None:
    shutil.rmtree(folder)


def _no_table(folder: Path) -> None:
    (folder / "metadata.csv").unlink()


def _no_mask(folder: Path) -> None:
    (folder / "masks/1.png").unlink()


def _mask_without_content(folder: Path) -> None:
    (folder / "masks/1.png").write_bytes(b"")


def _mask_that_is_no_picture(folder: Path) -> None:
    (folder / "masks/1.png").write_bytes(b"lungs")


def _mask_of_another_shape(folder: Path) -> None:
    cv2.imwrite(str(folder / "masks/1.png"), np.zeros((128, 64), np.uint8))


def _radiograph_that_is_none(folder: Path) -> None:
    cv2.imwrite(str(folder / "radiographs/1.png"), np.zeros((128, 128), np.uint8))


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (_no_radiographs, "no files in drawn/radiographs"),
        (_no_subfolder, "drawn has no subfolder radiographs"),
        (_no_folder, "no folder drawn"),
        (_no_table, "must name patient_id and mask"),
        (_no_mask, "cannot be opened"),
        (_mask_without_content, "is empty"),
        (_mask_that_is_no_picture, "no picture"),
        (_mask_of_another_shape, "not the shape"),
        (_radiograph_that_is_none, "cannot be used"),
    ],
)
def test_a_folder_that_cannot_be_trained_on_is_told_in_words(folder: Path, damage: object, words: str) -> None:
    assert callable(damage)
    damage(folder)
    with pytest.raises(DataSetError, match=words):
        read_lung_set(folder)
