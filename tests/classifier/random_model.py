"""Cards and weights without training."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cxrscreen.classifier.base_weights import BaseWeights, layer_shapes
from cxrscreen.classifier.bundle import digest, pack_weights
from cxrscreen.classifier.card import DataSetCard, GoldenScore, ModelCard, Performance
from cxrscreen.classifier.estimate import Estimate
from cxrscreen.classifier.making import Augmentation, Making
from cxrscreen.classifier.operating_point import OperatingPoint

HEAD_SHAPES = {
    "hidden1/kernel": (512, 64),
    "hidden1/bias": (64,),
    "hidden2/kernel": (64, 128),
    "hidden2/bias": (128,),
    "outputs/kernel": (128, 2),
    "outputs/bias": (2,),
}

MAKING = Making(
    recipe="standard",
    seed=1,
    data_folder="drawn",
    fingerprint="1" * 64,
    base_weights_sha256="0" * 64,
    augmentation=Augmentation(),
    search=None,
    note="",
    development=("a" * 64,),
    test=("b" * 64,),
    looks=0,
)


def random_base(seed: int) -> BaseWeights:
    """He-scaled kernels, so that activations neither die nor explode on the way down."""
    generator = np.random.default_rng(seed)
    arrays = {
        name: generator.normal(scale=np.sqrt(2 / np.prod(shape[:-1])) if len(shape) == 4 else 0.05, size=shape)
        for name, shape in layer_shapes().items()
    }
    return BaseWeights.checked(arrays, origin="Random numbers.")


def random_head_arrays(seed: int = 0) -> dict[str, NDArray[np.float32]]:
    generator = np.random.default_rng(seed)
    return {name: generator.normal(scale=0.1, size=shape).astype(np.float32) for name, shape in HEAD_SHAPES.items()}


def random_bundle(version: str, base: BaseWeights) -> tuple[ModelCard, bytes]:
    weights = pack_weights(base, random_head_arrays())
    return card_for(version, digest(weights)), weights


def card_for(version: str, weights_sha256: str) -> ModelCard:
    estimate = Estimate(value=0.9, low=0.8, high=0.95, n=40, method="Wilson")
    figures = Performance(
        name="5-fold cross-validation by patient (threshold chosen here)",
        n=40,
        positives=20,
        patients=30,
        auc=estimate,
        sensitivity=estimate,
        specificity=estimate,
        accuracy=estimate,
    )
    return ModelCard(
        version=version,
        recipe="standard",
        created_at="2026-01-01T00:00:00+00:00",
        weights_sha256=weights_sha256,
        base_weights_sha256="0" * 64,
        base_precision="int16",
        largest_change_by_rounding=0.0002,
        data_set=DataSetCard(name="drawn", fingerprint="1" * 64, n=50, positives=25, patients=40),
        seed=1,
        hyperparameters={"epochs": 12},
        libraries={"numpy": np.__version__},
        operating_point=OperatingPoint(threshold=0.25, sensitivity=0.95, specificity=0.8),
        folds=figures,
        test=figures.model_copy(update={"name": "held-out test, by patient"}),
        golden=(GoldenScore(phantom_seed=1, opacities=True, score=0.5),),
        limits=("It has learnt nothing.",),
        credits=("Nobody.",),
    )
