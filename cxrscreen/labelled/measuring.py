"""What a model says of a labelled set: its scores, whom it refuses, where its maps lie, whether it needs the lungs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from cxrscreen.classifier.feature_cache import FeatureMapCache
from cxrscreen.classifier.shortcut_audit import ShortcutAudit
from cxrscreen.evaluation.result import LeftOutFile
from cxrscreen.evaluation.trust import GateFigures, MapFigures
from cxrscreen.evaluation.trust_figures import gate_figures, map_figures
from cxrscreen.labelled.lung_use import audit_lung_use
from cxrscreen.labelled.scoring import Scorer
from cxrscreen.labelled.sighted import Sighted
from cxrscreen.labelled.splits import Indices
from cxrscreen.lungs.gate import Admission, Gate, Looks
from cxrscreen.lungs.map_audit import MapAudit, audit_map
from cxrscreen.lungs.regions import regions_of
from cxrscreen.radiograph.refusal import Reason
from cxrscreen.types import PreparedBatch, Progress, Scores


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Measured:
    """All that was measured.

    Attributes:
        part: Positions of the radiographs that have a score.
        scores: Of these, in their order.
        refused: The others: no plausible lung fields for a model that sees nothing else, or refused by its gate.
        gate: What the gate did; ``None`` for a model without one.
        known: Radiographs of the whole set that the gate knows from the development set, (n,); likewise.
        maps: Where the activation maps lie; ``None`` where none could be measured.
        shortcuts: Whether the scores follow the lungs; ``None`` where there is nobody to exchange lungs with.
    """

    part: Indices
    scores: Scores
    refused: tuple[LeftOutFile, ...] = field(repr=False)
    gate: GateFigures | None
    known: NDArray[np.bool_] | None = field(repr=False)
    maps: MapFigures | None
    shortcuts: ShortcutAudit | None


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Measurement:
    """A model before a labelled set.

    Attributes:
        model: Read and verified.
        gate: Its gate, if it has one.
        sighted: The set, as the model's segmenter sees it.
        patients: Patient of each radiograph, length n; from ``joined_patients``.
        cache: Of feature maps.
        seed: Of the bootstrap and of the exchanges of lungs.
        progress: Told of each step.
    """

    model: Scorer
    gate: Gate | None
    sighted: Sighted
    patients: Sequence[str] = field(repr=False)
    cache: FeatureMapCache
    seed: int
    progress: Progress | None = None

    def taken(self) -> Measured:
        """Measure everything."""
        framing = self.model.recipe.framing
        inputs, shown = self.sighted.inputs(framing), self.sighted.shown(framing)
        block4 = self._block4(inputs, np.flatnonzero(shown))
        admissions = self._admissions(block4)
        reasons = dict.fromkeys(np.flatnonzero(~shown).tolist(), Reason.NO_LUNG_FIELDS)
        reasons |= {place: one.refusal.reason for place, one in enumerate(admissions) if one.refusal is not None}
        part = np.array([place for place in range(len(inputs)) if place not in reasons], dtype=np.intp)
        scores = self._scores(inputs[part], "feature maps")
        with_fields = self.sighted.with_fields[part]
        return Measured(
            part=part,
            scores=scores,
            refused=tuple(
                LeftOutFile(file=self.sighted.labelled.radiographs[place].file_name, reason=reason.value)
                for place, reason in sorted(reasons.items())
            ),
            gate=gate_figures(admissions, self.sighted.labelled.diseased),
            known=self._known(block4),
            maps=self._maps(inputs, part[with_fields], without_fields=int((~with_fields).sum())),
            shortcuts=self._shortcuts(part[with_fields], scores[with_fields], without_fields=int((~with_fields).sum())),
        )

    def _scores(self, inputs: PreparedBatch, step: str) -> Scores:
        return self.model.scores(inputs, self.cache, step=step, progress=self.progress)

    def _block4(self, inputs: PreparedBatch, shown: Indices) -> dict[int, NDArray[np.float32]]:
        """Compute what the gate compares, by the place of the radiograph."""
        if self.gate is None or not len(shown):
            return {}
        block4 = self.model.block4(inputs[shown], self.cache, step="gate", progress=self.progress)
        return dict(zip(shown.tolist(), block4, strict=True))

    def _known(self, block4: Mapping[int, NDArray[np.float32]]) -> NDArray[np.bool_] | None:
        if self.gate is None:
            return None
        looks = self.sighted.labelled.looks
        known = np.zeros(len(looks), dtype=np.bool_)
        if block4:
            edges = [looks[place].edges for place in block4]
            known[list(block4)] = self.gate.knows(np.stack(list(block4.values())), edges)
        return known

    def _admissions(self, block4: Mapping[int, NDArray[np.float32]]) -> list[Admission]:
        if self.gate is None:
            return []
        sighted = self.sighted
        return self.gate.admit(
            [
                Looks(
                    edges=looks.edges,
                    pattern=looks.pattern,
                    block4=block4.get(place),
                    lungs=sighted.features[place],
                    fields=sighted.fields[place],
                    age_years=radiograph.age_years,
                )
                for place, (looks, radiograph) in enumerate(
                    zip(sighted.labelled.looks, sighted.labelled.radiographs, strict=True)
                )
            ]
        )

    def _maps(self, inputs: PreparedBatch, places: Indices, *, without_fields: int) -> MapFigures | None:
        maps = self.model.activation_maps(inputs[places], self.cache, step="activation maps", progress=self.progress)
        boxes, squares = self.sighted.boxes(self.model.recipe.framing), self.sighted.labelled.squares
        audits: list[MapAudit | None] = [
            audit_map(one, regions_of(self.sighted.fields[place], squares[place]), box=boxes[place])
            for one, place in zip(maps, places.tolist(), strict=True)
        ]
        return map_figures(audits, without_fields=without_fields, limit=self.model.card.maps)

    def _shortcuts(self, places: Indices, intact: Scores, *, without_fields: int) -> ShortcutAudit | None:
        return audit_lung_use(
            self.sighted.lungs_seen(places, self.patients, without_fields=without_fields),
            intact,
            self._scores,
            framing=self.model.recipe.framing,
            seed=self.seed,
        )
