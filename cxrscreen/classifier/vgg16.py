"""The trained classifier: base, head and activation maps behind the contract that screening knows."""

from __future__ import annotations

from cxrscreen.classifier.backbone import Backbone
from cxrscreen.classifier.card import ModelCard
from cxrscreen.classifier.contract import Classified
from cxrscreen.classifier.heads import AnyHead, explainer_of
from cxrscreen.settings import ExplanationVariant
from cxrscreen.types import ActivationMaps, FeatureMaps, PreparedBatch, Scores


class Vgg16Classifier:
    """A loaded model; fulfils ``contract.Classifier``.

    Attributes:
        backbone: The frozen base, for those who keep feature maps.
    """

    def __init__(self, card: ModelCard, backbone: Backbone, head: AnyHead) -> None:
        self._card = card
        self.backbone = backbone
        self._head = head
        self._explainer = explainer_of(head)

    @property
    def card(self) -> ModelCard:
        """What the model is and how far it may be trusted."""
        return self._card

    def classify(self, prepared: PreparedBatch, *, explanation: ExplanationVariant) -> Classified:
        """Score and explain a batch; row i of each result belongs to row i of ``prepared``."""
        feature_maps, block4 = self.backbone.run(prepared)
        return Classified(
            scores=self.scores(feature_maps),
            activation_maps=self.activation_maps(feature_maps, explanation=explanation),
            block4=block4,
        )

    def scores(self, feature_maps: FeatureMaps) -> Scores:
        """Score feature maps that are there already; calibrated where the card has a calibration."""
        return self._card.calibrated(self._head.scores(feature_maps))

    def activation_maps(self, feature_maps: FeatureMaps, *, explanation: ExplanationVariant) -> ActivationMaps:
        """Explain feature maps that are there already."""
        return self._explainer.activation_maps(feature_maps, variant=explanation)
