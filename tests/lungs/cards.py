"""A segmenter's card for weights that nobody trained."""

from __future__ import annotations

from cxrscreen.classifier.bundle import digest
from cxrscreen.classifier.estimate import Estimate
from cxrscreen.lungs.card import Agreement, LungCard, LungSetCard


def lung_card(weights: bytes, version: str = "lungs-drawn") -> LungCard:
    agreement = Agreement(
        name="held-out test, by patient",
        n=3,
        patients=2,
        mean=Estimate(value=0.9, low=0.8, high=0.95, n=3, method="bootstrap by patient, 2000 draws"),
        median=0.91,
        least=0.8,
        poor=1,
        implausible=0,
    )
    return LungCard(
        version=version,
        created_at="2026-11-23T12:00:00+00:00",
        weights_sha256=digest(weights),
        precision="float16",
        parameters=4,
        milliseconds=5.0,
        data_set=LungSetCard(name="drawn", fingerprint="0" * 64, n=15, patients=10),
        seed=1,
        hyperparameters={"epochs": 1},
        libraries={"python": "3"},
        folds=agreement,
        test=agreement,
        held_out=("1" * 64,),
        limits=("None is known.",),
        credits=("Nobody.",),
    )
