"""The frozen VGG16 base: prepared radiographs to feature maps, once for everything that follows."""

from __future__ import annotations

import numpy as np

from cxrscreen.classifier.base_weights import BLOCKS, BaseWeights
from cxrscreen.classifier.recipe import SHAPE_OF_BLOCK, Block
from cxrscreen.classifier.runtime import tf
from cxrscreen.types import FeatureMaps, Pooled, PreparedBatch

SIDE = 224

# Measured on two cores: 4 to 32 cost the same CPU time for each radiograph, memory grows with the batch.
_BATCH = 8
_FOURTH = 4


class Backbone:
    """VGG16 up to the pooling of a block (Simonyan & Zisserman 2014), as one graph with a free batch dimension.

    Plain convolutions on captured tensors: TensorFlow fuses convolution, bias and ReLU, and, unlike
    with constants, does not keep a second, reordered copy of the weights (0.9 GB less at batch 16).

    Attributes:
        block: Where it ends.
    """

    def __init__(self, weights: BaseWeights, *, block: Block = 5) -> None:
        self.block: Block = block
        self._tensors = {
            name: tf.constant(array)
            for name, array in weights.arrays.items()
            if int(name.removeprefix("block")[0]) <= block
        }
        signature = [tf.TensorSpec((None, SIDE, SIDE, 3), tf.uint8)]
        self._graph = tf.function(self._forward, input_signature=signature, autograph=False)

    def feature_maps(self, prepared: PreparedBatch) -> FeatureMaps:
        """Run the base in steps of a few radiographs, so that memory stays flat.

        Args:
            prepared: Shape (n, 224, 224, 3), RGB, 0 to 255; n may be 0.

        Returns:
            Shape (n, rows, columns, 512), 0 or more, see ``recipe.SHAPE_OF_BLOCK``.
        """
        return self.run(prepared)[0]

    def run(self, prepared: PreparedBatch) -> tuple[FeatureMaps, Pooled]:
        """As ``feature_maps``, and what the pass yields by the way.

        Returns:
            The feature maps, and the mean of block4_pool over its cells: (n, 512), 0 or more.
        """
        maps = np.empty((len(prepared), *SHAPE_OF_BLOCK[self.block]), dtype=np.float32)
        fourth = np.empty((len(prepared), BLOCKS[_FOURTH - 1][-1]), dtype=np.float32)
        for start in range(0, len(prepared), _BATCH):
            step = slice(start, start + _BATCH)
            last, earlier = self._graph(prepared[step])
            maps[step], fourth[step] = last.numpy(), earlier.numpy()
        return maps, fourth

    def _forward(self, prepared: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        x = tf.cast(prepared, tf.float32) / 255.0  # the card's "unit" scaling
        for block, filters_of_block in enumerate(BLOCKS[: self.block], start=1):
            for convolution in range(1, len(filters_of_block) + 1):
                layer = f"block{block}_conv{convolution}"
                x = tf.nn.conv2d(x, self._tensors[f"{layer}/kernel"], strides=1, padding="SAME")
                x = tf.nn.relu(tf.nn.bias_add(x, self._tensors[f"{layer}/bias"]))
            x = tf.nn.max_pool2d(x, ksize=2, strides=2, padding="VALID")
            if block == _FOURTH:
                fourth = tf.reduce_mean(x, axis=(1, 2))
        return x, fourth
