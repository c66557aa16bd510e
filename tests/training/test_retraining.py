from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from time import sleep

import cv2
import numpy as np
import pytest

from cxrscreen.classifier.bundle import read_making, read_weights
from cxrscreen.classifier.making import Augmentation
from cxrscreen.errors import DataSetError, ModelError, SettingsError
from cxrscreen.evaluation.comparison import Judged
from cxrscreen.evaluation.result import Comparison
from cxrscreen.labelled.site import Site
from cxrscreen.training import champion, retraining
from cxrscreen.training.request import RetrainRequest
from cxrscreen.training.retraining import Retrained, Retraining, retrain
from cxrscreen.training.search_space import FixedSettings, SearchSpace, Stage
from cxrscreen.types import Diseased
from tests.classifier.random_model import random_base
from tests.training.drawn import LIMITS, PATIENTS, draw_folder, site_in

pytestmark = [pytest.mark.tensorflow, pytest.mark.usefixtures("_cheap")]

SPACE = SearchSpace(
    start="best",
    stages=(
        Stage(name="coarse", learning_rate=(0.0001, 0.01), batch_size=(5, 8), fixed=FixedSettings(epochs=3)),
        Stage(name="optimizer", optimizer=("Adam", "SGD"), fixed=FixedSettings(epochs=2, learning_rate=0.0001)),
        Stage(name="fine", epochs=(2, 4)),
    ),
)


@pytest.fixture
def _no_report(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the pages out, which cost seconds and have tests of their own."""
    monkeypatch.setattr(retraining, "gallery_of", lambda *_, **__: ())
    monkeypatch.setattr(retraining, "write_evaluation", lambda *_, **__: None)


def asked(folder: Path, **chosen: object) -> RetrainRequest:
    return RetrainRequest(**({"data_folder": folder, "seed": 1} | chosen))  # type: ignore[arg-type]  # pydantic checks


def essence(made: Retrained) -> dict[str, object]:
    """All of a card but the moment."""
    return made.card.model_dump(exclude={"created_at", "version"})


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
    wrong = draw_folder(tmp_path / "wrong", contrast=120)
    (wrong / "metadata.csv").unlink()  # each file is a patient of its own
    for name in ("03a.png", "07b.png"):
        (wrong / "covid" / name).rename(wrong / "normal" / f"covid-{name}")
    made = retrain(site_in(tmp_path / "site"), asked(wrong, seed=2))
    assert {"normal/covid-03a.png", "normal/covid-07b.png"} & {doubt.file for doubt in made.evaluation.doubts[:4]}
    assert not {doubt.file for doubt in made.evaluation.doubts} & {file.file for file in made.evaluation.files}


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
def test_the_test_part_is_the_same_for_every_seed_and_each_look_at_it_is_counted(folder: Path, site: Site) -> None:
    made = [retrain(site, asked(folder, seed=seed, version=f"v{seed}")) for seed in (1, 2, 3)]
    assert [one.evaluation.looks for one in made] == [0, 1, 2]
    makings = [read_making(site.models / one.version) for one in made]
    assert len({making.test for making in makings if making}) == 1
    (record,) = (site.runs / "test-parts").glob("*.jsonl")
    kinds = [json.loads(line)["kind"] for line in record.read_text().splitlines()]
    assert kinds == ["set aside", "look", "look", "look"]


@pytest.mark.usefixtures("_no_report")
def test_the_same_request_again_makes_another_model_that_is_equal(folder: Path, site: Site) -> None:
    request = asked(folder, search=True, space=SPACE)
    first = retrain(site, request)
    while datetime.now(UTC).strftime("%H%M%S") == first.version[-6:]:
        sleep(0.05)  # versions are named by the second
    second = retrain(site, request)
    assert second.version != first.version
    assert essence(second) == essence(first)
    assert (first.evaluation.looks, second.evaluation.looks) == (0, 1)


@pytest.mark.usefixtures("_no_report")
def test_a_run_that_failed_in_its_last_step_goes_on_with_its_version_and_looks_once(
    folder: Path, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = asked(folder, search=True, space=SPACE)

    def fail(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(retraining, "save_bundle", fail)
        with pytest.raises(KeyboardInterrupt):
            retrain(site, request)
    (record,) = (site.runs / "test-parts").glob("*.jsonl")
    looked_as = json.loads(record.read_text().splitlines()[-1])["version"]
    made = retrain(site, request.model_copy(update={"note": "Once more."}))
    assert made.version == looked_as
    assert made.evaluation.looks == 0
    assert [path.name for path in site.runs.iterdir()] == ["test-parts"]


@pytest.mark.usefixtures("_no_report")
def test_a_champion_is_compared_on_the_same_held_out_radiographs(
    folder: Path, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = retrain(site, asked(folder, version="v1"))
    site.registry.promote("v1", who="A person", why="The first.", overrule=True)
    judged: list[tuple[Judged, Judged]] = []
    compare = champion.compare

    def watch(before: Judged, after: Judged, patients: Sequence[str], diseased: Diseased, **named: int) -> Comparison:
        judged.append((before, after))
        return compare(before, after, patients, diseased, **named)

    monkeypatch.setattr(champion, "compare", watch)
    second = retrain(site, asked(folder, seed=2, version="v2"))
    comparison = second.comparison
    assert comparison is not None
    assert (comparison.champion, comparison.challenger) == ("v1", "v2")
    assert (comparison.n, comparison.seen_by_champion) == (second.card.test.n, 0)
    ((before, after),) = judged
    assert np.allclose(before.scores, [file.score for file in first.evaluation.files])
    assert np.allclose(after.scores, [file.score for file in second.evaluation.files])
    assert before.threshold == first.card.operating_point.threshold
    assert json.loads((site.models / "v2" / "comparison.json").read_text())["verdict"] == comparison.verdict


@pytest.mark.usefixtures("_no_report")
def test_radiographs_of_patients_that_the_champion_was_developed_on_do_not_count(tmp_path: Path) -> None:
    """Half the patients were there already when the champion was made, with another radiograph of theirs."""
    site = site_in(tmp_path / "site")
    folder = draw_folder(tmp_path / "later" / "labelled")
    earlier = draw_folder(tmp_path / "earlier" / "labelled", first=PATIENTS // 2)
    for second in earlier.glob("*/*b.png"):
        second.unlink()
    assert retrain(site, asked(earlier, version="v1")).comparison is None
    site.registry.promote("v1", who="A person", why="The first.", overrule=True)
    made = retrain(site, asked(folder, version="v2"))
    making, comparison = read_making(site.models / "v1"), made.comparison
    assert making is not None
    assert comparison is not None
    known = {one.file_name[:-5] for one in _radiographs(earlier) if one.sha256 in making.development}
    unseen = [file.file for file in made.evaluation.files if file.file[:-5] not in known]
    assert comparison.n == len(unseen)
    assert comparison.seen_by_champion == made.card.test.n - len(unseen) > 0


def _radiographs(folder: Path) -> Sequence[retraining.LabelledRadiograph]:
    return retraining.read_labelled(folder, limits=LIMITS).radiographs


@pytest.mark.usefixtures("_no_report")
def test_a_champion_whose_making_nobody_knows_gives_no_verdict(folder: Path, tmp_path: Path) -> None:
    site = site_in(tmp_path / "site")
    other = draw_folder(tmp_path / "other" / "labelled", first=40)
    retrain(site, asked(other, version="v1"))
    (site.models / "v1" / "making.json").unlink()
    site.registry.promote("v1", who="A person", why="The first.", overrule=True)
    comparison = retrain(site, asked(folder, version="v2")).comparison
    assert comparison is not None
    assert (comparison.verdict, comparison.n, comparison.auc) == ("cannot tell", 0, None)
    assert "not recorded which radiographs v1 was developed on" in comparison.reasons[0]


@pytest.mark.usefixtures("_no_report")
@pytest.mark.parametrize(
    ("allowed", "verdict", "promoted"),
    [(True, "promote", True), (True, "cannot tell", False), (True, "keep", False), (False, "promote", False)],
)
def test_only_a_good_verdict_at_a_site_that_allows_it_promotes(  # noqa: PLR0913  # the table's columns
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, allowed: bool, verdict: str, promoted: bool
) -> None:
    site = site_in(tmp_path / "site", automatic_promotion=allowed)
    retrain(site, asked(folder, version="v1"))
    site.registry.promote("v1", who="A person", why="The first.", overrule=True)
    compare = champion.compare

    def rigged(*judged: object, **named: object) -> Comparison:
        return compare(*judged, **named).model_copy(update={"verdict": verdict})  # type: ignore[arg-type]  # passed on

    monkeypatch.setattr(champion, "compare", rigged)
    made = retrain(site, asked(folder, seed=2, version="v2"))
    assert made.promoted is promoted
    assert site.registry.champion() == ("v2" if promoted else "v1")
    if promoted:
        assert site.registry.log()[-1].who == "automatic"
    assert site.registry.card_of("v2") == made.card


@pytest.mark.usefixtures("_no_report")
def test_a_base_that_rounding_changes_too_much_gives_no_model_and_no_look(
    folder: Path, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    unrounded = random_base(0)
    monkeypatch.setattr(retraining, "base_weights", lambda _named: unrounded)
    with pytest.raises(ModelError, match="moves a score by"):
        retrain(site, asked(folder))
    assert not list(site.models.iterdir())
    (record,) = (site.runs / "test-parts").glob("*.jsonl")
    assert "look" not in record.read_text()


def test_a_taken_version_is_refused_before_any_work(folder: Path, site: Site) -> None:
    (site.models / "v1").mkdir()
    with pytest.raises(ModelError, match="never overwritten"):
        Retraining(site, asked(folder / "nowhere", version="v1"))


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
