"""Two models of random weights on drawn pictures; feature maps are made up, so no base has to run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest

from cxrscreen.classifier.base_weights import BaseWeights
from cxrscreen.classifier.bundle import digest, pack_weights, save_bundle
from cxrscreen.classifier.feature_cache import FeatureMapCache
from cxrscreen.classifier.recipe import Block
from cxrscreen.errors import DataSetError
from cxrscreen.labelled import scoring
from cxrscreen.labelled.compare import compare_on
from cxrscreen.labelled.labelled_set import LabelledSet, read_labelled
from cxrscreen.labelled.scoring import Scorer
from cxrscreen.labelled.seen import Seen
from cxrscreen.radiograph.acceptance import AcceptanceLimits
from cxrscreen.types import FeatureMaps, PreparedBatch, Progress
from tests.classifier.random_model import MAKING, card_for, random_base, random_head_arrays

LIMITS = AcceptanceLimits(min_side_pixels=300, max_pixels=64_000_000, max_aspect=2.0)
OF_EACH_CLASS = 12


class DrawnMaps(FeatureMapCache):
    """Feature maps drawn from the pixels."""

    def feature_maps(
        self, prepared: PreparedBatch, base: BaseWeights, *, block: Block = 5, step: str, progress: Progress | None
    ) -> FeatureMaps:
        del base, block
        seeds = [int(pixels.sum()) for pixels in prepared]
        if progress:
            progress(step, len(prepared), len(prepared))
        maps = [np.random.default_rng(seed).random((7, 7, 512), dtype=np.float32) for seed in seeds]
        return np.array(maps, dtype=np.float32).reshape(-1, 7, 7, 512)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve patients of each class; the last of each has two radiographs."""
    home = tmp_path_factory.mktemp("labelled")
    rows = ["filename,patient_id"]
    for label in ("covid", "normal"):
        (home / label).mkdir()
        for number in range(OF_EACH_CLASS + 1):
            seed = number + 100 * (label == "covid")
            coarse = np.random.default_rng(seed).integers(0, 256, size=(80, 80)).astype(np.uint8)
            assert cv2.imwrite(str(home / label / f"{number}.png"), cv2.resize(coarse, (320, 320)))
            rows.append(f"{label}/{number}.png,{label}-{min(number, OF_EACH_CLASS - 1)}")
    (home / "metadata.csv").write_text("\n".join(rows))
    return home


@pytest.fixture(scope="module")
def labelled(folder: Path) -> LabelledSet:
    return read_labelled(folder, limits=LIMITS)


@pytest.fixture(scope="module")
def base() -> BaseWeights:
    return random_base(0).rounded()


def save(models: Path, version: str, base: BaseWeights, *, seed: int, learnt: Sequence[str] | None) -> Path:
    """A model that learnt from the files of these contents, or of which nobody knows."""
    weights = pack_weights(base, random_head_arrays(seed))
    making = MAKING.model_copy(update={"development": tuple(learnt or ())})
    extras = {} if learnt is None else {"making.json": making.model_dump_json().encode()}
    return save_bundle(models, card_for(version, digest(weights)), weights, extras)


def contents(labelled: LabelledSet, *file_names: str) -> list[str]:
    by_name = {radiograph.file_name: radiograph.sha256 for radiograph in labelled.radiographs}
    return [by_name[name] for name in file_names]


def test_whoever_either_model_learnt_from_is_left_out_with_all_radiographs(
    folder: Path, labelled: LabelledSet, base: BaseWeights, tmp_path: Path
) -> None:
    last = OF_EACH_CLASS - 1
    first = save(tmp_path, "a-1", base, seed=1, learnt=contents(labelled, f"covid/{last}.png", "covid/0.png"))
    second = save(tmp_path, "b-1", base, seed=2, learnt=contents(labelled, "covid/0.png", "normal/3.png"))
    cache, told = DrawnMaps(tmp_path / "maps", max_bytes=10**9), []
    found = compare_on(
        folder,
        champion=first,
        challenger=second,
        limits=LIMITS,
        cache=cache,
        segmenters=tmp_path,
        progress=lambda step, done, total: told.append((step, done, total)),
    )
    everybody = 2 * (OF_EACH_CLASS + 1)
    assert (found.champion, found.challenger) == ("a-1", "b-1")
    assert (found.n, found.positives) == (everybody - 4, OF_EACH_CLASS + 1 - 3)
    assert found.seen_by_champion == 3
    assert found.reasons[-1] == "Left out besides, because b-1 learnt from their patients: 1."
    assert found.auc is not None
    assert ("feature maps", everybody, everybody) in told
    assert ("feature maps, champion", found.n, found.n) in told
    assert "look-alikes" in {step for step, _, _ in told}
    again = compare_on(folder, champion=first, challenger=second, limits=LIMITS, cache=cache, segmenters=tmp_path)
    assert again == found


def test_where_nobody_knows_what_a_model_learnt_from_nothing_can_be_told(
    folder: Path, base: BaseWeights, tmp_path: Path
) -> None:
    known = save(tmp_path, "a-1", base, seed=1, learnt=())
    unknown = save(tmp_path, "b-1", base, seed=2, learnt=None)
    cache = DrawnMaps(tmp_path / "maps", max_bytes=10**9)
    found = compare_on(folder, champion=known, challenger=unknown, limits=LIMITS, cache=cache, segmenters=tmp_path)
    assert found.verdict == "cannot tell"
    assert found.reasons[0].startswith("It is not recorded which radiographs b-1 learnt from")
    assert found.auc is not None
    assert found.n == 2 * (OF_EACH_CLASS + 1)


def test_scores_do_not_depend_on_how_many_maps_are_in_memory(
    labelled: LabelledSet, base: BaseWeights, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = Scorer.of(save(tmp_path, "a-1", base, seed=1, learnt=("a", "b")))
    assert model.developed_on == {"a", "b"}
    cache = DrawnMaps(tmp_path / "maps", max_bytes=10**9)
    told: list[tuple[int, int]] = []

    def scores(at_once: int) -> list[float]:
        monkeypatch.setattr(scoring, "_AT_ONCE", at_once)
        found = model.scores(labelled.prepared, cache, step="", progress=lambda _, *counts: told.append(counts))
        return found.tolist()

    everybody = len(labelled.radiographs)
    assert scores(256) == scores(10)
    assert told == [(everybody, everybody), (10, everybody), (20, everybody), (everybody, everybody)]


def test_where_no_radiograph_is_left_nothing_can_be_told(
    folder: Path, labelled: LabelledSet, base: BaseWeights, tmp_path: Path
) -> None:
    greedy = save(tmp_path, "a-1", base, seed=1, learnt=[radiograph.sha256 for radiograph in labelled.radiographs])
    modest = save(tmp_path, "b-1", base, seed=2, learnt=())
    cache = DrawnMaps(tmp_path / "maps", max_bytes=10**9)
    found = compare_on(folder, champion=greedy, challenger=modest, limits=LIMITS, cache=cache, segmenters=tmp_path)
    assert (found.n, found.auc, found.verdict) == (0, None, "cannot tell")


def test_a_model_is_not_compared_with_itself(folder: Path, base: BaseWeights, tmp_path: Path) -> None:
    bundle = save(tmp_path, "a-1", base, seed=1, learnt=())
    cache = DrawnMaps(tmp_path / "maps", max_bytes=10**9)
    with pytest.raises(DataSetError, match="a-1 would be compared with itself"):
        compare_on(folder, champion=bundle, challenger=bundle, limits=LIMITS, cache=cache, segmenters=tmp_path)


def test_one_radiograph_that_was_seen_marks_all_of_its_patient(labelled: LabelledSet) -> None:
    last = OF_EACH_CLASS - 1
    seen = Seen.of(frozenset(contents(labelled, f"normal/{last}.png")), labelled, labelled.patients)
    names = [one.file_name for one, is_marked in zip(labelled.radiographs, seen.patients, strict=True) if is_marked]
    assert sorted(names) == sorted([f"normal/{last}.png", f"normal/{last + 1}.png"])
