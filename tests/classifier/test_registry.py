from __future__ import annotations

import logging
import subprocess
import sys
from pathlib import Path

import pytest

from cxrscreen.classifier.bundle import digest, save_bundle
from cxrscreen.classifier.card import GoldenScore
from cxrscreen.classifier.registry import SHIPPED_VERSION, Registry
from cxrscreen.errors import ModelError
from tests.classifier.random_model import card_for

WEIGHTS = b"cards are read without looking at the weights"


def put(models: Path, *versions: str) -> Path:
    for version in versions:
        save_bundle(models, card_for(version, digest(WEIGHTS)), WEIGHTS)
    return models


def test_cards_of_all_folders_are_listed_by_version(tmp_path: Path) -> None:
    registry = Registry([put(tmp_path / "a", "v3", "v1"), put(tmp_path / "b", "v2"), tmp_path / "nowhere"])
    assert [card.version for card in registry.cards()] == ["v1", "v2", "v3"]
    assert registry.card_of("v2").version == "v2"


def test_an_earlier_folder_outranks_a_later_one(tmp_path: Path) -> None:
    registry = Registry([put(tmp_path / "a", "v1"), put(tmp_path / "b", "v1")])
    assert registry.folder_of("v1") == tmp_path / "a" / "v1"
    assert len(registry.cards()) == 1


def test_a_half_written_version_is_not_listed(tmp_path: Path) -> None:
    put(tmp_path, "v1")
    partial = (tmp_path / "v1").rename(tmp_path / ".partial-abc")
    (tmp_path / "v2").mkdir()
    (tmp_path / "v2" / "weights.npz").write_bytes(b"")
    assert partial.is_dir()
    assert Registry([tmp_path]).cards() == []
    with pytest.raises(ModelError, match="Known versions: none"):
        Registry([tmp_path]).folder_of("v2")


def test_a_damaged_card_is_logged_and_hides_no_other(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    put(tmp_path, "v1", "v2")
    (tmp_path / "v1" / "card.json").write_text("{")
    with caplog.at_level(logging.WARNING):
        assert [card.version for card in Registry([tmp_path]).cards()] == ["v2"]
    assert "v1 is damaged" in caplog.text
    with pytest.raises(ModelError, match="damaged"):
        Registry([tmp_path]).card_of("v1")


def test_a_renamed_folder_does_not_pass_for_another_version(tmp_path: Path) -> None:
    (put(tmp_path, "v1") / "v1").rename(tmp_path / "v9")
    with pytest.raises(ModelError, match="holds the model v1"):
        Registry([tmp_path]).card_of("v9")


def test_the_champion_is_named_by_the_first_folder_that_names_one(tmp_path: Path) -> None:
    put(tmp_path / "a", "v1")
    put(tmp_path / "b", "v2", "v3")
    put(tmp_path / "c", "v4")
    (tmp_path / "b" / "champion").write_text("v3\n")
    (tmp_path / "c" / "champion").write_text("v4\n")
    registry = Registry([tmp_path / "a", tmp_path / "b", tmp_path / "c"])
    assert registry.champion() == "v3"
    assert registry.card_of("champion").version == "v3"


def test_without_any_champion_file_the_shipped_version_is_meant(tmp_path: Path) -> None:
    assert Registry([tmp_path]).champion() == SHIPPED_VERSION


def test_a_champion_that_is_gone_is_an_error_and_no_other_model_steps_in(tmp_path: Path) -> None:
    put(tmp_path, "v1")
    (tmp_path / "champion").write_text("v2")
    with pytest.raises(ModelError, match=r"no model 'v2'\. Known versions: v1"):
        Registry([tmp_path]).folder_of("champion")


@pytest.mark.parametrize("written", ["", "../../etc", "a b"])
def test_a_champion_file_that_names_no_version_is_refused(tmp_path: Path, written: str) -> None:
    (tmp_path / "champion").write_text(written)
    with pytest.raises(ModelError, match="version is 1 to 64"):
        Registry([tmp_path]).champion()


def test_a_version_cannot_leave_the_folder(tmp_path: Path) -> None:
    put(tmp_path / "secret", "v1")
    with pytest.raises(ModelError, match="version is 1 to 64"):
        Registry([tmp_path / "models"]).folder_of("../secret/v1")


def test_reading_cards_does_not_start_tensorflow() -> None:
    program = (
        "import sys; from cxrscreen.classifier.registry import *; from cxrscreen.classifier.contract import *; "
        "import cxrscreen.training.train; Registry([SHIPPED_MODELS]).cards(); "
        "sys.exit(bool({'tensorflow', 'keras'} & set(sys.modules)))"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_drift_of_a_golden_score_shows_where_scores_are_near_zero() -> None:
    golden = GoldenScore(phantom_seed=1, opacities=False, score=0.00004)
    assert golden.drift(0.00004) == 0
    assert golden.drift(0.0000401) < 0.01
    assert golden.drift(0.0) > 5
    assert golden.drift(0.0002) > 1
