"""Whether a model's scores follow the lungs of a labelled set, or the rest of its pictures."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from cxrscreen.classifier.recipe import Framing
from cxrscreen.classifier.shortcut_audit import ShortcutAudit
from cxrscreen.errors import DataSetError
from cxrscreen.evaluation.audited_shortcuts import ChangedScores, shortcut_audit
from cxrscreen.evaluation.scored import Scored
from cxrscreen.labelled.changed_set import Change, LungsSeen, changed_inputs, draw_backgrounds
from cxrscreen.types import PreparedBatch, Scores

Score = Callable[[PreparedBatch, str], Scores]
"""Classifier inputs, at least one, and the name of the step, to scores."""

_AT_ONCE = 64  # changed radiographs in memory together: 10 MB


def audit_lung_use(
    seen: LungsSeen, intact: Scores, score: Score, *, framing: Framing, seed: int
) -> ShortcutAudit | None:
    """Score all radiographs three times more: without lungs, with lungs alone, with exchanged lungs.

    Args:
        seen: The radiographs.
        intact: Their scores as they are, shape (n,).
        score: The model.
        framing: Of its recipe.
        seed: Of the exchanges and of the bootstrap.

    Returns:
        The figures; ``None`` where there is nobody of both classes to exchange lungs with.
    """
    try:
        backgrounds = draw_backgrounds(seen.diseased, seen.patients, seed=seed)
        truth = Scored(intact, seen.diseased, seen.patients)
    except DataSetError:
        return None

    def scored(change: Change) -> Scores:
        parts = [
            score(
                changed_inputs(seen, change, places, backgrounds=backgrounds, framing=framing),
                f"scores, {change}",
            )
            for places in np.array_split(np.arange(len(intact)), -(-len(intact) // _AT_ONCE))
        ]
        return np.concatenate(parts)

    return shortcut_audit(
        ChangedScores(
            intact=intact,
            lungs_out=scored("without lungs"),
            lungs_only=scored("lungs alone"),
            exchanged=scored("lungs exchanged"),
            behind=backgrounds,
        ),
        truth,
        views=seen.views,
        without_fields=seen.without_fields,
        seed=seed,
    )
