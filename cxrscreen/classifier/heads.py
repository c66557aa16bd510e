"""The heads of all recipes, and what they have in common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from cxrscreen.classifier.head import Head
from cxrscreen.classifier.linear_head import LinearHead
from cxrscreen.classifier.recipe import LinearRecipe, Recipe
from cxrscreen.settings import ExplanationVariant
from cxrscreen.types import ActivationMaps, FeatureMaps

AnyHead = Head | LinearHead
"""Both have ``arrays``, ``scores`` and ``scores_pooled``."""


class Explainer(Protocol):
    """What shows where in a feature map a score comes from."""

    def activation_maps(self, feature_maps: FeatureMaps, *, variant: ExplanationVariant) -> ActivationMaps:
        """Explain a batch; row i of the result belongs to row i."""
        ...


def head_of(recipe: Recipe, arrays: Mapping[str, NDArray[np.float32]]) -> AnyHead:
    """Rebuild a head from what its ``arrays`` gave.

    Raises:
        ModelError: An array is missing or of another shape.
    """
    if isinstance(recipe, LinearRecipe):
        return LinearHead.from_arrays(arrays, features=recipe.head_shapes()["weights"][0])
    return Head.from_arrays(recipe, arrays)


def explainer_of(head: AnyHead) -> Explainer:
    """Return what explains a head's scores; for a dense head this starts TensorFlow."""
    if isinstance(head, LinearHead):
        return head
    from cxrscreen.classifier.gradcam import GradCam  # noqa: PLC0415  # starts TensorFlow

    return GradCam(head)
