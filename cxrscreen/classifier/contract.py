"""What screening needs from a classifier; a stub that fulfils it can stand in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from cxrscreen.classifier.card import ModelCard
from cxrscreen.settings import ExplanationVariant
from cxrscreen.types import ActivationMaps, PreparedBatch, Scores


@dataclass(frozen=True, slots=True)
class Classified:
    """Scores and activation maps of one batch, from one pass through the base."""

    scores: Scores
    activation_maps: ActivationMaps


class Classifier(Protocol):
    """A trained model, loaded."""

    @property
    def card(self) -> ModelCard:
        """What the model is and how far it may be trusted."""
        ...

    def classify(self, prepared: PreparedBatch, *, explanation: ExplanationVariant) -> Classified:
        """Score and explain a batch; row i of each result belongs to row i of ``prepared``."""
        ...
