"""Grad-CAM from the feature map that the score came from: no second pass through the base.

The gradient is that of the log-odds, z_covid - z_normal. For two softmax outputs the gradient of the
probability p is the same times p (1 - p), one positive number for each radiograph, so the map with
its maximum at 1 is the same; but a saturated score, where p (1 - p) underflows, keeps its map.
"""

from __future__ import annotations

import numpy as np

from cxrscreen.classifier.base_weights import FEATURE_SHAPE
from cxrscreen.classifier.head import Head
from cxrscreen.classifier.runtime import tf
from cxrscreen.settings import ExplanationVariant
from cxrscreen.types import ActivationMaps, FeatureMaps


class GradCam:
    """Activation maps for COVID-19, in two variants.

    - ``standard``: Selvaraju et al. 2017 (arXiv 1610.02391), equations 1 and 2: channel weights are
      the gradients' means over the map, the weighted sum of channels is cut at zero.
    - ``guided``: what the study ran (the PyImageSearch tutorial's Grad-CAM): only gradients count
      that are positive at cells with positive activation. Not Guided Backpropagation, and not
      Selvaraju's Guided Grad-CAM.
    """

    def __init__(self, head: Head) -> None:
        self._head = head
        signature = [tf.TensorSpec((None, *FEATURE_SHAPE), tf.float32)]
        self._graphs = {
            "guided": tf.function(self._guided, input_signature=signature),
            "standard": tf.function(self._standard, input_signature=signature),
        }

    def activation_maps(self, feature_maps: FeatureMaps, *, variant: ExplanationVariant) -> ActivationMaps:
        """Explain a batch.

        Args:
            feature_maps: Shape (n, 7, 7, 512).
            variant: See the class.

        Returns:
            Shape (n, 7, 7), each with its maximum at 1, or zero everywhere where nothing speaks for COVID-19.
        """
        if len(feature_maps) == 0:
            return np.empty((0, *FEATURE_SHAPE[:2]), dtype=np.float32)
        maps: ActivationMaps = self._graphs[variant](feature_maps).numpy()
        return maps

    def _gradients(self, feature_maps: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            tape.watch(feature_maps)
            log_odds = self._head.log_odds_of_tensor(feature_maps)
        return tape.gradient(log_odds, feature_maps)  # row i of log_odds depends on row i alone

    def _guided(self, feature_maps: tf.Tensor) -> tf.Tensor:
        gradients = tf.where(feature_maps > 0, tf.nn.relu(self._gradients(feature_maps)), 0.0)
        return _weighted_sum(feature_maps, gradients)

    def _standard(self, feature_maps: tf.Tensor) -> tf.Tensor:
        return _weighted_sum(feature_maps, self._gradients(feature_maps))


def _weighted_sum(feature_maps: tf.Tensor, gradients: tf.Tensor) -> tf.Tensor:
    """Channels weighted by their mean gradient, summed, cut at zero, each map divided by its maximum."""
    weights = tf.reduce_mean(gradients, axis=(1, 2), keepdims=True)
    maps = tf.nn.relu(tf.reduce_sum(weights * feature_maps, axis=-1))
    return tf.math.divide_no_nan(maps, tf.reduce_max(maps, axis=(1, 2), keepdims=True))
