"""The gate by content of one retraining: made from its development part, and judged on its test part."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cxrscreen.classifier.gate_card import GateCard, GateInTest
from cxrscreen.errors import DataSetError, ModelError
from cxrscreen.evaluation.intervals import fraction
from cxrscreen.labelled.splits import Indices
from cxrscreen.lungs.gate import Admission, Gate, Looks
from cxrscreen.training.development import Development
from cxrscreen.training.examined import Examined
from cxrscreen.training.gate_making import LookedAt, make_gate, signatures_of_all_ways
from cxrscreen.types import Pooled

FEWEST_FOR_GATE = 30  # radiographs with lung fields: quantiles of fewer are no limits

_log = logging.getLogger(__name__)


def gate_of(development: Development, known: Examined) -> tuple[Gate, GateCard, list[Admission]] | None:
    """Make the gate from all radiographs of the development part, also from those without lung fields."""
    shown = known.split.development.tolist()
    places, labelled = known.whole.development, known.labelled
    if len(shown) < FEWEST_FOR_GATE:
        return None
    seen = LookedAt(
        _looks(known, places, dict(zip(shown, development.pooled, strict=True))),
        np.stack([signatures_of_all_ways(labelled.squares[place]) for place in places]),
        [known.patients[place] for place in places],
    )
    folds = [
        (np.searchsorted(places, train), np.searchsorted(places, validation)) for train, validation in known.whole.folds
    ]
    try:
        return make_gate(seen, folds, segmenter_sha256=known.segmenter_sha256)
    except (DataSetError, ModelError) as exc:
        _log.warning("The model goes without a gate by content. %s", exc)
        return None


def gate_in_test(
    made: GateCard | None, arrays: Mapping[str, NDArray[np.floating[Any]]], pooled: Pooled, known: Examined
) -> GateCard | None:
    """Let the finished gate judge the test part, also its radiographs without lung fields, and add that to its card.

    Args:
        made: Of the gate; ``None`` is returned where there is none.
        arrays: What the gate compares with.
        pooled: Of the test part, shape (t, features).
        known: The labelled set.
    """
    if made is None:
        return None
    places = known.whole.test
    gate = Gate.from_arrays(made.limits, arrays)
    admissions = gate.admit(_looks(known, places, dict(zip(known.split.test.tolist(), pooled, strict=True))))
    refused = np.array([one.refusal is not None for one in admissions])
    flagged = ~refused & [bool(one.notices) for one in admissions]
    diseased = known.labelled.diseased[places]
    found = GateInTest(
        refused=fraction(int(refused.sum()), len(places)),
        refused_positives=fraction(int(refused[diseased].sum()), int(diseased.sum())),
        refused_negatives=fraction(int(refused[~diseased].sum()), int((~diseased).sum())),
        flagged=fraction(int(flagged.sum()), len(places)),
    )
    return made.model_copy(update={"in_test": found})


def _looks(known: Examined, places: Indices, block4: Mapping[int, NDArray[np.floating[Any]]]) -> list[Looks]:
    """Put together what the gate is told of some radiographs; their ages are no part of what it is made from."""
    labelled, sighted = known.labelled, known.sighted
    return [
        Looks(
            edges=labelled.looks[place].edges,
            pattern=labelled.looks[place].pattern,
            block4=block4.get(place),
            lungs=sighted.features[place],
            fields=sighted.fields[place],
        )
        for place in places.tolist()
    ]
