from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cxrscreen.errors import ModelError
from cxrscreen.lungs.bundle import SHIPPED_LUNGS, pack_arrays, read_lung_card, read_segmenter, save_segmenter
from cxrscreen.lungs.card import patient_mark, render_card
from tests.lungs.cards import lung_card

ARRAYS = {"outline/kernel": np.array([[[[0.25]], [[-3.0]]]], np.float32), "outline/bias": np.array([1.5], np.float32)}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    weights = pack_arrays(ARRAYS)
    return save_segmenter(tmp_path / "lungs", lung_card(weights), weights)


def test_what_was_saved_is_read_again(folder: Path) -> None:
    card, arrays = read_segmenter(folder)
    assert card == lung_card(pack_arrays(ARRAYS))
    assert {name: array.tolist() for name, array in arrays.items()} == {
        name: array.tolist() for name, array in ARRAYS.items()
    }
    assert (folder / "CARD.md").read_text() == render_card(card)


def test_the_card_knows_its_patients_by_their_number_and_names_none(folder: Path) -> None:
    card = read_lung_card(folder)
    assert card.learnt(["P1"]) is None
    assert "not recorded which patients" in render_card(card)
    marks = tuple(patient_mark(patient, card.data_set.fingerprint) for patient in ("P1", "P2"))
    card = card.model_copy(update={"learnt_from": marks})
    assert card.learnt(["P2", "P3", "P1"]) == [True, False, True]
    assert "learnt from 2 patients" in render_card(card)
    assert "P1" not in render_card(card) + card.model_dump_json()
    assert patient_mark("P1", "0" * 64) != patient_mark("P1", "1" * 64)


def test_weights_with_one_changed_byte_are_not_used(folder: Path) -> None:
    weights = bytearray((folder / "weights.npz").read_bytes())
    weights[-1] ^= 1
    (folder / "weights.npz").write_bytes(weights)
    with pytest.raises(ModelError, match=r"SHA-256 is not the card's\. Restore the folder"):
        read_segmenter(folder)


@pytest.mark.parametrize(("name", "words"), [("card.json", "There is no lung segmenter"), ("weights.npz", "be read")])
def test_a_missing_file_is_told_in_words(folder: Path, name: str, words: str) -> None:
    (folder / name).unlink()
    with pytest.raises(ModelError, match=words):
        read_segmenter(folder)


def test_a_damaged_card_is_told_in_words(folder: Path) -> None:
    (folder / "card.json").write_text("{}")
    with pytest.raises(ModelError, match="damaged or of another format"):
        read_lung_card(folder)


def test_a_version_is_never_overwritten(folder: Path) -> None:
    weights = pack_arrays(ARRAYS)
    with pytest.raises(ModelError, match="never overwritten"):
        save_segmenter(folder.parent, lung_card(weights), weights)


def test_a_card_of_other_weights_is_not_saved(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="does not belong to these weights"):
        save_segmenter(tmp_path, lung_card(b"other"), pack_arrays(ARRAYS))


def test_weights_beyond_half_precision_are_not_packed() -> None:
    with pytest.raises(ModelError, match="half precision"):
        pack_arrays({"outline/bias": np.array([1e6], np.float32)})


def test_the_shipped_segmenter_is_small_and_its_card_is_readable() -> None:
    card, arrays = read_segmenter(SHIPPED_LUNGS)
    assert sum(file.stat().st_size for file in SHIPPED_LUNGS.iterdir()) < 1_000_000
    assert card.parameters == sum(array.size for array in arrays.values())
    assert {array.dtype for array in arrays.values()} == {np.dtype(np.float16)}
    assert (SHIPPED_LUNGS / "CARD.md").read_text() == render_card(card)


def test_the_shipped_segmenter_reaches_what_was_asked_for() -> None:
    card = read_lung_card(SHIPPED_LUNGS)
    assert card.test.mean.value >= 0.945
    assert card.folds.mean.value >= 0.945
    assert card.milliseconds < 15
