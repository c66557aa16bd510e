"""Labelled sets without files."""

from __future__ import annotations

import cv2
import numpy as np

from cxrscreen.labelled.labelled_set import LabelledRadiograph, LabelledSet
from cxrscreen.types import Grey8, PreparedBatch


def texture(seed: int) -> Grey8:
    """A picture with structure of all sizes: (224, 224)."""
    generator = np.random.default_rng(seed)
    layers = [
        cv2.resize(generator.normal(size=(side, side)), (224, 224), interpolation=cv2.INTER_CUBIC) / side**0.5
        for side in (4, 8, 16, 32, 64)
    ]
    picture = np.sum(layers, axis=0)
    return np.clip(128 + 45 * picture / picture.std(), 0, 255).astype(np.uint8)


def radiograph(number: int, *, diseased: bool, columns: int = 1024, **more: str | float | None) -> LabelledRadiograph:
    named: dict[str, str | float | None] = {"file_name": f"{number}.png", "patient": f"p{number}", **more}
    return LabelledRadiograph(
        sha256=f"{number:064}",
        diseased=diseased,
        rows=1024,
        columns=columns,
        **named,  # type: ignore[arg-type]  # texts and an age
    )


def labelled(*radiographs: LabelledRadiograph, pictures: list[Grey8] | None = None) -> LabelledSet:
    """A set of these radiographs; without pictures each has a texture of its own."""
    drawn = pictures or [texture(int(radiograph.sha256)) for radiograph in radiographs]
    prepared: PreparedBatch = np.repeat(np.stack(drawn)[..., None], 3, axis=-1)
    return LabelledSet("drawn", radiographs, prepared)
