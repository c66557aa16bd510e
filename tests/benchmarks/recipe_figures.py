"""What the criterion asks of a recipe: out-of-fold scores in three splits, and their figures."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from cxrscreen.classifier.estimate import Estimate
from cxrscreen.evaluation import weighted
from cxrscreen.evaluation.audited_shortcuts import ChangedScores, shortcut_audit
from cxrscreen.evaluation.intervals import Weights, bootstrap
from cxrscreen.evaluation.metrics import auc
from cxrscreen.evaluation.scored import Scored
from cxrscreen.labelled.splits import FOLDS
from cxrscreen.types import Pooled, Scores
from tests.benchmarks.recipe_framings import exchange
from tests.benchmarks.recipe_heads import Fit, Training, trained_numbers
from tests.benchmarks.recipe_set import SEEDS, DevelopmentSet

DRAWS_SEED = 5

_EXCHANGED = "exchanged"
_ALONE = ("intact", "lungs out", "lungs only", "other acquisition")

Vectors = Mapping[str, Pooled]


def figures_of(known: DevelopmentSet, vectors: Vectors, fit: Fit) -> dict[str, Any]:
    """Judge a recipe; each figure with its 95 % interval by patient.

    Args:
        known: The development part.
        vectors: What the recipe shows of it, by change.
        fit: Its head.
    """
    scores, numbers = out_of_fold(known, vectors, fit)
    truth = Scored(scores["intact"], known.seen.diseased, known.seen.patients)
    audit = shortcut_audit(
        ChangedScores(
            intact=scores["intact"],
            lungs_out=scores["lungs out"],
            lungs_only=scores["lungs only"],
            exchanged=scores[_EXCHANGED],
        ),
        truth,
        views=known.seen.views,
        without_fields=known.seen.without_fields,
        seed=DRAWS_SEED,
    )
    elsewhere = Scored(scores["other acquisition"], truth.diseased, truth.patients)
    figures = {
        "smaller": smaller_auc(truth, scores[_EXCHANGED]),
        "intact": _plain(audit.intact),
        "exchanged": _plain(audit.exchanged),
        "lungs_out": _plain(audit.lungs_out),
        "difference": _plain(audit.difference),
        "lungs_only": _plain(audit.lungs_only),
        "same_view": None if audit.same_view is None else _plain(audit.same_view),
        "other_acquisition": _plain(auc(elsewhere, seed=DRAWS_SEED)),
        "source_left_out": source_left_out(known, vectors, fit),
    }
    return {**figures, "numbers": numbers}


def out_of_fold(
    known: DevelopmentSet, vectors: Vectors, fit: Fit, *, without: NDArray[np.bool_] | None = None
) -> tuple[dict[str, Scores], int]:
    """Score each radiograph, changed or not, by heads that saw neither it nor its patient.

    Args:
        known: The development part.
        vectors: By change; only "intact" is scored where some are left out.
        fit: Fits a head.
        without: Radiographs that no head learns from, (n,).

    Returns:
        By change, ranks within the radiographs of that change, mean over the splits: (n,), 0 to 1. And how many numbers
        a head learns.
    """
    everyone = np.ones(len(known), dtype=np.bool_) if without is None else ~without
    ranks: defaultdict[str, list[Scores]] = defaultdict(list)
    numbers = 0
    for split in range(len(SEEDS)):
        changes = {name: name for name in (_ALONE if without is None else _ALONE[:1])}
        if without is None:
            changes[_EXCHANGED] = exchange(split, 0)
        scores = {name: np.full(len(known), np.nan) for name in changes}
        for fold in range(FOLDS):
            held_out = known.folds[split] == fold
            rows = np.flatnonzero(~held_out & everyone)
            head = fit(Training(known=known, vectors=vectors, rows=rows, split=split, fold=fold))
            numbers = trained_numbers(head)
            for name, change in changes.items():
                scores[name][held_out] = head.scores_pooled(vectors[change][held_out])
        for name, of_split in scores.items():
            ranks[name].append(rankdata(of_split) / len(known))
    return {name: np.mean(of_name, axis=0) for name, of_name in ranks.items()}, numbers


def smaller_auc(truth: Scored, exchanged: Scores) -> dict[str, float]:
    """The smaller of the AUCs of intact and of exchanged radiographs, in each draw anew: the criterion ranks by it."""

    def smaller(weights: Weights) -> NDArray[np.float64]:
        both = [weighted.auc(scores, truth.diseased, weights) for scores in (truth.scores, exchanged)]
        return np.minimum(*both)[:, np.newaxis]

    return _redrawn(smaller, truth)


def source_left_out(known: DevelopmentSet, vectors: Vectors, fit: Fit) -> dict[str, float]:
    """AUC of each source's COVID-19 radiographs by heads that never saw that source, over the pairs of all sources.

    All normal radiographs come from one collection, so that only COVID-19's sources can be left out.
    """
    truth = known.seen.diseased
    of_source = [known.sources == source for source in range(int(known.sources.max()) + 1)]
    scores = [out_of_fold(known, vectors, fit, without=inside)[0]["intact"] for inside in of_source]

    def over_sources(weights: Weights) -> NDArray[np.float64]:
        right, pairs = np.zeros(len(weights)), np.zeros(len(weights))
        for inside, own in zip(of_source, scores, strict=True):
            part = inside | ~truth
            here = weights[:, inside].sum(axis=1) * weights[:, ~truth].sum(axis=1)
            right += np.nan_to_num(weighted.auc(own[part], truth[part], weights[:, part])) * here
            pairs += here
        return (right / pairs)[:, np.newaxis]

    return _redrawn(over_sources, Scored(scores[0], truth, known.seen.patients))


def _redrawn(statistic: Any, truth: Scored) -> dict[str, float]:
    value = float(statistic(np.ones((1, len(truth.diseased))))[0, 0])
    limits = bootstrap(statistic, truth.patients, seed=DRAWS_SEED)[0]
    low, high = limits or (np.nan, np.nan)
    return _rounded(value, low, high)


def _plain(estimate: Estimate) -> dict[str, float]:
    return _rounded(estimate.value, estimate.low, estimate.high)


def _rounded(value: float, low: float, high: float) -> dict[str, float]:
    return {"value": round(value, 4), "low": round(low, 4), "high": round(high, 4)}
