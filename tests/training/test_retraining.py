from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from cxrscreen.classifier.bundle import read_making, read_weights
from cxrscreen.classifier.making import Augmentation
from cxrscreen.classifier.operating_point import OperatingPoint
from cxrscreen.errors import DataSetError, ModelError, SettingsError
from cxrscreen.labelled.site import Site
from cxrscreen.reporting.words import load_words
from cxrscreen.training import challenger, examined
from cxrscreen.training.retraining import Retraining, retrain
from tests.classifier.random_model import random_base
from tests.training.drawn import LIMITS, PATIENTS, SPACE, asked, draw_folder, essence, site_in

pytestmark = [pytest.mark.tensorflow, pytest.mark.usefixtures("_cheap")]


@pytest.mark.usefixtures("_no_report")
def test_a_second_run_gives_the_same_model_to_the_last_bit(folder: Path, tmp_path: Path) -> None:
    request = asked(folder, search=True, space=SPACE, augmentation=Augmentation(copies=2), version="v1")
    first, second = (retrain(site_in(tmp_path / name), request) for name in "ab")
    assert essence(first) == essence(second)
    assert first.evaluation.figures == second.evaluation.figures
    assert (tmp_path / "a" / "models" / "v1" / "making.json").read_bytes() == (
        tmp_path / "b" / "models" / "v1" / "making.json"
    ).read_bytes()


@pytest.mark.usefixtures("_no_report")
def test_wrong_labels_among_the_radiographs_that_it_learns_from_are_pointed_out(tmp_path: Path) -> None:
    wrong = draw_folder(tmp_path / "wrong", contrast=60)
    (wrong / "metadata.csv").unlink()  # each file is a patient of its own
    mislabelled = {"01a.png", "03a.png", "10a.png"}
    for name in mislabelled:
        (wrong / "covid" / name).rename(wrong / "normal" / f"covid-{name}")
    made = retrain(site_in(tmp_path / "site"), asked(wrong, seed=2))
    tested, doubts = {one.file for one in made.evaluation.files}, [one.file for one in made.evaluation.doubts]
    assert {f"normal/covid-{name}" for name in mislabelled} - tested <= set(doubts[:4])
    assert len({f"normal/covid-{name}" for name in mislabelled} - tested) > 1
    assert not set(doubts) & tested


def test_the_bundle_holds_all_that_is_needed_to_make_it_again_and_the_report_lies_beside(
    folder: Path, site: Site
) -> None:
    steps: list[tuple[str, int, int]] = []
    augmentation = Augmentation(copies=2, max_shift=0.2)
    request = asked(folder, recipe="study-2020", augmentation=augmentation, note="A trial.", version="v1")
    made = retrain(site, request, lambda *step: steps.append(step))
    card, making = made.card, read_making(site.models / "v1")
    assert making is not None
    assert (card.data_set.n, card.data_set.positives, card.data_set.patients) == (48, 24, 24)
    assert card.folds.n + card.test.n == len(making.development) + len(making.test) == 48
    assert (card.test.n, made.evaluation.figures.n) == (len(making.test), len(making.test))
    assert not set(making.development) & set(making.test)
    assert (making.note, making.augmentation, making.data_folder) == ("A trial.", augmentation, "labelled")
    assert card.hyperparameters["pooled_cells"] == "4x4"
    assert card.hyperparameters["shifted_copies"] == 2
    assert card.folds.name == "5-fold cross-validation by patient (threshold chosen here)"
    assert [card.test.auc, card.test.sensitivity] == [made.evaluation.figures.auc, made.evaluation.figures.sensitivity]
    assert card.operating_point.sensitivity == card.folds.sensitivity.value >= 0.95
    assert made.comparison is None
    assert not made.promoted
    shifts = json.loads((site.models / "v1" / "shifts.json").read_text())
    assert sorted(shifts) == sorted(making.development)
    assert all(np.abs(pair).max() <= 0.2 * 224 for pair in shifts.values())
    assert made.evaluation.model_dump(mode="json") == json.loads((site.models / "v1" / "evaluation.json").read_text())
    assert made.files.html.is_file()
    assert made.files.html.is_relative_to(site.reports)
    assert site.registry.card_of("v1") == card
    assert read_weights(site.models / "v1")[2]["hidden1/kernel"].shape == (512, 64)
    copies = 2 * len(making.development)
    assert ("reading", 48, 48) in steps
    assert ("feature maps, shifted copies", copies, copies) in steps
    told = "".join(file.read_text() for file in (site.models / "v1").glob("*.json"))
    assert str(folder.parent) not in told
    assert str(site.models) not in told


@pytest.mark.usefixtures("_no_report")
@pytest.mark.parametrize("start", ["best", "study"])
def test_each_stage_starts_from_the_best_so_far_or_from_what_it_fixes(folder: Path, site: Site, start: str) -> None:
    space = SPACE.model_copy(update={"start": start})
    made = retrain(site, asked(folder, search=True, space=space, version="v1"))
    making = read_making(site.models / "v1")
    assert making is not None
    assert making.search is not None
    points = making.search.points
    assert [point.stage for point in points] == ["coarse"] * 4 + ["optimizer"] * 2 + ["fine"] * 2
    assert {point.epochs for point in points[:4]} == {3}
    if start == "best":
        best = max(points[:4], key=lambda point: point.mean_auc)
        assert {(p.learning_rate, p.batch_size, p.epochs) for p in points[4:6]} == {
            (best.learning_rate, best.batch_size, 3)
        }
    else:
        assert {(p.learning_rate, p.batch_size, p.epochs) for p in points[4:6]} == {(0.0001, 7, 2)}
        assert {(p.learning_rate, p.batch_size, p.optimizer) for p in points[6:]} == {(0.008, 7, "Adam")}
    chosen = making.search.chosen
    assert chosen.mean_auc == max(point.mean_auc for point in points)
    assert len({point.fold_auc for point in points}) > 2
    for setting in ("learning_rate", "batch_size", "optimizer", "epochs"):
        assert made.card.hyperparameters[setting] == getattr(chosen, setting)
    assert made.card.folds.name == "5-fold cross-validation by patient (threshold and settings chosen here)"


@pytest.mark.usefixtures("_no_report")
def test_steps_may_be_asked_for_in_any_order_and_unknown_stages_are_refused(folder: Path, site: Site) -> None:
    request = asked(folder, search=True, space=SPACE)
    one = Retraining(site, request)
    assert one.stages == ("coarse", "optimizer", "fine")
    assert [point.stage for point in one.search_stage("fine")] == ["fine", "fine"]
    with pytest.raises(SettingsError, match="no stage 'finer'"):
        one.search_stage("finer")
    without = Retraining(site, asked(folder))
    assert without.stages == ()
    with pytest.raises(SettingsError, match="Its stages: none"):
        without.search_stage("coarse")


@pytest.mark.usefixtures("_no_report")
def test_feature_maps_are_computed_once_for_all_retrainings(folder: Path, site: Site) -> None:
    first = Retraining(site, asked(folder))
    assert first.compute_feature_maps() == 48
    assert first.compute_feature_maps() == 0
    with_copies = Retraining(site, asked(folder, augmentation=Augmentation(copies=3)))
    steps: list[tuple[str, int, int]] = []
    computed = with_copies.compute_feature_maps(lambda *step: steps.append(step))
    assert ("feature maps, shifted copies", computed, computed) in steps
    assert computed in range(3 * 48 // 2, 3 * 48)
    another_seed = Retraining(site, asked(folder, seed=2))
    assert another_seed.compute_feature_maps() == 0


@pytest.mark.usefixtures("_no_report")
def test_a_base_that_rounding_changes_too_much_gives_no_model_and_no_look(
    folder: Path, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    unrounded = random_base(0)
    monkeypatch.setattr(examined, "base_weights", lambda _named: unrounded)
    with pytest.raises(ModelError, match="moves a score by"):
        retrain(site, asked(folder))
    assert not list(site.models.iterdir())
    (record,) = (site.runs / "test-parts").glob("*.jsonl")
    assert "look" not in record.read_text()


def test_a_taken_version_is_refused_before_any_work(folder: Path, site: Site) -> None:
    (site.models / "v1").mkdir()
    with pytest.raises(ModelError, match="never overwritten"):
        Retraining(site, asked(folder / "nowhere", version="v1"))


def test_the_name_of_the_shipped_model_is_refused_before_any_work(folder: Path, site: Site) -> None:
    with pytest.raises(ModelError, match="Choose another version"):
        Retraining(site, asked(folder / "nowhere", version="standard-2"))


def test_the_limits_of_the_site_decide_what_is_trained_on(
    folder: Path, site: Site, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    mixed = tmp_path / "mixed"
    shutil.copytree(folder, mixed)
    for file in sorted((mixed / "covid").iterdir())[: 2 * (PATIENTS - 8)]:
        assert cv2.imwrite(str(file), np.resize(cv2.imread(str(file)), (900, 320, 3)))
    shutil.copy(mixed / "normal" / "00a.png", mixed / "normal" / "zz.png")
    with pytest.raises(DataSetError, match="8 patients are labelled COVID-19"):
        Retraining(site, asked(mixed)).examine()
    assert "left out: 1 copy, 8 not-one-radiograph" in caplog.text
    with pytest.raises(DataSetError, match="no usable radiograph"):
        Retraining(replace(site, limits=replace(LIMITS, min_side_pixels=321)), asked(folder)).examine()


@pytest.mark.usefixtures("_no_report")
def test_a_threshold_that_misses_what_the_model_learnt_from_is_said_on_its_card(
    folder: Path, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not any("did not carry over" in limit for limit in retrain(site, asked(folder)).card.limits)
    beyond_all = OperatingPoint(threshold=1.0, sensitivity=0.96, specificity=1.0)
    monkeypatch.setattr(challenger, "choose_operating_point", lambda *_, **__: beyond_all)
    limits = retrain(site, asked(folder, seed=3)).card.limits
    (limit,) = (limit for limit in limits if limit.startswith("The operating point did not carry over from the folds"))
    assert load_words("id").sentence(limit).language == "id"
