"""Scores of prepared radiographs by one model, in steps that leave memory to the radiographs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cxrscreen.classifier.base_weights import BaseWeights
from cxrscreen.classifier.bundle import read_making, read_weights
from cxrscreen.classifier.card import ModelCard
from cxrscreen.classifier.feature_cache import FeatureMapCache
from cxrscreen.classifier.heads import AnyHead, explainer_of, head_of
from cxrscreen.classifier.making import Making
from cxrscreen.classifier.pooling import pool
from cxrscreen.classifier.recipe import SHAPE_OF_BLOCK, Block, Recipe, recipe_named
from cxrscreen.evaluation.comparison import Judged
from cxrscreen.labelled.labelled_set import LabelledSet
from cxrscreen.labelled.seen import Seen
from cxrscreen.labelled.sighted import Sighted
from cxrscreen.lungs.gate import Gate
from cxrscreen.lungs.gate_bundle import load_gate
from cxrscreen.settings import ExplanationVariant
from cxrscreen.types import ActivationMaps, FeatureMaps, Pooled, PreparedBatch, Progress, Scores

_AT_ONCE = 256  # radiographs whose feature maps are in memory together: 26 MB, or 103 MB at block 4
_GATES_BLOCK: Block = 4
_VARIANT: ExplanationVariant = "guided"


@dataclass(frozen=True, slots=True, eq=False)
class Scorer:
    """A model that was read and verified, without Grad-CAM: TensorFlow starts only for maps that are not cached.

    Attributes:
        card: Of the model.
        base: Its base, rounded as it was stored.
        head: Its head.
        making: How it was made; ``None`` where that was not recorded.
        gate: Its gate by content, if it has one.
    """

    card: ModelCard
    base: BaseWeights = field(repr=False)
    head: AnyHead = field(repr=False)
    making: Making | None = field(repr=False)
    gate: Gate | None = field(repr=False)

    @classmethod
    def of(cls, bundle: Path) -> Scorer:
        """Read a bundle.

        Raises:
            ModelError: It is damaged.
        """
        card, base, arrays = read_weights(bundle)
        return cls(card, base, head_of(recipe_named(card.recipe), arrays), read_making(bundle), load_gate(bundle))

    @property
    def recipe(self) -> Recipe:
        """What tells how a radiograph is framed, and where the base ends."""
        return recipe_named(self.card.recipe)

    @property
    def developed_on(self) -> frozenset[str] | None:
        """SHA-256 of the files that it was trained and calibrated on; ``None`` where nobody knows."""
        return None if self.making is None else frozenset(self.making.development)

    def recognised(
        self, sighted: Sighted, cache: FeatureMapCache, *, step: str, progress: Progress | None
    ) -> NDArray[np.bool_] | None:
        """Mark the radiographs of a set that its gate knows from the development set, whatever file they come in.

        Args:
            sighted: The set, as the model's segmenter sees it.
            cache: Of feature maps.
            step: What ``progress`` calls this.
            progress: Told of the feature maps.

        Returns:
            Shape (n,); ``None`` without a gate.
        """
        if self.gate is None:
            return None
        framing, looks = self.recipe.framing, sighted.labelled.looks
        known, shown = np.zeros(len(looks), dtype=np.bool_), np.flatnonzero(sighted.shown(framing))
        if len(shown):
            block4 = self.block4(sighted.inputs(framing)[shown], cache, step=step, progress=progress)
            known[shown] = self.gate.knows(block4, [looks[place].edges for place in shown])
        return known

    def seen(self, labelled: LabelledSet, patients: Sequence[str], by_content: NDArray[np.bool_] | None) -> Seen | None:
        """Tell which radiographs of a set it has learnt from; ``None`` where nobody knows how it was made.

        Args:
            labelled: The set.
            patients: Of each radiograph, length n; from ``joined_patients``.
            by_content: From ``recognised``.
        """
        files = self.developed_on
        return None if files is None else Seen.of(files, labelled, patients, by_content)

    def scores(
        self, prepared: PreparedBatch, cache: FeatureMapCache, *, step: str, progress: Progress | None
    ) -> Scores:
        """Score n radiographs, n may be 0, framed as the recipe says; calibrated where the card has a calibration.

        Returns:
            Shape (n,).
        """
        if not len(prepared):
            return np.empty(0)
        pooled = pooled_maps(prepared, self.base, self.recipe, cache, step=step, progress=progress)
        return self.card.calibrated(self.head.scores_pooled(pooled))

    def activation_maps(
        self, prepared: PreparedBatch, cache: FeatureMapCache, *, step: str, progress: Progress | None
    ) -> ActivationMaps:
        """Explain n radiographs as screening does unless told otherwise, framed as the recipe says; n may be 0."""
        return explained(prepared, self.head, self.base, self.recipe, cache, step=step, progress=progress)

    def block4(
        self, prepared: PreparedBatch, cache: FeatureMapCache, *, step: str, progress: Progress | None
    ) -> Pooled:
        """Average block4_pool over its cells, as the gate compares it: (n, 512); at least one radiograph."""
        means = [
            maps.mean(axis=(1, 2))
            for maps in _maps_in_parts(prepared, self.base, _GATES_BLOCK, cache, step=step, progress=progress)
        ]
        return np.concatenate(means)

    def judged(self, scores: Scores) -> Judged:
        """Put scores of this model beside its operating point and the audit on its card."""
        point, audit = self.card.operating_point, self.card.shortcuts
        return Judged(self.card.version, scores, point.threshold, audit, self.recipe.framing, self.card.band)


def pooled_maps(  # noqa: PLR0913  # what is seen, by whom, and whom to tell
    prepared: PreparedBatch,
    base: BaseWeights,
    recipe: Recipe,
    cache: FeatureMapCache,
    *,
    step: str,
    progress: Progress | None,
) -> Pooled:
    """Pool feature maps of at least one radiograph as they come, shape (n, features): a map has 0.1 MB, this 2 KB."""
    parts = _maps_in_parts(prepared, base, recipe.block, cache, step=step, progress=progress)
    return np.concatenate([pool(recipe, maps) for maps in parts])


def explained(  # noqa: PLR0913  # what is seen, by whom, and whom to tell
    prepared: PreparedBatch,
    head: AnyHead,
    base: BaseWeights,
    recipe: Recipe,
    cache: FeatureMapCache,
    *,
    step: str,
    progress: Progress | None,
) -> ActivationMaps:
    """Activation maps of radiographs that are framed as the recipe says, shape (n, rows, columns); n may be 0."""
    if not len(prepared):
        return np.empty((0, *SHAPE_OF_BLOCK[recipe.block][:2]), dtype=np.float32)
    explainer = explainer_of(head)
    parts = _maps_in_parts(prepared, base, recipe.block, cache, step=step, progress=progress)
    return np.concatenate([explainer.activation_maps(maps, variant=_VARIANT) for maps in parts])


def _maps_in_parts(  # noqa: PLR0913  # likewise
    prepared: PreparedBatch,
    base: BaseWeights,
    block: Block,
    cache: FeatureMapCache,
    *,
    step: str,
    progress: Progress | None,
) -> Iterator[FeatureMaps]:
    total = len(prepared)
    for start in range(0, total, _AT_ONCE):
        part, told = prepared[start : start + _AT_ONCE], _from(start, total, progress)
        yield cache.feature_maps(part, base, block=block, step=step, progress=told)


def _from(start: int, total: int, progress: Progress | None) -> Progress | None:
    return None if progress is None else lambda step, done, _: progress(step, start + done, total)
