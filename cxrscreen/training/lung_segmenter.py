"""From radiographs with lung masks to a segmenter with its card.

Five networks are trained, each on the patients of four parts of five. Together they give every radiograph a mask by a
network that had not seen the patient: the card's figures over the folds. The first of the five ships, and the part
that it has not seen is the card's test; which one ships is settled before any is trained.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import GroupKFold

from cxrscreen.classifier.base_weights import arrays_in
from cxrscreen.classifier.bundle import digest
from cxrscreen.errors import DataSetError
from cxrscreen.labelled.splits import FOLDS, Indices
from cxrscreen.lungs.bundle import free_place, save_segmenter
from cxrscreen.lungs.card import Agreement, LungCard, LungSetCard, patient_mark
from cxrscreen.lungs.fields import LungFields
from cxrscreen.lungs.fit import GRADIENT_NORM, LEARNING_RATE, WEIGHT_DECAY
from cxrscreen.lungs.network import WIDTHS
from cxrscreen.lungs.preparation import segmenter_inputs
from cxrscreen.lungs.segmenter import BATCH, Network
from cxrscreen.settings import Settings
from cxrscreen.training.libraries import library_versions
from cxrscreen.training.lung_agreement import agreement_of
from cxrscreen.training.lung_learning import LEARNT_AT_ONCE, found_by, learnt
from cxrscreen.training.lung_request import LungRequest
from cxrscreen.training.lung_set import LEARNING_SIDE, LungSet, read_lung_set
from cxrscreen.types import Progress

MIN_PATIENTS = 2 * FOLDS
SHIPPED_FOLD = 0

_TIMED_SIDE = 1024
_TIMED_BATCHES = 4


@dataclass(frozen=True, slots=True)
class TrainedLungs:
    """What a training made.

    Attributes:
        card: Of the new segmenter.
        folder: Where it lies, to be given to ``Segmenter.of``.
    """

    card: LungCard
    folder: Path


def train_lungs(request: LungRequest, *, into: Path, progress: Progress | None = None) -> TrainedLungs:
    """Train, measure and keep a segmenter.

    Args:
        request: What a person asks for.
        into: Folder of segmenters; the new one becomes its subfolder.
        progress: Told of each epoch.

    Raises:
        DataSetError: The folder cannot be trained on.
        ModelError: The version exists already, or the segmenter cannot be written.
    """
    version = request.version or f"lungs-{datetime.now(tz=UTC):%Y%m%d-%H%M%S}"
    free_place(into, version)  # told now, not after an hour of training
    masked = read_lung_set(request.data_folder, progress)
    trained = [
        learnt(
            [masked.radiographs[place] for place in train],
            epochs=request.epochs,
            seed=request.seed + fold,
            step=f"network {fold + 1} of {FOLDS}",
            progress=progress,
        )
        for fold, (train, _) in enumerate(folds_by_patient(masked, seed=request.seed))
    ]
    card = card_of(masked, trained, request, version=version)
    return TrainedLungs(card, save_segmenter(into, card, trained[SHIPPED_FOLD]))


def segmenters_of(settings: Settings) -> Path:
    """Return the folder of the segmenters that a site has trained."""
    return settings.workspace / "lungs"


def folds_by_patient(masked: LungSet, *, seed: int) -> list[tuple[Indices, Indices]]:
    """Five pairs (training, held out); no patient is on both sides, and file names move nobody.

    Raises:
        DataSetError: There are fewer than ten patients.
    """
    several = len(set(masked.patients))
    if several < MIN_PATIENTS:
        raise DataSetError(f"Masks of {several} patients are there; at least {MIN_PATIENTS} are needed. Add some.")
    splitter = GroupKFold(n_splits=FOLDS, shuffle=True, random_state=seed)
    return list(splitter.split(np.zeros(len(masked.patients)), groups=masked.patients))


def card_of(masked: LungSet, trained: list[bytes], request: LungRequest, *, version: str) -> LungCard:
    """Measure the networks on what each has not seen, and describe the one that ships.

    Args:
        masked: What they learnt from.
        trained: Weights of each fold's network, in order.
        request: What was asked for.
        version: Of the segmenter that ships.
    """
    folds = folds_by_patient(masked, seed=request.seed)
    found: dict[int, LungFields] = {}
    for weights, (_, held_out) in zip(trained, folds, strict=True):
        fields = found_by(weights, [masked.radiographs[place] for place in held_out])
        found |= dict(zip(held_out.tolist(), fields, strict=True))
    train, test = folds[SHIPPED_FOLD]
    arrays = arrays_in(trained[SHIPPED_FOLD], what="weights just trained")

    def agreement(name: str, places: Indices) -> Agreement:
        return agreement_of(
            name,
            [found[place] for place in places.tolist()],
            [masked.radiographs[place].mask for place in places],
            [masked.patients[place] for place in places],
            seed=request.seed,
        )

    over_folds = agreement(f"{FOLDS}-fold cross-validation, by patient", np.arange(len(masked.radiographs)))
    return LungCard(
        version=version,
        created_at=datetime.now(tz=UTC).isoformat(timespec="seconds"),
        weights_sha256=digest(trained[SHIPPED_FOLD]),
        precision="float16",
        parameters=sum(array.size for array in arrays.values()),
        milliseconds=_milliseconds(arrays, request.seed),
        data_set=LungSetCard(
            name=masked.name,
            fingerprint=masked.fingerprint,
            n=len(masked.radiographs),
            patients=len(set(masked.patients)),
        ),
        seed=request.seed,
        hyperparameters={
            "widths": "-".join(map(str, WIDTHS)),
            "learning_side_pixels": LEARNING_SIDE,
            "epochs": request.epochs,
            "batch_size": LEARNT_AT_ONCE,
            "optimizer": "AdamW",
            "learning_rate": LEARNING_RATE,
            "weight_decay": WEIGHT_DECAY,
            "gradient_norm": GRADIENT_NORM,
            "loss": "cross-entropy + 1 - soft Dice",
        },
        libraries=library_versions(),
        folds=over_folds,
        test=agreement("held-out test, by patient", test),
        held_out=tuple(sorted(masked.radiographs[place].sha256 for place in test)),
        learnt_from=marks_of(masked, train),
        limits=tuple(_limits(over_folds, request)),
        credits=tuple(_credits(masked, request)),
    )


def marks_of(masked: LungSet, places: Indices) -> tuple[str, ...]:
    """What stands for the patients of some radiographs on a card, under all numbers that the metadata give them."""
    fingerprint = masked.fingerprint
    return tuple(sorted({patient_mark(masked.radiographs[place].patient, fingerprint) for place in places}))


def _limits(folds: Agreement, request: LungRequest) -> Iterator[str]:
    yield (
        "Measured on the collection that it was trained from, each mask against one person's drawing: expect less on "
        "radiographs of another hospital."
    )
    yield (
        f"Of {folds.n} masks {folds.poor} agree badly with the drawing (Dice below 0.9), the worst with "
        f"{folds.least:.2f}; an outline can be plausible and wrong."
    )
    if request.note:
        yield request.note


def _credits(masked: LungSet, request: LungRequest) -> Iterator[str]:
    if request.credit:
        yield request.credit
    stated = ", ".join(f"{licence} ({count})" for licence, count in masked.licences.items())
    yield f"Radiographs of {masked.name}. Licences as stated: {stated}."


def _milliseconds(arrays: dict[str, NDArray[Any]], seed: int) -> float:
    """CPU time from a radiograph of reading resolution to its log-odds."""
    network = Network(arrays)
    size = BATCH, _TIMED_SIDE, _TIMED_SIDE
    noise = list(np.random.default_rng(seed).integers(256, size=size, dtype=np.uint8))
    network.log_odds(segmenter_inputs(noise))  # the first call builds the graph
    start = time.process_time()
    for _ in range(_TIMED_BATCHES):
        network.log_odds(segmenter_inputs(noise))
    return 1000 * (time.process_time() - start) / (_TIMED_BATCHES * BATCH)
