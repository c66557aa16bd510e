from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from cxrscreen.classifier.base_weights import BaseWeights
from cxrscreen.classifier.bundle import read_weights
from cxrscreen.classifier.card import ModelCard
from cxrscreen.classifier.registry import Registry
from cxrscreen.errors import DataSetError, ModelError
from cxrscreen.radiograph.acceptance import AcceptanceLimits
from cxrscreen.training.train import train
from cxrscreen.types import FeatureMaps, PreparedBatch
from tests.classifier.random_model import random_base

pytestmark = pytest.mark.tensorflow

LIMITS = AcceptanceLimits(min_side_pixels=300, max_pixels=64_000_000, max_aspect=2.0)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten patients of each class, one radiograph each; COVID-19 is brighter below."""
    root = tmp_path_factory.mktemp("labelled")
    for label in ("covid", "normal"):
        (root / label).mkdir()
        for number in range(10):
            coarse = np.random.default_rng(100 * number + len(label)).integers(40, 160, size=(6, 6))
            coarse[3:] += 80 * (label == "covid")
            picture = cv2.resize(coarse.astype(np.uint8), (320, 320))
            assert cv2.imwrite(str(root / label / f"{number:02}.png"), picture)
    return root


@pytest.fixture(scope="module")
def base() -> BaseWeights:
    return random_base(0)


@pytest.fixture
def cheap_base(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put block averages of the picture in the place of VGG16's maps; an unrounded base sees a little more."""
    from cxrscreen.training import fit  # noqa: PLC0415  # starts TensorFlow

    def feature_maps_of(prepared: PreparedBatch, base: BaseWeights, **_: object) -> FeatureMaps:
        blocks = prepared[..., 0].reshape(len(prepared), 7, 32, 7, 32).mean(axis=(2, 4)) / 255
        more = 0.0 if base.sha256 == base.rounded().sha256 else 0.5
        return np.repeat(blocks[..., None] + more, 512, axis=-1).astype(np.float32)

    monkeypatch.setattr(fit, "feature_maps_of", feature_maps_of)


def run(folder: Path, base: BaseWeights, into: Path, *, seed: int = 1, limits: AcceptanceLimits = LIMITS) -> ModelCard:
    return train(folder, recipe="standard", seed=seed, version="v1", base=base, limits=limits, into=into)


def test_a_second_run_gives_the_same_model_to_the_last_bit(folder: Path, base: BaseWeights, tmp_path: Path) -> None:
    first = run(folder, base.rounded(), tmp_path / "a")
    second = run(folder, base.rounded(), tmp_path / "b")
    assert first.model_copy(update={"created_at": second.created_at}) == second
    assert Registry([tmp_path / "a"]).card_of("v1") == first
    assert first.largest_change_by_rounding < 1e-4
    assert {golden.opacities for golden in first.golden} == {True, False}


@pytest.mark.usefixtures("cheap_base")
def test_the_card_counts_what_was_trained_on_and_the_bundle_holds_it(
    folder: Path, base: BaseWeights, tmp_path: Path
) -> None:
    steps: list[tuple[str, int, int]] = []

    def note(step: str, done: int, total: int) -> None:
        steps.append((step, done, total))

    rounded = base.rounded()
    card = train(
        folder,
        recipe="study-2020",
        seed=3,
        version="v1",
        base=rounded,
        limits=LIMITS,
        into=tmp_path,
        progress=note,
    )
    assert (card.data_set.n, card.data_set.positives, card.data_set.patients) == (20, 10, 20)
    assert card.folds.n + card.test.n == 20
    assert card.recipe == "study-2020"
    assert card.hyperparameters["pooled_cells"] == "4x4"
    assert card.base_weights_sha256 == rounded.sha256
    assert card.folds.name == "5-fold cross-validation by patient (threshold chosen here)"
    assert card.operating_point.sensitivity == card.folds.sensitivity.value >= 0.95
    assert card.operating_point.specificity == card.folds.specificity.value
    assert ("reading", 20, 20) in steps
    assert ("folds", 5, 5) in steps
    assert str(tmp_path) not in card.model_dump_json()
    assert str(folder.parent) not in card.model_dump_json()
    found_card, found_base, head = read_weights(tmp_path / "v1")
    assert found_card == card
    assert head["hidden1/kernel"].shape == (512, 64)
    assert np.allclose(found_base.arrays["block5_conv3/kernel"], rounded.arrays["block5_conv3/kernel"], atol=1e-6)


@pytest.mark.usefixtures("cheap_base")
def test_a_base_that_rounding_changes_too_much_gives_no_model(folder: Path, base: BaseWeights, tmp_path: Path) -> None:
    grown = {name: array * np.float32(1.2345) for name, array in base.arrays.items()}
    unrounded = BaseWeights.checked(grown, origin="Random numbers.")
    with pytest.raises(ModelError, match="moves a score by"):
        run(folder, unrounded, tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_taken_version_is_refused_before_any_work(folder: Path, base: BaseWeights, tmp_path: Path) -> None:
    (tmp_path / "v1").mkdir()
    with pytest.raises(ModelError, match="never overwritten"):
        run(folder / "nowhere", base, tmp_path)


def test_the_limits_of_the_site_decide_what_is_trained_on(
    folder: Path, base: BaseWeights, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    mixed = tmp_path / "mixed"
    shutil.copytree(folder, mixed)
    for file in sorted((mixed / "covid").iterdir())[:2]:
        assert cv2.imwrite(str(file), np.resize(cv2.imread(str(file)), (900, 320, 3)))
    shutil.copy(mixed / "normal" / "00.png", mixed / "normal" / "zz.png")
    with pytest.raises(DataSetError, match="8 patients are labelled COVID-19"):
        run(mixed, base, tmp_path / "models")
    assert "left out: 1 copy, 2 not-one-radiograph" in caplog.text
    caplog.clear()
    with pytest.raises(DataSetError, match="no usable radiograph"):
        run(folder, base, tmp_path / "models", limits=replace(LIMITS, min_side_pixels=321))


def test_too_few_patients_are_refused_before_any_work(folder: Path, base: BaseWeights, tmp_path: Path) -> None:
    table = "filename,patient_id\n" + "".join(f"covid/{number:02}.png,p{number % 3}\n" for number in range(10))
    few = tmp_path / "few"
    few.mkdir()
    for label in ("covid", "normal"):
        (few / label).symlink_to(folder / label)
    (few / "metadata.csv").write_text(table)
    with pytest.raises(DataSetError, match="3 patients are labelled COVID-19"):
        run(few, base, tmp_path / "models")
