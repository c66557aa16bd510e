"""What screening needs from a classifier; a stub that fulfils it can stand in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from cxrscreen.classifier.card import ModelCard
from cxrscreen.settings import ExplanationVariant
from cxrscreen.types import ActivationMaps, Pooled, PreparedBatch, Scores


@dataclass(frozen=True, slots=True)
class Classified:
    """What one pass through the base gives for one batch.

    Attributes:
        scores: Calibrated where the card has a calibration.
        activation_maps: Of what the base saw, see ``recipe.Framing``.
        block4: Mean of block4_pool over its cells, (n, 512): what the gate compares.
    """

    scores: Scores
    activation_maps: ActivationMaps
    block4: Pooled


class Classifier(Protocol):
    """A trained model, loaded."""

    @property
    def card(self) -> ModelCard:
        """What the model is and how far it may be trusted."""
        ...

    def classify(self, prepared: PreparedBatch, *, explanation: ExplanationVariant) -> Classified:
        """Score and explain a batch; row i of each result belongs to row i of ``prepared``."""
        ...
