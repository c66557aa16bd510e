"""What a model's card says besides right and wrong, measured on the development part by heads of the folds.

Whether scores follow the lungs, where the maps lie, what the gate by content refuses, and how all of it is spread.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cxrscreen.classifier.feature_cache import FeatureMapCache
from cxrscreen.classifier.gate_card import GateCard
from cxrscreen.classifier.heads import explainer_of
from cxrscreen.classifier.map_card import MapCard
from cxrscreen.classifier.reference import ByClass, References
from cxrscreen.classifier.shortcut_audit import ShortcutAudit
from cxrscreen.errors import CalibrationError, DataSetError
from cxrscreen.evaluation.audited_shortcuts import ChangedScores, shortcut_audit
from cxrscreen.evaluation.intervals import fraction
from cxrscreen.evaluation.scored import Scored
from cxrscreen.labelled.splits import Indices
from cxrscreen.lungs.gate import Admission
from cxrscreen.lungs.map_audit import RegionShare, spread_map
from cxrscreen.training.changed_maps import ChangedMaps
from cxrscreen.training.development import Development
from cxrscreen.training.examined import Examined
from cxrscreen.training.fit import held_out_scores
from cxrscreen.training.model_gate import gate_of
from cxrscreen.types import Progress

if TYPE_CHECKING:
    from cxrscreen.training.challenger import Challenger

_LOWEST = 0.05  # of the held-out maps may lie below the limit
_AT_ONCE = 64  # radiographs whose feature maps are in memory together
_GATE_BLOCK = 4  # what the gate compares is what the head of such a recipe sees anyway

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Trust:
    """Parts of a card; ``None`` where the development part does not allow to measure them.

    Attributes:
        shortcuts: Whether scores follow the lungs.
        maps: Where activation maps lie.
        gate: What the gate by content goes by.
        gate_arrays: What it compares with, for the model's weights.
        references: For later nights to be held against.
    """

    shortcuts: ShortcutAudit | None
    maps: MapCard | None
    gate: GateCard | None
    gate_arrays: Mapping[str, NDArray[np.floating[Any]]] = field(repr=False)
    references: References | None


def measured_trust(  # noqa: PLR0913  # seed and progress go by name
    challenger: Challenger,
    development: Development,
    known: Examined,
    *,
    cache: FeatureMapCache,
    seed: int,
    progress: Progress | None = None,
) -> Trust:
    """Measure all that the development part allows.

    Args:
        challenger: With the heads of its folds.
        development: What they were fitted on, and hold out.
        known: The labelled set.
        cache: Of feature maps.
        seed: Of the bootstrap.
        progress: Told of the maps.
    """
    held_out = list(_lung_shares(challenger, development, known, cache, progress))
    shares = np.array([share for _, share in held_out])
    made = gate_of(development, known) if challenger.recipe.block == _GATE_BLOCK else None
    gate, gate_card, admissions = made or (None, None, [])
    return Trust(
        shortcuts=_shortcuts(challenger, development, known, seed=seed),
        maps=_map_card(shares),
        gate=gate_card,
        gate_arrays={} if gate is None else gate.arrays(),
        references=None if gate_card is None else _references(challenger, known, gate_card, admissions, held_out),
    )


def _references(
    challenger: Challenger,
    known: Examined,
    gate_card: GateCard,
    admissions: list[Admission],
    shares: list[tuple[int, float]],
) -> References | None:
    """Take down how all was spread in each class; ``None`` where a class has no activation map.

    Args:
        challenger: Knows its scores.
        known: The labelled set.
        gate_card: Of the gate.
        admissions: Of the whole development part, fold by fold.
        shares: Places in the labelled set with what ``_lung_shares`` found.
    """
    diseased = known.labelled.diseased
    admitted = np.concatenate([validation for _, validation in known.whole.folds])
    try:
        return References(
            scores=ByClass.of(challenger.out_of_fold.tolist(), diseased[known.split.development]),
            distances=ByClass.of([admission.strangeness for admission in admissions], diseased[admitted]),
            lung_shares=ByClass.of([share for _, share in shares], diseased[[place for place, _ in shares]]),
            refused=gate_card.refused.value,
            refused_n=gate_card.n,
        )
    except CalibrationError as exc:
        _log.warning("The model goes without references for later nights. %s", exc)
        return None


def _shortcuts(challenger: Challenger, development: Development, known: Examined, *, seed: int) -> ShortcutAudit | None:
    """Audit the heads of the folds, each on radiographs and exchanges of patients that it had not seen."""
    changed = development.changed
    if changed is None:
        return None
    held_out = _held_out_rows(changed, development)
    heads, positions = challenger.fold_heads, known.split.development[changed.places]
    patients = [known.patients[position] for position in positions]
    intact = held_out_scores(heads, development.pooled[changed.places], held_out)
    try:
        return shortcut_audit(
            ChangedScores(
                intact=intact,
                lungs_out=held_out_scores(heads, changed.lungs_out, held_out),
                lungs_only=held_out_scores(heads, changed.lungs_only, held_out),
                exchanged=held_out_scores(heads, changed.exchanged[:, 0], held_out),
                behind=changed.behind,
            ),
            Scored(intact, development.diseased[changed.places], patients),
            views=[known.labelled.radiographs[position].view for position in positions],
            without_fields=len(known.whole.development) - len(changed.places),
            seed=seed,
        )
    except DataSetError as exc:
        _log.warning("The shortcut audit is missing. %s", exc)
        return None


def _held_out_rows(changed: ChangedMaps, development: Development) -> list[Indices]:
    """Rows of ``changed`` that each fold holds out."""
    return [np.flatnonzero(np.isin(changed.places, validation)) for _, validation in development.folds]


def _lung_shares(
    challenger: Challenger,
    development: Development,
    known: Examined,
    cache: FeatureMapCache,
    progress: Progress | None,
) -> Iterator[tuple[int, float]]:
    """Place and energy over area inside the lungs, of each held-out radiograph that has lung fields and a map."""
    boxes = known.sighted.boxes(challenger.recipe.framing)
    for head, (_, validation) in zip(challenger.fold_heads, development.folds, strict=True):
        explainer = explainer_of(head)
        places = known.sighted.part_with_fields(known.split.development[validation])
        for start in range(0, len(places), _AT_ONCE):
            some = places[start : start + _AT_ONCE]
            feature_maps = cache.feature_maps(
                known.inputs[some],
                known.bases.rounded,
                block=challenger.recipe.block,
                step="activation maps",
                progress=progress,
            )
            maps = explainer.activation_maps(feature_maps, variant="guided")
            for place, one in zip(some, maps, strict=True):
                spread = spread_map(one, boxes[place])
                if (total := float(spread.sum())) > 0:
                    lungs = known.sighted.fields[place].mask
                    share = RegionShare(energy=float(spread[lungs].sum()) / total, area=float(lungs.mean()))
                    yield int(place), share.energy / share.area


def _map_card(shares: NDArray[np.float64]) -> MapCard | None:
    if not len(shares):
        return None
    return MapCard(
        least=max(1.0, float(np.quantile(shares, _LOWEST))),
        n=len(shares),
        below_chance=fraction(int((shares < 1).sum()), len(shares)),
    )
