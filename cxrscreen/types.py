"""Array aliases, named by what they hold; the shapes stand here and nowhere else. And who is told of progress.

NumPy's types do not carry shapes, so the names do: a function that takes ``Grey8`` takes an array of
shape (rows, columns). Axis order: rows (top to bottom), columns (left to right), channels.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Grey8 = NDArray[np.uint8]
"""A radiograph for display: (rows, columns), 0 black (air) to 255 white (bone)."""

Rgb8 = NDArray[np.uint8]
"""A colour picture: (rows, columns, 3), channels red, green, blue, 0 to 255."""

StoredPixels = NDArray[np.generic]
"""Pixels as a decoder hands them over: (rows, columns) or (rows, columns, samples), any integer type."""

Prepared = NDArray[np.uint8]
"""One classifier input: (224, 224, 3), three equal channels, 0 to 255."""

PreparedBatch = NDArray[np.uint8]
"""Classifier inputs: (n, 224, 224, 3), three equal channels, 0 to 255."""

FeatureMaps = NDArray[np.float32]
"""VGG16 feature maps, 0 or more: (n, 7, 7, 512) at block5_pool, (n, 14, 14, 512) at block4_pool."""

ActivationMap = NDArray[np.float32]
"""One Grad-CAM: (7, 7) or (14, 14), 0 to 1 with its maximum at 1, or zero everywhere (no evidence)."""

ActivationMaps = NDArray[np.float32]
"""Grad-CAMs: (n, rows, columns), each as ``ActivationMap``."""

Scores = NDArray[np.float64]
"""Classifier scores for COVID-19: (n,), 0 to 1."""

Diseased = NDArray[np.bool_]
"""Reference standard: (n,), true where the study is labelled COVID-19."""

Pooled = NDArray[np.float32]
"""Feature maps after a recipe's pooling, flattened: (n, features)."""

Progress = Callable[[str, int, int], None]
"""Told the name of a step, how much of it is done, and how much there is."""
