"""No figure may rest on a radiograph that its head was fitted on, nor on another one of the same patient.

The training is watched from outside, at ``Head``, and not asked for its own idea of the split.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from cxrscreen.classifier import backbone
from cxrscreen.classifier.base_weights import BaseWeights
from cxrscreen.classifier.card import ModelCard
from cxrscreen.classifier.head import Head
from cxrscreen.classifier.operating_point import OperatingPoint, choose_operating_point
from cxrscreen.classifier.pooling import pool
from cxrscreen.classifier.recipe import Recipe, recipe_named
from cxrscreen.labelled.labelled_set import read_labelled
from cxrscreen.training import challenger, examined, golden, retraining
from cxrscreen.training.request import RetrainRequest
from cxrscreen.training.search_space import SearchSpace, Stage
from cxrscreen.types import Diseased, Pooled, Scores
from tests.training.drawn import LIMITS, PATIENTS, CheapBackbone, maps_of, site_in

pytestmark = pytest.mark.tensorflow

SPACE = SearchSpace(stages=(Stage(name="coarse", learning_rate=(0.001, 0.004)),))

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
    times: Counter[Radiograph] = field(default_factory=Counter)

    @property
    def seen_patients(self) -> set[str]:
        return {patient_of(radiograph) for radiograph in self.seen}


@dataclass
class Watched:
    """One training: heads of the search, heads after it in the order of their fits, and what chose the threshold."""

    of_search: list[WatchedHead]
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


def names_in(folder: Path) -> dict[bytes, Radiograph]:
    """The radiographs by what a head sees of them."""
    labelled = read_labelled(folder, limits=LIMITS)
    pooled = pool(recipe_named("standard"), maps_of(labelled.prepared))
    named = {row.tobytes(): one.file_name for row, one in zip(pooled, labelled.radiographs, strict=True)}
    assert len(named) == 4 * PATIENTS
    return named


@pytest.fixture(scope="module")
def watched(folder: Path, tmp_path_factory: pytest.TempPathFactory, rounded_base: BaseWeights) -> Watched:
    named = names_in(folder)
    heads: dict[Head, WatchedHead] = {}
    calibration: list[float] = []
    fitted, scores_of_head = Head.fitted_pooled, Head.scores_pooled

    def watch_fit(recipe: Recipe, pooled: Pooled, diseased: Diseased, *, seed: int, shifted: Pooled | None) -> Head:
        head = fitted(recipe, pooled, diseased, seed=seed, shifted=shifted)
        seen = [named[row.tobytes()] for row in pooled]
        assert [is_diseased(radiograph) for radiograph in seen] == diseased.tolist()
        assert len(set(seen)) == len(seen)
        heads[head] = WatchedHead(set(seen))
        return head

    def watch_scores(head: Head, pooled: Pooled) -> Scores:
        scores = scores_of_head(head, pooled)
        if {named.get(row.tobytes()) for row in pooled} == heads[head].seen:
            return scores  # whether it is alive is asked on what it was fitted on, and no figure comes of that
        for row, score in zip(pooled, scores, strict=True):
            if row.tobytes() in named:  # else a golden phantom
                radiograph = named[row.tobytes()]
                heads[head].scored[radiograph] = float(score)
                heads[head].times[radiograph] += 1
        return scores

    def watch_choice(scores: Scores, diseased: Diseased, *, min_sensitivity: float) -> OperatingPoint:
        calibration.extend(scores.tolist())
        return choose_operating_point(scores, diseased, min_sensitivity=min_sensitivity)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(backbone, "Backbone", CheapBackbone)
        patch.setattr(golden, "Backbone", CheapBackbone)
        patch.setattr(Head, "fitted_pooled", watch_fit)
        patch.setattr(Head, "scores_pooled", watch_scores)
        patch.setattr(challenger, "choose_operating_point", watch_choice)
        patch.setattr(examined, "base_weights", lambda _named: rounded_base)
        patch.setattr(retraining, "gallery_of", lambda *_, **__: ())
        patch.setattr(retraining, "write_evaluation", lambda *_, **__: None)
        site = site_in(tmp_path_factory.mktemp("unseen"))
        request = RetrainRequest(data_folder=folder, recipe="standard", seed=1, search=True, space=SPACE)
        run = retraining.Retraining(site, request)
        for stage in run.stages:
            run.search_stage(stage)
        of_search = list(heads.values())
        made = run.finish()
    return Watched(of_search, list(heads.values())[len(of_search) :], calibration, made.card)


def test_no_head_of_the_search_was_fitted_on_or_scored_a_patient_of_the_test_part(watched: Watched) -> None:
    test = {patient_of(radiograph) for radiograph in set(watched.shipped.scored) - watched.development}
    assert len(watched.of_search) == 2 * 5
    for head in watched.of_search:
        assert not head.seen_patients & {patient_of(radiograph) for radiograph in head.scored}
        assert not test & (head.seen_patients | {patient_of(radiograph) for radiograph in head.scored})


def test_the_test_part_is_scored_once_by_the_head_that_ships_and_by_no_other(watched: Watched) -> None:
    times = sum((head.times for head in (*watched.of_search, *watched.heads)), start=Counter[Radiograph]())
    test = set(watched.shipped.scored) - watched.development
    assert test
    assert {times[radiograph] for radiograph in test} == {1}
    assert {watched.shipped.times[radiograph] for radiograph in test} == {1}


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
    assert sorted(watched.calibration) == sorted(watched.card.calibrated(np.array(out_of_fold)).tolist())


def test_the_figures_of_the_test_are_those_of_radiographs_that_no_head_was_fitted_on(watched: Watched) -> None:
    fitted_on = set().union(*(head.seen for head in watched.heads))
    unseen = {r: score for r, score in watched.shipped.scored.items() if r not in fitted_on}
    calibrated = watched.card.calibrated(np.array(list(unseen.values())))
    positive = dict(zip(unseen, (calibrated >= watched.card.operating_point.threshold).tolist(), strict=True))
    assert len(unseen) == watched.card.test.n
    for performance, diseased in ((watched.card.test.sensitivity, True), (watched.card.test.specificity, False)):
        right = [found == diseased for radiograph, found in positive.items() if is_diseased(radiograph) == diseased]
        assert performance.value == pytest.approx(np.mean(right))
