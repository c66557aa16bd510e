"""The real labelled folder as every measurement on heads starts from it: truth, patients, feature maps."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedGroupKFold

from cxrscreen.classifier.bundle import base_of_bundle
from cxrscreen.classifier.feature_cache import FeatureMapCache
from cxrscreen.classifier.recipe import Recipe, RecipeName, recipe_named
from cxrscreen.classifier.registry import SHIPPED_MODELS, SHIPPED_VERSION
from cxrscreen.labelled.groups import joined_patients
from cxrscreen.labelled.labelled_set import LabelledSet, read_labelled
from cxrscreen.labelled.likeness import alike
from cxrscreen.radiograph.acceptance import acceptance_limits
from cxrscreen.settings import load_settings
from cxrscreen.types import FeatureMaps
from tests.benchmarks.results import real_folder

RECIPES: tuple[RecipeName, ...] = ("study-2020", "standard")
PARTS = 5
_CACHE_BYTES = 2 * 2**30

Parts = list[tuple[NDArray[np.intp], NDArray[np.intp]]]


@dataclass(frozen=True)
class RealSet:
    """Radiographs with what a head is trained from.

    Attributes:
        groups: Patient of each radiograph, look-alikes joined.
        feature_maps: Of the shipped base, shape (n, 7, 7, 512).
    """

    labelled: LabelledSet
    groups: tuple[str, ...]
    feature_maps: FeatureMaps

    def parts(self, seed: int) -> Parts:
        """Five pairs (training, the rest), stratified, no group in two parts; each "rest" is about 20 %."""
        splitter = StratifiedGroupKFold(n_splits=PARTS, shuffle=True, random_state=seed)
        groups = np.unique(np.asarray(self.groups), return_inverse=True)[1]
        return list(splitter.split(np.zeros(len(groups)), self.labelled.diseased, groups))


def as_the_study(name: RecipeName) -> Recipe:
    """The recipe with the settings that the study ended with."""
    return replace(recipe_named(name), learning_rate=0.008, batch_size=7, optimizer="Adam", epochs=12)


def real_set(*, cache: Path | None, radiographs: int | None) -> RealSet:
    """Read the real folder, or the first radiographs of each class of it.

    Args:
        cache: Folder that keeps the feature maps; ``None`` computes them anew and keeps nothing.
        radiographs: For trials: how many, half of each class; ``None`` takes all.
    """
    with first_of(radiographs) as folder, tempfile.TemporaryDirectory() as temporary:
        labelled = read_labelled(folder, limits=acceptance_limits(load_settings()))
        kept = FeatureMapCache(cache or Path(temporary), max_bytes=_CACHE_BYTES)
        base = base_of_bundle(SHIPPED_MODELS / SHIPPED_VERSION)
        feature_maps = kept.feature_maps(labelled.prepared, base, step="feature maps", progress=None)
    return RealSet(labelled, joined_patients(labelled, alike(labelled)), feature_maps)


@contextmanager
def first_of(radiographs: int | None) -> Iterator[Path]:
    """Give the real folder, or a copy that holds only its first radiographs, half of each class."""
    whole = real_folder()
    if radiographs is None:
        yield whole
        return
    with tempfile.TemporaryDirectory() as temporary:
        for name in ("covid", "normal"):
            Path(temporary, name).mkdir()
            for file in sorted((whole / name).glob("*.*"))[: radiographs // 2]:
                shutil.copyfile(file, Path(temporary, name, file.name))
        shutil.copyfile(whole / "metadata.csv", Path(temporary, "metadata.csv"))
        yield Path(temporary)
