"""One network of the segmenter: from radiographs with masks to weights, and from weights to masks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cxrscreen.classifier.base_weights import arrays_in
from cxrscreen.lungs.bundle import pack_arrays
from cxrscreen.lungs.fields import LungFields
from cxrscreen.lungs.fit import Batch, fit
from cxrscreen.lungs.preparation import segmenter_inputs
from cxrscreen.lungs.segmenter import Network
from cxrscreen.training.lung_changes import changed
from cxrscreen.training.lung_draws import draw_change
from cxrscreen.training.lung_set import MaskedRadiograph
from cxrscreen.types import Progress

LEARNT_AT_ONCE = 8


def learnt(
    radiographs: Sequence[MaskedRadiograph], *, epochs: int, seed: int, step: str, progress: Progress | None = None
) -> bytes:
    """Train a network and return its weights as they ship.

    Args:
        radiographs: To learn from, at least one.
        epochs: How often each is shown, changed anew each time.
        seed: Of first weights, order and changes.
        step: What ``progress`` is told that this is.
        progress: Told of each epoch.
    """
    at_once = min(LEARNT_AT_ONCE, len(radiographs))
    steps = len(radiographs) // at_once
    batches = _batches(radiographs, np.random.default_rng(seed), at_once=at_once)

    def watched() -> Iterator[Batch]:
        for done, batch in enumerate(batches, start=1):
            if progress and done % steps == 0:
                progress(step, done // steps, epochs)
            yield batch

    return pack_arrays(fit(watched(), steps=steps * epochs, seed=seed))


def found_by(weights: bytes, radiographs: Sequence[MaskedRadiograph]) -> list[LungFields]:
    """Let a network, rounded as it ships, find the lungs.

    Args:
        weights: From ``learnt``.
        radiographs: As they lie in the set.
    """
    arrays: dict[str, NDArray[Any]] = arrays_in(weights, what="weights just trained")
    return Network(arrays).lung_fields(segmenter_inputs([one.square for one in radiographs]))


def _batches(
    radiographs: Sequence[MaskedRadiograph], generator: np.random.Generator, *, at_once: int
) -> Iterator[Batch]:
    """Show all radiographs in a new order each epoch; the few that fill no batch wait for the next one."""
    while True:
        order = generator.permutation(len(radiographs))
        for start in range(0, len(order) - at_once + 1, at_once):
            batch = order[start : start + at_once]
            changes = [draw_change(generator) for _ in batch]
            pairs = [
                changed(radiographs[place].large, radiographs[place].large_mask, change)
                for place, change in zip(batch, changes, strict=True)
            ]
            inputs, masks = zip(*pairs, strict=True)
            yield np.stack(inputs)[..., np.newaxis], np.stack(masks)[..., np.newaxis]
