from __future__ import annotations

import json
import shutil
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Self

import cv2
import numpy as np
import pytest

from cxrscreen.classifier.bundle import save_bundle
from cxrscreen.classifier.card import ModelCard
from cxrscreen.classifier.feature_cache import FeatureMapCache
from cxrscreen.classifier.making import MAKING_FILE
from cxrscreen.errors import DataSetError, ModelError
from cxrscreen.evaluation.result import Evaluation
from cxrscreen.labelled import evaluate as evaluating
from cxrscreen.labelled.bias import examine
from cxrscreen.labelled.evaluate import Evaluated, evaluate, evaluation_as_json
from cxrscreen.labelled.evaluation import evaluation_of
from cxrscreen.labelled.gallery_pictures import gallery_of
from cxrscreen.labelled.labelled_set import read_labelled
from cxrscreen.labelled.scoring import Scorer
from cxrscreen.labelled.sighted import Sighted
from cxrscreen.radiograph.acceptance import AcceptanceLimits
from tests.classifier.random_model import random_base, random_bundle
from tests.evaluation.evaluation_samples import MAKING

LIMITS = AcceptanceLimits(min_side_pixels=300, max_pixels=1_000_000, max_aspect=2.0)


def draw(path: Path, seed: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(seed).integers(0, 256, (320, 320), dtype=np.uint8)
    assert cv2.imwrite(str(path), cv2.GaussianBlur(noise, (0, 0), 6) * 4)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three patients of each class, the first with two radiographs; one copy and one file that the gate refuses."""
    home = tmp_path_factory.mktemp("data") / "drawn-set"
    for number in range(4):
        draw(home / f"covid/c{number}.png", number)
        draw(home / f"normal/n{number}.png", 10 + number)
    (home / "covid/copy.png").write_bytes((home / "covid/c0.png").read_bytes())
    (home / "normal/broken.png").write_bytes(b"no picture")
    lines = ["filename,patient_id,view,age"]
    lines += [
        f"{label}{number}.png,{label}-{max(number, 1)},{'PA' if number % 2 else 'AP'},44"
        for number in range(4)
        for label in "cn"
    ]
    (home / "metadata.csv").write_text("\n".join(lines))
    return home


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory, folder: Path) -> Path:
    """A model of random weights that says it was made from one of these radiographs."""
    labelled = read_labelled(folder, limits=LIMITS)
    development = tuple(radiograph.sha256 for radiograph in labelled.radiographs[:1])
    making = MAKING.model_copy(update={"development": development, "search": None})
    models = tmp_path_factory.mktemp("models")
    return save_bundle(
        models, *random_bundle("random-1", random_base(0)), {MAKING_FILE: making.model_dump_json().encode()}
    )


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory: pytest.TempPathFactory, folder: Path, bundle: Path) -> Evaluated:
    home = tmp_path_factory.mktemp("site")
    cache = FeatureMapCache(home / "feature-maps", max_bytes=10**8)
    return evaluate(folder, bundle=bundle, limits=LIMITS, cache=cache, into=home / "reports", segmenters=home / "lungs")


def card_of(bundle: Path) -> ModelCard:
    return ModelCard.model_validate_json((bundle / "card.json").read_bytes())


@pytest.mark.tensorflow
def test_every_radiograph_is_scored_and_every_other_file_accounted_for(evaluated: Evaluated) -> None:
    evaluation = evaluated.evaluation
    assert [(file.file, file.label) for file in evaluation.files] == [
        *((f"covid/c{number}.png", "covid") for number in range(4)),
        *((f"normal/n{number}.png", "normal") for number in range(4)),
    ]
    assert {file.file for file in evaluation.left_out} >= {"normal/broken.png"}
    assert sum(file.reason == "copy" for file in evaluation.left_out) == 1
    assert evaluation.seen == 2  # the other one of the same patient counts too
    assert (evaluation.looks, evaluation.threshold) == (None, 0.25)


@pytest.mark.tensorflow
def test_the_report_lies_in_a_folder_of_its_own_with_all_pictures(evaluated: Evaluated) -> None:
    folder = evaluated.files.html.parent
    assert folder.name.startswith("evaluation-2")
    assert folder.name.endswith("-random-1")
    assert len(list(folder.glob("gallery-*.jpg"))) == 8
    html = evaluated.files.html.read_text(encoding="utf-8")
    assert "trained or calibrated on 2 of these 8" in html
    assert "Known by their files: 1. One that was stored anew would not be known" in html
    assert Evaluation.model_validate_json(evaluated.files.json.read_bytes()) == evaluated.evaluation


@pytest.mark.tensorflow
def test_a_second_report_of_the_same_second_stands_beside_the_first(
    folder: Path, bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Stopped(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Self:
            return cls(2026, 11, 23, 9, 0, 0, tzinfo=tz)

    monkeypatch.setattr(evaluating, "datetime", Stopped)
    cache = FeatureMapCache(tmp_path / "feature-maps", max_bytes=10**8)
    into = {"into": tmp_path / "reports", "segmenters": tmp_path / "lungs"}
    two = [evaluate(folder, bundle=bundle, limits=LIMITS, cache=cache, **into).files for _ in range(2)]
    assert two[0].html.is_file()
    assert {file.html.parent for file in two} == {*(tmp_path / "reports").iterdir()}
    assert len({file.html for file in two}) == 2


@pytest.mark.tensorflow
def test_the_json_for_scripts_has_figures_with_intervals_and_each_file(evaluated: Evaluated) -> None:
    record = json.loads(json.dumps(evaluation_as_json(evaluated), allow_nan=False))
    assert (record["n"], record["positives"], record["refused"], record["copies"]) == (8, 4, 1, 1)
    assert (record["model"], record["operating_point"], record["seen"]) == ("random-1", 0.25, 2)
    for figure in ("auc", "sensitivity", "specificity"):
        low, high = record[f"{figure}_ci"]
        assert 0 <= low <= record[figure] <= high <= 1
    assert set(record["files"][0]) == {"file", "label", "score"}
    assert record["refused_files"] == [{"file": "normal/broken.png", "reason": "unknown-type"}]
    assert Path(record["report_pdf"]).is_file()


def test_a_part_of_a_set_is_evaluated_on_its_own_radiographs_alone(folder: Path, bundle: Path) -> None:
    labelled = read_labelled(folder, limits=LIMITS)
    part, scores = np.array([1, 3, 5, 6, 7]), np.array([0.9, 0.1, 0.2, 0.3, 0.05])
    data = examine(labelled, seed=1)
    card, patients = card_of(bundle), ("c", *["c"] * 3, *labelled.patients[4:])
    found = evaluation_of(labelled, part, scores, card, name="part", data=data, patients=patients, seen=0, looks=3)
    assert [(file.file, file.score) for file in found.files] == [
        ("covid/c1.png", 0.9), ("covid/c3.png", 0.1), ("normal/n1.png", 0.2), ("normal/n2.png", 0.3),
        ("normal/n3.png", 0.05),
    ]  # fmt: skip
    assert (found.figures.n, found.figures.positives, found.data_set.n, found.looks) == (5, 2, 8, 3)
    assert found.figures.patients == 4  # as they were joined
    assert (found.figures.sensitivity.value, round(found.figures.specificity.value, 3)) == (0.5, 0.667)
    assert {(group.by, group.value, group.n) for group in found.subgroups} == {
        ("view", "PA", 4), ("view", "AP", 1), ("age", "40 to 59", 5),
    }  # fmt: skip


def test_a_part_without_a_class_is_refused_in_words(folder: Path, bundle: Path) -> None:
    labelled = read_labelled(folder, limits=LIMITS)
    part, data, card = np.array([0, 1]), examine(labelled, seed=1), card_of(bundle)
    scores, patients = np.array([0.1, 0.2]), labelled.patients
    with pytest.raises(DataSetError):
        evaluation_of(labelled, part, scores, card, name="part", data=data, patients=patients, seen=0)


@pytest.mark.tensorflow
def test_a_radiograph_that_changed_since_it_was_scored_is_not_shown_as_another(
    evaluated: Evaluated, folder: Path, bundle: Path, tmp_path: Path
) -> None:
    shutil.copytree(folder, tmp_path / "set")
    labelled = read_labelled(tmp_path / "set", limits=LIMITS)
    draw(tmp_path / "set/normal/n2.png", 99)
    model, cache = Scorer.of(bundle), FeatureMapCache(tmp_path / "feature-maps", max_bytes=10**8)
    with pytest.raises(DataSetError, match=r"changed while(?s:.*)\nnormal/n2\.png$") as refusal:
        gallery_of(
            tmp_path / "set",
            evaluated.evaluation,
            Sighted.for_card(labelled, model.card, tmp_path),
            model.head,
            model.base,
            recipe=model.recipe,
            cache=cache,
            limits=LIMITS,
        )
    assert "n2" not in refusal.value.words  # flows keep the words


def test_a_model_that_is_not_there_is_said_before_anything_is_read(folder: Path, tmp_path: Path) -> None:
    cache = FeatureMapCache(tmp_path / "feature-maps", max_bytes=10**8)
    with pytest.raises(ModelError, match="no model"):
        evaluate(folder, bundle=tmp_path / "nothing", limits=LIMITS, cache=cache, into=tmp_path, segmenters=tmp_path)


@pytest.mark.real_data
@pytest.mark.tensorflow
def test_the_shipped_model_is_evaluated_on_real_radiographs_and_said_to_have_seen_them(
    real_data: Path, tmp_path: Path
) -> None:
    from cxrscreen.classifier.registry import SHIPPED_MODELS, SHIPPED_VERSION  # noqa: PLC0415  # one test needs it

    home = tmp_path / "few"
    for label, count in (("covid", 12), ("normal", 12)):
        (home / label).mkdir(parents=True)
        for file in sorted((real_data / "cxr" / label).iterdir())[:count]:
            (home / label / file.name).symlink_to(file)
    evaluated = evaluate(
        home,
        bundle=SHIPPED_MODELS / SHIPPED_VERSION,
        limits=AcceptanceLimits(min_side_pixels=300, max_pixels=64_000_000, max_aspect=2.0),
        cache=FeatureMapCache(tmp_path / "feature-maps", max_bytes=10**8),
        into=tmp_path / "reports",
        segmenters=tmp_path / "lungs",
    )
    assert evaluated.evaluation.figures.auc.value > 0.9  # most of them trained it
    assert evaluated.files.pdf.stat().st_size > 100_000
