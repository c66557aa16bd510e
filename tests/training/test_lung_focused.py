"""A retraining by the recipe that looks at lungs, on phantoms and a base that costs nothing."""

from __future__ import annotations

import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from cxrscreen.classifier.base_weights import BaseWeights
from cxrscreen.classifier.bundle import digest, read_card
from cxrscreen.errors import ModelError
from cxrscreen.evaluation.result import Comparison
from cxrscreen.labelled.compare import compare_with
from cxrscreen.labelled.sighted import Sighted
from cxrscreen.lungs.bundle import SHIPPED_LUNGS, pack_arrays, read_segmenter, save_segmenter
from cxrscreen.lungs.card import LungCard
from cxrscreen.lungs.gate_bundle import load_gate
from cxrscreen.lungs.segmenter import Segmenter
from cxrscreen.phantom.golden import golden_phantom
from cxrscreen.training import champion
from cxrscreen.training.retraining import Retrained, Retraining, retrain
from tests.training.conftest import cheapen, without_reports
from tests.training.drawn import PATIENTS, asked, essence, site_in

pytestmark = [pytest.mark.tensorflow, pytest.mark.usefixtures("_cheap", "_no_report")]

EXPOSURES = (0.8, 1.0, 1.2)


@pytest.fixture(scope="session")
def phantoms(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Radiographs of 24 phantoms, three exposures of each; those of class covid have opacities."""
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
    by_metadata(monkeypatch)


def by_metadata(monkeypatch: pytest.MonkeyPatch) -> None:
    """Phantoms of any two seeds look alike: their patients are those of the metadata."""
    from cxrscreen.training import examined  # noqa: PLC0415  # starts TensorFlow

    monkeypatch.setattr(examined, "joined_patients", lambda labelled, _alike: list(labelled.patients))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("site")


@pytest.fixture(scope="module")
def made(phantoms: Path, place: Path, rounded_base: BaseWeights) -> Retrained:
    """Takes half a minute, so all tests share it."""
    with pytest.MonkeyPatch.context() as patch:
        cheapen(patch, rounded_base)
        without_reports(patch)
        by_metadata(patch)
        return retrain(site_in(place), asked(phantoms, recipe="lung-focused", version="lungs-see"))


def test_the_card_says_how_far_scores_may_be_trusted(made: Retrained, place: Path) -> None:
    card = made.card
    assert card == read_card(place / "models" / "lungs-see")
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
    page = (place / "models" / "lungs-see" / "CARD.md").read_text()
    assert "## Does the score follow the lungs?" in page
    assert "## Uncertain band" in page


def test_the_card_gives_the_band_and_the_gate_on_the_held_out_test_too(made: Retrained) -> None:
    card = made.card
    assert card.looks == 0
    assert card.recipe_choice is None  # nobody chose the recipe on phantoms
    assert card.folds.name.endswith("(threshold chosen here)")
    assert (card.band is None) == (card.band_in_test is None)
    if card.band is not None and card.band_in_test is not None:
        assert card.band_in_test.low == card.band.low <= card.operating_point.threshold <= card.band.high
        scores = {file.label: [] for file in made.evaluation.files}
        for file in made.evaluation.files:
            scores[file.label].append(file.score)
        missed = np.mean([score < card.band.low for score in scores["covid"]])
        assert card.band_in_test.missed.value == pytest.approx(missed)
    assert card.gate is not None
    assert card.gate.in_test is not None
    assert card.gate.in_test.refused.n == card.gate.in_test.flagged.n == card.test.n
    assert card.gate.in_test.refused_positives.n == card.test.positives


def test_radiographs_of_patients_whom_the_segmenter_knows_are_counted_by_part_and_class(
    phantoms: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    everybody_with_covid = {str(seed) for seed in range(PATIENTS)}
    monkeypatch.setattr(LungCard, "learnt", lambda _, patients: [one in everybody_with_covid for one in patients])
    made = retrain(site_in(tmp_path), asked(phantoms, recipe="lung-focused", version="known"))
    overlap = made.card.segmenter_overlap
    assert overlap is not None
    test, development = overlap.test, overlap.development
    assert (test.positives_learnt, test.negatives_learnt) == (test.positives, 0) == (made.card.test.positives, 0)
    assert development.positives_learnt == development.positives == made.card.folds.positives
    assert development.auc_of_others is None  # no COVID-19 is left
    assert overlap.limit in made.card.limits
    page = (tmp_path / "models" / "known" / "CARD.md").read_text()
    assert "though the lung segmenter had seen some" in page
    assert f"| held-out test | {test.positives} of {test.positives} | 0 of {test.negatives} |" in page


def test_where_the_segmenter_knows_half_of_the_patients_the_others_have_an_auc_of_their_own(
    phantoms: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LungCard, "learnt", lambda _, patients: [int(one) % 2 == 0 for one in patients])
    made = retrain(site_in(tmp_path), asked(phantoms, recipe="lung-focused", version="half"))
    overlap = made.card.segmenter_overlap
    assert overlap is not None
    for part, figures in ((overlap.development, made.card.folds), (overlap.test, made.card.test)):
        assert part.auc_of_others is not None
        assert part.auc_of_others.n == figures.n - part.learnt
        assert 0 < part.learnt < figures.n


def test_the_gate_travels_with_the_weights(made: Retrained, place: Path) -> None:
    gate = load_gate(place / "models" / "lungs-see")
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


def test_a_segmenter_that_was_trained_here_serves_the_model_that_is_made_with_it(
    phantoms: Path, made: Retrained, place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The champion, which was made with the shipped segmenter, is judged by what that one sees."""
    site, (card, arrays) = site_in(tmp_path), read_segmenter(SHIPPED_LUNGS)
    first = next(iter(arrays))
    weights = pack_arrays(arrays | {first: arrays[first] * 1.001})
    own = card.model_copy(update={"version": "lungs-own", "weights_sha256": digest(weights)})
    save_segmenter(site.segmenters, own, weights)
    shutil.copytree(place / "models" / made.version, site.models / made.version)
    site.registry.promote(made.version, who="A person", why="The first.", overrule=True)
    shown: list[Sighted] = []

    def watch(*given: object, **named: object) -> Comparison:
        shown.extend(one for one in given if isinstance(one, Sighted))
        return compare_with(*given, **named)  # type: ignore[arg-type]  # passed on as they came

    monkeypatch.setattr(champion, "compare_with", watch)
    second = retrain(site, asked(phantoms, recipe="lung-focused", version="own-lungs", lungs="lungs-own"))
    assert second.card.segmenter_sha256 == own.weights_sha256 != card.weights_sha256
    assert second.evaluation.model == "own-lungs"
    assert second.comparison is not None
    assert second.comparison.champion == made.version
    ((as_shipped,), few) = shown, 4
    for segmenter, same in ((SHIPPED_LUNGS, True), (site.segmenters / "lungs-own", False)):
        _, features = Segmenter.of(segmenter).look(list(as_shipped.labelled.squares[:few]))
        assert np.allclose(features, as_shipped.features[:few], rtol=1e-5, atol=1e-6) == same
