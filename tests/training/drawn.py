"""Small labelled folders, and a base that costs nothing."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from cxrscreen.classifier.backbone import Backbone
from cxrscreen.classifier.base_weights import BaseWeights
from cxrscreen.classifier.feature_cache import FeatureMapCache
from cxrscreen.classifier.recipe import Block
from cxrscreen.classifier.registry import Registry
from cxrscreen.labelled.site import Site
from cxrscreen.radiograph.acceptance import AcceptanceLimits
from cxrscreen.training.request import RetrainRequest
from cxrscreen.training.retraining import Retrained
from cxrscreen.training.search_space import FixedSettings, SearchSpace, Stage
from cxrscreen.types import FeatureMaps, PreparedBatch

LIMITS = AcceptanceLimits(min_side_pixels=300, max_pixels=64_000_000, max_aspect=2.0)
FIFTH = 5
PATIENTS = 12  # of each class
SPACE = SearchSpace(
    start="best",
    stages=(
        Stage(name="coarse", learning_rate=(0.0001, 0.01), batch_size=(5, 8), fixed=FixedSettings(epochs=3)),
        Stage(name="optimizer", optimizer=("Adam", "SGD"), fixed=FixedSettings(epochs=2, learning_rate=0.0001)),
        Stage(name="fine", epochs=(2, 4)),
    ),
)


class CheapBackbone(Backbone):
    """Puts block averages of the picture in the place of VGG16's maps; an unrounded base sees a little more.

    In the fourth block, cells count by how bright they are, so that an activation map has something to tell apart.
    """

    def __init__(self, weights: BaseWeights, *, block: Block = 5) -> None:
        self.block = block
        self._more = np.float32(0.0 if _is_rounded(weights) else 0.5)

    def feature_maps(self, prepared: PreparedBatch) -> FeatureMaps:
        maps = maps_of(prepared) + self._more
        if self.block == FIFTH:
            return maps
        cells = prepared[..., :1].reshape(len(prepared), 14, 16, 14, 16, 1).mean(axis=(2, 4)).astype(np.float32)
        return maps[:, :1, :1] * cells / np.maximum(cells.mean(axis=(1, 2), keepdims=True), 1)


_ROUNDED: dict[str, bool] = {}  # rounding takes half a second


def _is_rounded(weights: BaseWeights) -> bool:
    if weights.sha256 not in _ROUNDED:
        _ROUNDED[weights.sha256] = weights.sha256 == weights.rounded().sha256
    return _ROUNDED[weights.sha256]


def maps_of(prepared: PreparedBatch) -> FeatureMaps:
    """Each channel holds one of 49 block averages in all of its cells: every pooling window sees all of them."""
    blocks = prepared[..., 0].reshape(len(prepared), 7, 32, 7, 32).mean(axis=(2, 4)).reshape(len(prepared), 49) / 255
    channels = blocks[:, np.arange(512) % 49].astype(np.float32)
    return np.tile(channels[:, None, None], (1, 7, 7, 1))


def draw_folder(root: Path, *, each: int = 2, contrast: int = 40, first: int = 0) -> Path:
    """Radiographs of ``PATIENTS`` patients of each class, ``each`` of them; COVID-19 is brighter below, by up to 65."""
    table = "filename,patient_id\n"
    for label in ("covid", "normal"):
        (root / label).mkdir(parents=True)
        for number in range(first, first + PATIENTS):
            for letter in "abc"[:each]:
                name = f"{label}/{number:02}{letter}.png"
                coarse = np.random.default_rng(list(name.encode())).integers(40, 190, size=(6, 6))
                coarse[3:] += contrast * (label == "covid")
                assert cv2.imwrite(str(root / name), cv2.resize(coarse.astype(np.uint8), (320, 320)))
                table += f"{name},{label}-{number:02}\n"
    (root / "metadata.csv").write_text(table)
    return root


def site_in(root: Path, *, automatic_promotion: bool = False) -> Site:
    """A site without the shipped model."""
    for name in ("models", "retraining", "reports"):
        (root / name).mkdir(parents=True, exist_ok=True)
    return Site(
        models=root / "models",
        runs=root / "retraining",
        reports=root / "reports",
        segmenters=root / "lungs",
        cache=FeatureMapCache(root / "feature-maps", max_bytes=10**9),
        registry=Registry((root / "models",)),
        limits=LIMITS,
        automatic_promotion=automatic_promotion,
    )


def asked(folder: Path, **chosen: object) -> RetrainRequest:
    return RetrainRequest(**({"data_folder": folder, "recipe": "standard", "seed": 1} | chosen))  # type: ignore[arg-type]  # pydantic checks


def essence(made: Retrained) -> dict[str, object]:
    """All of a card but the moment, and what other models had seen by then."""
    return made.card.model_dump(exclude={"created_at", "version", "looks"})
