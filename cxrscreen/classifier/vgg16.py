"""The trained classifier: base, head and Grad-CAM behind the contract that screening knows."""

from __future__ import annotations

from cxrscreen.classifier.backbone import Backbone
from cxrscreen.classifier.card import ModelCard
from cxrscreen.classifier.contract import Classified
from cxrscreen.classifier.gradcam import GradCam
from cxrscreen.classifier.head import Head
from cxrscreen.settings import ExplanationVariant
from cxrscreen.types import FeatureMaps, PreparedBatch


class Vgg16Classifier:
    """A loaded model; fulfils ``contract.Classifier``.

    Attributes:
        backbone: The frozen base, for those who keep feature maps.
    """

    def __init__(self, card: ModelCard, backbone: Backbone, head: Head) -> None:
        self._card = card
        self.backbone = backbone
        self._head = head
        self._grad_cam = GradCam(head)

    @property
    def card(self) -> ModelCard:
        """What the model is and how far it may be trusted."""
        return self._card

    def classify(self, prepared: PreparedBatch, *, explanation: ExplanationVariant) -> Classified:
        """Score and explain a batch; row i of each result belongs to row i of ``prepared``."""
        return self.classify_feature_maps(self.backbone.feature_maps(prepared), explanation=explanation)

    def classify_feature_maps(self, feature_maps: FeatureMaps, *, explanation: ExplanationVariant) -> Classified:
        """Score and explain from feature maps that are there already."""
        return Classified(
            scores=self._head.scores(feature_maps),
            activation_maps=self._grad_cam.activation_maps(feature_maps, variant=explanation),
        )
