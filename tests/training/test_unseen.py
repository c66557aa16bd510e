"""No figure may rest on a radiograph that its head was fitted on, nor on another one of the same patient.

The training is watched from outside, at ``Head``, and not asked for its own idea of the split.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from cxrscreen.classifier.card import ModelCard
from cxrscreen.classifier.operating_point import OperatingPoint, choose_operating_point
from cxrscreen.classifier.recipe import Recipe
from cxrscreen.radiograph.acceptance import AcceptanceLimits
from cxrscreen.training import train as training
from cxrscreen.types import Diseased, FeatureMaps, PreparedBatch, Scores
from tests.classifier.random_model import random_base

if TYPE_CHECKING:
    from cxrscreen.classifier.head import Head

pytestmark = pytest.mark.tensorflow

PATIENTS = 12  # of each class
LIMITS = AcceptanceLimits(min_side_pixels=300, max_pixels=64_000_000, max_aspect=2.0)

Radiograph = str
"""Stands for a radiograph: ``covid/03b.png`` is the second one of the fourth patient with COVID-19."""


def patient_of(radiograph: Radiograph) -> str:
    return radiograph[: -len("a.png")]


def is_diseased(radiograph: Radiograph) -> bool:
    return radiograph.startswith("covid/")


@dataclass
class WatchedHead:
    """What one head was fitted on, and what it scored afterwards."""

    seen: set[Radiograph]
    scored: dict[Radiograph, float] = field(default_factory=dict)

    @property
    def seen_patients(self) -> set[str]:
        return {patient_of(radiograph) for radiograph in self.seen}


@dataclass
class Watched:
    """One training: its heads in the order of their fits, and the scores that the threshold was chosen on."""

    heads: list[WatchedHead]
    calibration: list[float]
    card: ModelCard

    @property
    def of_folds(self) -> list[WatchedHead]:
        return self.heads[:-1]

    @property
    def shipped(self) -> WatchedHead:
        return self.heads[-1]

    @property
    def development(self) -> set[Radiograph]:
        """All that any head of a fold scored: what the operating point is chosen on."""
        return {radiograph for head in self.of_folds for radiograph in head.scored}


def draw_labelled_folder(root: Path) -> dict[bytes, Radiograph]:
    """Two radiographs of each patient; returns them by what ``maps_of`` makes of them."""
    table = "filename,patient_id\n"
    for label in ("covid", "normal"):
        (root / label).mkdir(parents=True)
        for number in range(PATIENTS):
            for letter in "ab":
                name = f"{label}/{number:02}{letter}.png"
                coarse = np.random.default_rng(list(name.encode())).integers(40, 190, size=(6, 6))
                coarse[3:] += 30 * is_diseased(name)
                assert cv2.imwrite(str(root / name), cv2.resize(coarse.astype(np.uint8), (320, 320)))
                table += f"{name},{patient_of(name)}\n"
    (root / "metadata.csv").write_text(table)
    labelled = training.read_labelled(root, limits=LIMITS)
    maps = maps_of(labelled.prepared)
    named = {row.tobytes(): one.file_name for row, one in zip(maps, labelled.radiographs, strict=True)}
    assert len(named) == 4 * PATIENTS
    return named


def maps_of(prepared: PreparedBatch, *_: object, **__: object) -> FeatureMaps:
    """Block averages in the place of VGG16's maps."""
    blocks = prepared[..., 0].reshape(len(prepared), 7, 32, 7, 32).mean(axis=(2, 4)) / 255
    return np.repeat(blocks[..., None], 512, axis=-1).astype(np.float32)


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Watched:
    from cxrscreen.classifier.head import Head  # noqa: PLC0415  # starts TensorFlow
    from cxrscreen.training import fit  # noqa: PLC0415  # likewise

    root = tmp_path_factory.mktemp("unseen")
    named = draw_labelled_folder(root / "labelled")
    heads: dict[Head, WatchedHead] = {}
    calibration: list[float] = []
    fitted, scores_of_head = Head.fitted, Head.scores

    def watch_fit(recipe: Recipe, feature_maps: FeatureMaps, diseased: Diseased, *, seed: int) -> Head:
        head = fitted(recipe, feature_maps, diseased, seed=seed)
        seen = [named[row.tobytes()] for row in feature_maps]
        assert [is_diseased(radiograph) for radiograph in seen] == diseased.tolist()
        assert len(set(seen)) == len(seen)
        heads[head] = WatchedHead(set(seen))
        return head

    def watch_scores(head: Head, feature_maps: FeatureMaps) -> Scores:
        scores = scores_of_head(head, feature_maps)
        for row, score in zip(feature_maps, scores, strict=True):
            if row.tobytes() in named:  # else a golden phantom
                heads[head].scored[named[row.tobytes()]] = float(score)
        return scores

    def watch_choice(scores: Scores, diseased: Diseased, *, min_sensitivity: float) -> OperatingPoint:
        calibration.extend(scores.tolist())
        return choose_operating_point(scores, diseased, min_sensitivity=min_sensitivity)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fit, "feature_maps_of", maps_of)
        patch.setattr(Head, "fitted", watch_fit)
        patch.setattr(Head, "scores", watch_scores)
        patch.setattr(training, "choose_operating_point", watch_choice)
        card = training.train(
            root / "labelled",
            recipe="standard",
            seed=1,
            version="v1",
            base=random_base(0).rounded(),
            limits=LIMITS,
            into=root / "models",
        )
    return Watched(list(heads.values()), calibration, card)


def test_no_head_of_a_fold_saw_a_patient_that_it_scored(watched: Watched) -> None:
    assert len(watched.of_folds) == 5
    for head in watched.of_folds:
        assert head.scored
        assert not head.seen_patients & {patient_of(radiograph) for radiograph in head.scored}


def test_every_radiograph_of_the_development_part_is_scored_out_of_fold_once(watched: Watched) -> None:
    times = Counter(radiograph for head in watched.of_folds for radiograph in head.scored)
    assert set(times.values()) == {1}
    assert len(times) == watched.card.folds.n
    for head in watched.of_folds:
        assert head.seen == watched.development - set(head.scored)


def test_the_head_that_ships_saw_the_development_part_and_no_patient_of_the_test_part(watched: Watched) -> None:
    assert watched.shipped.seen == watched.development
    test = set(watched.shipped.scored) - watched.development
    assert len(test) == watched.card.test.n == 4 * PATIENTS - watched.card.folds.n
    assert not watched.shipped.seen_patients & {patient_of(radiograph) for radiograph in test}


def test_the_threshold_is_chosen_on_out_of_fold_scores_alone(watched: Watched) -> None:
    out_of_fold = [score for head in watched.of_folds for score in head.scored.values()]
    assert sorted(watched.calibration) == sorted(out_of_fold)


def test_the_figures_of_the_test_are_those_of_radiographs_that_no_head_was_fitted_on(watched: Watched) -> None:
    fitted_on = set().union(*(head.seen for head in watched.heads))
    unseen = {r: score for r, score in watched.shipped.scored.items() if r not in fitted_on}
    positive = {r: score >= watched.card.operating_point.threshold for r, score in unseen.items()}
    assert len(unseen) == watched.card.test.n
    for performance, diseased in ((watched.card.test.sensitivity, True), (watched.card.test.specificity, False)):
        right = [found == diseased for radiograph, found in positive.items() if is_diseased(radiograph) == diseased]
        assert performance.value == pytest.approx(np.mean(right))
