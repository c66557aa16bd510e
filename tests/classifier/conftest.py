"""A whole model of random weights: the right shapes, nothing learnt."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from cxrscreen.classifier.base_weights import BaseWeights
from cxrscreen.classifier.bundle import save_bundle
from cxrscreen.types import FeatureMaps, PreparedBatch
from tests.classifier.random_model import random_base, random_bundle

if TYPE_CHECKING:
    from cxrscreen.classifier.head import Head


@pytest.fixture(scope="session")
def base() -> BaseWeights:
    return random_base(0).rounded()


@pytest.fixture(scope="session")
def feature_maps() -> FeatureMaps:
    """Half of the values are zero, as after a ReLU."""
    generator = np.random.default_rng(1)
    return np.maximum(generator.normal(size=(6, 7, 7, 512)), 0).astype(np.float32)


@pytest.fixture(scope="session")
def prepared() -> PreparedBatch:
    return np.random.default_rng(2).integers(0, 256, size=(11, 224, 224, 3), dtype=np.uint8)


@pytest.fixture(scope="session")
def standard_head() -> Head:
    from cxrscreen.classifier.head import Head  # noqa: PLC0415  # only tests marked tensorflow may start it
    from cxrscreen.classifier.recipe import recipe_named  # noqa: PLC0415  # likewise

    return Head(recipe_named("standard"), seed=4)


@pytest.fixture(scope="session")
def saved(tmp_path_factory: pytest.TempPathFactory, base: BaseWeights) -> Path:
    """A folder of models that holds the version "random-1"; read it, do not change it."""
    models = tmp_path_factory.mktemp("models")
    save_bundle(models, *random_bundle("random-1", base))
    return models
