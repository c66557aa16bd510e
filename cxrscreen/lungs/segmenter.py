"""Radiographs to lung fields: one small network, many radiographs at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cxrscreen.classifier.runtime import keras, tf
from cxrscreen.lungs.bundle import read_segmenter
from cxrscreen.lungs.card import LungCard
from cxrscreen.lungs.fields import MASK_SIDE, LungFields, fields_of
from cxrscreen.lungs.network import AFTER_FEATURES, FEATURES, Arrays, network_of
from cxrscreen.lungs.plausibility import LungFault
from cxrscreen.lungs.preparation import SegmenterInputs, segmenter_inputs
from cxrscreen.types import Grey8

BATCH = 8

_DECIDED = float(np.log(9))  # log-odds of lung, or of none, from a chance of 0.9 on
_NEGATIVE = 0

LogOdds = NDArray[np.float32]
"""Of lung in each pixel: (n, MASK_SIDE, MASK_SIDE)."""

LungFeatures = NDArray[np.float32]
"""What the network's deepest layer holds on average: (n, FEATURES), 0 or more."""


class Network:
    """The network as one graph with a free batch dimension."""

    def __init__(self, arrays: Arrays) -> None:
        built = network_of(arrays)
        signature = [tf.TensorSpec((None, MASK_SIDE, MASK_SIDE, 1), tf.float32)]
        both = keras.Model(built.input, [built.output, built.get_layer(AFTER_FEATURES).input])
        self._graph = tf.function(
            lambda inputs: both(inputs, training=False), input_signature=signature, autograph=False
        )

    def lung_fields(self, inputs: SegmenterInputs) -> list[LungFields]:
        """Find and judge the lungs; result i belongs to input i."""
        return [_fields_of(log_odds) for log_odds in self.log_odds(inputs)]

    def log_odds(self, inputs: SegmenterInputs) -> LogOdds:
        """Run the network for its masks alone; see ``run``."""
        return self.run(inputs)[0]

    def run(self, inputs: SegmenterInputs) -> tuple[LogOdds, LungFeatures]:
        """Run the network in steps of a few radiographs, so that memory stays flat.

        Args:
            inputs: From ``segmenter_inputs``; n may be 0.
        """
        found = np.empty(inputs.shape[:3], dtype=np.float32)
        features = np.empty((len(inputs), FEATURES), dtype=np.float32)
        for start in range(0, len(inputs), BATCH):
            step = slice(start, start + BATCH)
            log_odds, deepest = self._graph(inputs[step])
            found[step], features[step] = log_odds.numpy()[..., 0], deepest.numpy().mean(axis=(1, 2))
        return found, features


def _fields_of(log_odds: NDArray[np.float32]) -> LungFields:
    mask = log_odds > 0
    undecided = int((np.abs(log_odds) < _DECIDED).sum())
    return fields_of(mask, doubt=undecided / max(1, int(mask.sum())))


class Segmenter:
    """A trained segmenter, loaded."""

    def __init__(self, card: LungCard, arrays: Arrays) -> None:
        self._card = card
        self._network = Network(arrays)

    @classmethod
    def of(cls, folder: Path) -> Segmenter:
        """Load a segmenter, e.g. ``bundle.SHIPPED_LUNGS``.

        Raises:
            ModelError: A file is missing or damaged, or the weights are not those of the card.
        """
        return cls(*read_segmenter(folder))

    @property
    def card(self) -> LungCard:
        """What the segmenter is and how far its masks may be trusted."""
        return self._card

    def lung_fields(self, pixels: Sequence[Grey8]) -> list[LungFields]:
        """Find the lungs alone; see ``look``."""
        return self.look(pixels)[0]

    def look(self, pixels: Sequence[Grey8]) -> tuple[list[LungFields], LungFeatures]:
        """Find the lungs, and return by the way what the gate compares; result i belongs to radiograph i.

        Args:
            pixels: One radiograph each, any sizes; the sequence may be empty. A faulty one takes four passes more.
        """
        inputs = segmenter_inputs(pixels)
        found, features = self._network.run(inputs)
        fields = [
            one if one.usable else self._explained(picture, one)
            for picture, one in zip(inputs, map(_fields_of, found), strict=True)
        ]
        return fields, features

    def _explained(self, one: NDArray[np.float32], fields: LungFields) -> LungFields:
        """See whether a faulty picture would be none if it stood upright, or were no negative."""
        changed = {quarter: np.rot90(one, quarter) for quarter in (1, 2, 3)} | {_NEGATIVE: -one}
        for change, tried in zip(changed, self._network.lung_fields(np.stack(list(changed.values()))), strict=True):
            if tried.usable:
                return replace(fields, fault=LungFault.NEGATIVE if change == _NEGATIVE else LungFault.TURNED)
        return fields
