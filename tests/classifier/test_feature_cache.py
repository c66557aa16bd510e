from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cxrscreen.classifier.base_weights import BaseWeights
from cxrscreen.classifier.feature_cache import FeatureMapCache
from cxrscreen.classifier.recipe import Block
from cxrscreen.types import FeatureMaps, PreparedBatch

ENTRY_BYTES = 32 + 7 * 7 * 512 * 4


class CountingBackbone:
    """Instead of VGG16: each map holds a number that its radiograph decides. Falls over after some steps if told so."""

    def __init__(self, *, dies_at_step: int | None = None) -> None:
        self.steps: list[int] = []
        self._dies_at_step = dies_at_step

    def feature_maps(self, prepared: PreparedBatch) -> FeatureMaps:
        if len(self.steps) + 1 == self._dies_at_step:
            raise KeyboardInterrupt
        self.steps.append(len(prepared))
        return expected_maps(prepared)


def expected_maps(prepared: PreparedBatch) -> FeatureMaps:
    means = prepared.reshape(len(prepared), -1).mean(axis=1).astype(np.float32)
    return means[:, None, None, None] + np.arange(7 * 7 * 512, dtype=np.float32).reshape(7, 7, 512)


def cache_at(folder: Path, backbone: CountingBackbone | None, *, entries: int = 1000) -> FeatureMapCache:
    cache = FeatureMapCache(folder, max_bytes=entries * ENTRY_BYTES)

    def made(_: BaseWeights, block: Block) -> CountingBackbone:
        assert block == 5
        assert backbone, "nothing should be missing"
        return backbone

    cache._backbone = made  # type: ignore[assignment, method-assign]  # in place of seconds of VGG16
    return cache


def maps_from(cache: FeatureMapCache, prepared: PreparedBatch, base: BaseWeights) -> FeatureMaps:
    return cache.feature_maps(prepared, base, step="feature maps", progress=None)


@pytest.fixture(scope="module")
def forty() -> PreparedBatch:
    return np.random.default_rng(7).integers(0, 256, size=(40, 224, 224, 3), dtype=np.uint8)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "feature-maps"


def test_the_second_time_nothing_is_computed(folder: Path, forty: PreparedBatch, base: BaseWeights) -> None:
    backbone = CountingBackbone()
    first = cache_at(folder, backbone)
    assert (maps_from(first, forty, base) == expected_maps(forty)).all()
    assert (first.computed, backbone.steps) == (40, [16, 16, 8])
    second = cache_at(folder, None)
    assert (maps_from(second, forty[::-1], base) == expected_maps(forty)[::-1]).all()
    assert second.computed == 0
    assert second.size() == (40, 40 * ENTRY_BYTES)


def test_one_radiograph_given_twice_is_computed_once(folder: Path, forty: PreparedBatch, base: BaseWeights) -> None:
    cache = cache_at(folder, CountingBackbone())
    twice = forty[[3, 1, 3, 3]]
    assert (maps_from(cache, twice, base) == expected_maps(twice)).all()
    assert cache.computed == 2


def test_another_base_has_other_feature_maps(folder: Path, forty: PreparedBatch, base: BaseWeights) -> None:
    cache = cache_at(folder, CountingBackbone())
    maps_from(cache, forty[:3], base)
    maps_from(cache, forty[:3], replace(base, sha256="f" * 64))
    assert cache.computed == 6


def test_no_radiographs_give_no_maps(folder: Path, forty: PreparedBatch, base: BaseWeights) -> None:
    assert maps_from(cache_at(folder, None), forty[:0], base).shape == (0, 7, 7, 512)
    assert not folder.exists()


def test_progress_counts_radiographs_and_starts_with_what_is_at_hand(
    folder: Path, forty: PreparedBatch, base: BaseWeights
) -> None:
    maps_from(cache_at(folder, CountingBackbone()), forty[:10], base)
    told: list[tuple[str, int, int]] = []
    cache = cache_at(folder, CountingBackbone())
    cache.feature_maps(forty, base, step="shifted", progress=lambda *now: told.append(now))
    assert told == [("shifted", 10, 40), ("shifted", 26, 40), ("shifted", 40, 40)]


def test_a_kill_loses_one_step_only(folder: Path, forty: PreparedBatch, base: BaseWeights) -> None:
    with pytest.raises(KeyboardInterrupt):
        maps_from(cache_at(folder, CountingBackbone(dies_at_step=2)), forty, base)
    again = cache_at(folder, CountingBackbone())
    assert (maps_from(again, forty, base) == expected_maps(forty)).all()
    assert again.computed == 24


def flipped(content: bytes) -> bytes:
    return content[:5000] + bytes([content[5000] ^ 1]) + content[5001:]


@pytest.mark.parametrize("damage", [flipped, lambda content: content[:-1], lambda _: b"", lambda c: c + b"\0"])
def test_a_damaged_entry_is_noticed_in_one_line_and_made_anew(
    folder: Path,
    forty: PreparedBatch,
    base: BaseWeights,
    caplog: pytest.LogCaptureFixture,
    damage: Callable[[bytes], bytes],
) -> None:
    maps_from(cache_at(folder, CountingBackbone()), forty, base)
    entry = min(folder.iterdir())
    entry.write_bytes(damage(entry.read_bytes()))
    cache = cache_at(folder, CountingBackbone())
    with caplog.at_level(logging.INFO):
        assert (maps_from(cache, forty, base) == expected_maps(forty)).all()
    assert cache.computed == 1
    assert [record.getMessage() for record in caplog.records] == [
        f"The cache entry {entry.name[:12]} is damaged: made anew."
    ]
    maps_from(cache_at(folder, None), forty, base)


def test_the_entry_of_another_radiograph_is_not_taken(folder: Path, forty: PreparedBatch, base: BaseWeights) -> None:
    maps_from(cache_at(folder, CountingBackbone()), forty[:2], base)
    one, other = folder.iterdir()
    one.write_bytes(other.read_bytes())
    cache = cache_at(folder, CountingBackbone())
    assert (maps_from(cache, forty[:2], base) == expected_maps(forty[:2])).all()
    assert cache.computed == 1


def test_the_longest_unused_go_first(folder: Path, forty: PreparedBatch, base: BaseWeights) -> None:
    cache = cache_at(folder, CountingBackbone(), entries=3)
    for row in (0, 1, 2):
        maps_from(cache, forty[row : row + 1], base)
        for file in folder.iterdir():  # an hour goes by
            os.utime(file, (file.stat().st_atime, file.stat().st_mtime - 3600))
    maps_from(cache, forty[:1], base)  # used again
    maps_from(cache, forty[3:4], base)
    assert cache.size() == (3, 3 * ENTRY_BYTES)
    maps_from(cache_at(folder, None), forty[[0, 2, 3]], base)
    gone = cache_at(folder, CountingBackbone())
    maps_from(gone, forty[1:2], base)
    assert gone.computed == 1


def test_a_set_larger_than_the_cache_is_right_and_said(
    folder: Path, forty: PreparedBatch, base: BaseWeights, caplog: pytest.LogCaptureFixture
) -> None:
    cache = cache_at(folder, CountingBackbone(), entries=20)
    assert (maps_from(cache, forty, base) == expected_maps(forty)).all()
    assert cache.size() == (20, 20 * ENTRY_BYTES)
    assert "Raise feature_cache_gigabytes" in caplog.text


def test_clearing_says_what_it_freed_and_spares_other_files(
    folder: Path, forty: PreparedBatch, base: BaseWeights
) -> None:
    cache = cache_at(folder, CountingBackbone())
    assert (cache.size(), cache.clear()) == ((0, 0), 0)
    maps_from(cache, forty[:5], base)
    (folder / "notes.txt").write_text("mine")
    assert cache.clear() == 5 * ENTRY_BYTES
    assert [file.name for file in folder.iterdir()] == ["notes.txt"]
    maps_from(cache, forty[:5], base)
    assert cache.computed == 10


def test_others_cannot_read_it(folder: Path, forty: PreparedBatch, base: BaseWeights) -> None:
    maps_from(cache_at(folder, CountingBackbone()), forty[:2], base)
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {file.stat().st_mode & 0o777 for file in folder.iterdir()} == {0o600}


def test_drafts_of_dead_processes_are_swept_and_those_of_living_ones_are_not(
    folder: Path, forty: PreparedBatch, base: BaseWeights
) -> None:
    folder.mkdir()
    dead, alive = folder / "dead.draft", folder / "alive.draft"
    dead.write_bytes(b"half")
    alive.write_bytes(b"half")
    an_hour_ago = time.time() - 3600
    os.utime(dead, (an_hour_ago, an_hour_ago))
    maps_from(cache_at(folder, CountingBackbone()), forty[:1], base)
    assert not dead.exists()
    assert alive.exists()


def test_a_folder_that_cannot_be_written_costs_time_only(
    tmp_path: Path, forty: PreparedBatch, base: BaseWeights, caplog: pytest.LogCaptureFixture
) -> None:
    in_the_way = tmp_path / "file"
    in_the_way.write_bytes(b"")
    cache = cache_at(in_the_way, CountingBackbone())
    assert (maps_from(cache, forty[:3], base) == expected_maps(forty[:3])).all()
    assert [record.getMessage() for record in caplog.records] == [
        "The cache cannot be written (File exists): going on without."
    ]


def test_several_at_once_disturb_each_other_neither_in_values_nor_in_files(
    folder: Path, forty: PreparedBatch, base: BaseWeights, caplog: pytest.LogCaptureFixture
) -> None:
    def work(seed: int) -> bool:
        rows = np.random.default_rng(seed).permutation(40)
        cache = cache_at(folder, CountingBackbone(), entries=30)  # too small: all of them remove as well
        return all((maps_from(cache, forty[rows], base) == expected_maps(forty[rows])).all() for _ in range(3))

    with ThreadPoolExecutor(6) as workers:
        assert all(workers.map(work, range(6)))
    assert not [record for record in caplog.records if "damaged" in record.message or "cannot" in record.message]
    assert {file.suffix for file in folder.iterdir()} == {".entry"}
    assert len(list(folder.iterdir())) <= 30


@pytest.mark.tensorflow
def test_it_keeps_what_the_backbone_computes(folder: Path, prepared: PreparedBatch, base: BaseWeights) -> None:
    from cxrscreen.classifier.backbone import Backbone  # noqa: PLC0415  # starts TensorFlow

    for computed in (2, 0):
        cache = FeatureMapCache(folder, max_bytes=10**9)
        assert (maps_from(cache, prepared[:2], base) == Backbone(base).feature_maps(prepared[:2])).all()
        assert cache.computed == computed


def test_another_block_has_other_feature_maps_of_its_own_shape(
    folder: Path, base: BaseWeights, forty: PreparedBatch
) -> None:
    class FourthBlock(CountingBackbone):
        def feature_maps(self, prepared: PreparedBatch) -> FeatureMaps:
            return np.repeat(np.repeat(super().feature_maps(prepared), 2, axis=1), 2, axis=2)

    maps_from(cache_at(folder, CountingBackbone()), forty[:3], base)
    cache, backbone = FeatureMapCache(folder, max_bytes=10**9), FourthBlock()
    cache._backbone = lambda _base, _block: backbone  # type: ignore[assignment, method-assign]  # likewise
    found = cache.feature_maps(forty[:3], base, block=4, step="maps", progress=None)
    assert found.shape == (3, 14, 14, 512)
    assert cache.computed == 3
    again = FeatureMapCache(folder, max_bytes=10**9)
    assert (again.feature_maps(forty[:3], base, block=4, step="maps", progress=None) == found).all()
    assert again.computed == 0
