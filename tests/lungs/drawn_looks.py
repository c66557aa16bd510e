"""What the gate is told of radiographs that nobody took: phantoms' edges, and features around one direction."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from cxrscreen.lungs.fields import LungFields, fields_of
from cxrscreen.lungs.gate import Looks
from cxrscreen.phantom.golden import golden_phantom
from cxrscreen.radiograph.edges import SIGNATURE_WIDTH, edge_signature, ways
from tests.lungs.drawn_lungs import LEFT, RIGHT, lungs

LUNG_FIELDS = fields_of(lungs(LEFT, RIGHT))
ONE_LUNG = fields_of(lungs(LEFT))
WIDTH = {"block4": 512, "lungs": 80}


@lru_cache
def signatures(seed: int) -> np.ndarray:
    """Edge signatures of a phantom in all ways."""
    return np.stack([edge_signature(way) for way in ways(golden_phantom(seed, opacities=False))])


def features(kind: str, seed: int, spread: float = 0.3) -> np.ndarray:
    """Around a direction that is the kind's own; with a spread of 100 in any direction."""
    middle = np.random.default_rng(len(kind)).random(WIDTH[kind])
    return np.abs(middle + spread * np.random.default_rng(seed).normal(size=WIDTH[kind]))


def looks(  # noqa: PLR0913  # each may be unlike
    seed: int,
    *,
    way: int = 0,
    strange: tuple[str, ...] = (),
    fields: LungFields = LUNG_FIELDS,
    pattern: float = 0.5,
    age_years: float | None = None,
) -> Looks:
    """Of a radiograph like the others, but for what is said; ``strange`` names kinds of feature that are unlike."""
    edges = np.abs(signatures(seed % 8)[way] + 0.006 * np.random.default_rng(seed).normal(size=SIGNATURE_WIDTH))
    if "edges" in strange:
        edges = edge_signature(np.random.default_rng(seed).integers(0, 256, (224, 224), dtype=np.uint8))
    block4, deepest = (features(kind, seed, spread=100 if kind in strange else 0.3) for kind in WIDTH)
    return Looks(edges=edges, pattern=pattern, block4=block4, lungs=deepest, fields=fields, age_years=age_years)
