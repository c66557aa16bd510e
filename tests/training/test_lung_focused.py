"""A retraining by the recipe that looks at lungs, on phantoms and a base that costs nothing."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from cxrscreen.classifier.bundle import read_card
from cxrscreen.errors import ModelError
from cxrscreen.lungs.gate_bundle import load_gate
from cxrscreen.phantom.golden import golden_phantom
from cxrscreen.training.retraining import Retrained, Retraining, retrain
from tests.training.drawn import PATIENTS, asked, essence, site_in

pytestmark = [pytest.mark.tensorflow, pytest.mark.usefixtures("_cheap", "_no_report")]

EXPOSURES = (0.8, 1.2)


@pytest.fixture(scope="session")
def phantoms(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Radiographs of 24 phantoms, two exposures of each; those of class covid have opacities."""
    root = tmp_path_factory.mktemp("phantoms") / "labelled"
    table = "filename,patient_id\n"
    for label, first in (("covid", 0), ("normal", PATIENTS)):
        (root / label).mkdir(parents=True)
        for seed in range(first, first + PATIENTS):
            drawn = golden_phantom(seed, opacities=label == "covid") / 255
            for number, gamma in enumerate(EXPOSURES):
                name = f"{label}/{seed:02}-{number}.png"
                assert cv2.imwrite(str(root / name), np.rint(255 * drawn**gamma).astype(np.uint8))
                table += f"{name},{seed}\n"
    (root / "metadata.csv").write_text(table)
    return root


@pytest.fixture(autouse=True)
def _named_patients(monkeypatch: pytest.MonkeyPatch) -> None:
    """Phantoms of any two seeds look alike: their patients are those of the metadata."""
    from cxrscreen.training import retraining  # noqa: PLC0415  # starts TensorFlow

    monkeypatch.setattr(retraining, "joined_patients", lambda labelled, _alike: list(labelled.patients))


@pytest.fixture
def made(phantoms: Path, tmp_path: Path) -> Retrained:
    return retrain(site_in(tmp_path), asked(phantoms, recipe="lung-focused", version="lungs-see"))


def test_the_card_says_how_far_scores_may_be_trusted(made: Retrained, tmp_path: Path) -> None:
    card = made.card
    assert card == read_card(tmp_path / "models" / "lungs-see")
    assert card.recipe == "lung-focused"
    assert card.shortcuts is not None
    assert card.shortcuts.n + card.shortcuts.without_fields == card.folds.n
    assert card.shortcuts.lungs_out.low <= 0.5 <= card.shortcuts.lungs_out.high  # without lungs nothing is left to see
    assert card.calibration is not None
    assert card.calibration.n == card.folds.n
    assert card.maps is not None
    assert card.maps.least >= 1
    assert card.gate is not None
    assert card.references is not None
    assert card.references.scores.n == card.references.distances.n == card.folds.n
    assert card.segmenter_sha256 == card.gate.limits.segmenter_sha256
    assert {(one.phantom_seed, one.opacities) for one in card.golden} == {(1, False), (1, True), (2, False), (2, True)}
    assert ("This model has not been shown to use the lungs." in card.limits) != card.shortcuts.shown_to_use_lungs
    page = (tmp_path / "models" / "lungs-see" / "CARD.md").read_text()
    assert "## Does the score follow the lungs?" in page
    assert "## Uncertain band" in page


def test_the_gate_travels_with_the_weights(made: Retrained, tmp_path: Path) -> None:
    gate = load_gate(tmp_path / "models" / "lungs-see")
    assert gate is not None
    assert made.card.gate is not None
    assert gate.limits == made.card.gate.limits


def test_a_run_that_was_killed_and_goes_on_gives_the_same_model(
    phantoms: Path, made: Retrained, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    first = Retraining(site_in(other), asked(phantoms, recipe="lung-focused", version="lungs-see"))
    first.compute_feature_maps()
    first._examined.run.let_go()  # type: ignore[union-attr]  # what the end of its process would do
    again = retrain(site_in(other), asked(phantoms, recipe="lung-focused", version="lungs-see"))
    assert essence(again) == essence(made)


@pytest.mark.parametrize("chosen", [{"search": True}, {"augmentation": {"copies": 2}}])
def test_a_recipe_with_one_answer_takes_no_search_and_no_shifted_copies(
    phantoms: Path, tmp_path: Path, chosen: dict[str, object]
) -> None:
    with pytest.raises(ModelError, match="takes no search and no shifted copies"):
        Retraining(site_in(tmp_path), asked(phantoms, recipe="lung-focused", **chosen))


def test_a_set_without_lungs_cannot_be_trained_on(folder: Path, tmp_path: Path) -> None:
    from cxrscreen.errors import DataSetError  # noqa: PLC0415  # one test needs it

    with pytest.raises(DataSetError, match="no plausible lung fields"):
        retrain(site_in(tmp_path), asked(folder, recipe="lung-focused"))
