"""Figures of the parts of a set, where a model's weaknesses hide."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from math import inf

import numpy as np
from numpy.typing import NDArray

from cxrscreen.evaluation.intervals import fraction
from cxrscreen.evaluation.metrics import auc
from cxrscreen.evaluation.result import Subgroup
from cxrscreen.evaluation.scored import Scored

NOT_STATED = "not stated"


def subgroups(
    scored: Scored, traits: Mapping[str, Sequence[str | None]], *, threshold: float, seed: int
) -> tuple[Subgroup, ...]:
    """Sensitivity, specificity and AUC for each value of each trait.

    Args:
        scored: Scores in [0, 1] beside the truth.
        traits: By "source", "view", "sex" or "age", the value of each radiograph, length n; ``None`` or empty where
            it is not known. A trait that is known of no radiograph is left out.
        threshold: Positive when score >= threshold.
        seed: Of the bootstrap.

    Returns:
        Traits in the given order; values in the order of ``place``.
    """
    return tuple(
        _subgroup(scored, by, value, np.array([stated == value for stated in values]), threshold=threshold, seed=seed)
        for by, values in ((by, [value or NOT_STATED for value in given]) for by, given in traits.items())
        if set(values) != {NOT_STATED}
        for value in sorted(set(values), key=place)
    )


def place(value: str) -> tuple[bool, bool, float, str]:
    """Where a value of a trait stands among the others: bands rise, names follow, what is not stated comes last."""
    number = re.match(r"\d+", value)
    return value == NOT_STATED, not value.startswith("under "), float(number[0]) if number else inf, value


def _subgroup(  # noqa: PLR0913  # what to measure, of whom, and how
    scored: Scored, by: str, value: str, members: NDArray[np.bool_], *, threshold: float, seed: int
) -> Subgroup:
    diseased, positive = scored.diseased[members], scored.scores[members] >= threshold
    n, positives = len(diseased), int(diseased.sum())
    return Subgroup(
        by=by,  # type: ignore[arg-type]  # pydantic refuses any other trait
        value=value,
        n=n,
        positives=positives,
        sensitivity=fraction(int((positive & diseased).sum()), positives) if positives else None,
        specificity=fraction(int((~positive & ~diseased).sum()), n - positives) if positives < n else None,
        auc=auc(scored.part(members), seed=seed) if 0 < positives < n else None,
    )
