"""Where the frozen base comes from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cxrscreen.classifier.base_weights import BaseWeights, download_base_weights, load_base_weights
from cxrscreen.classifier.bundle import base_of_bundle
from cxrscreen.classifier.registry import SHIPPED_MODELS, SHIPPED_VERSION
from cxrscreen.training.request import DOWNLOADED_BASE, SHIPPED_BASE


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Bases:
    """The frozen base as it was given, and its 16-bit rounding, which trains and ships."""

    given: BaseWeights
    rounded: BaseWeights

    @classmethod
    def of(cls, given: BaseWeights) -> Bases:
        """Round the base as a bundle does."""
        return cls(given=given, rounded=given.rounded())


def base_weights(named: str) -> BaseWeights:
    """Return the base that a person named.

    Args:
        named: "shipped" takes the shipped model's, which needs no network; "download" asks Keras; anything
            else is the path of an ``.npz`` of ImageNet weights.

    Raises:
        ModelError: The weights are missing, damaged or not those of ImageNet.
    """
    if named == SHIPPED_BASE:
        return base_of_bundle(SHIPPED_MODELS / SHIPPED_VERSION)
    if named == DOWNLOADED_BASE:
        return download_base_weights()
    return load_base_weights(Path(named))
