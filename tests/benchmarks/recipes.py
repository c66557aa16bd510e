"""Both recipes with the study's settings, over seeded splits by patient.

Run it with ``python -m tests.benchmarks.recipes [--splits N] [--cache FOLDER]``. The study reported one split with 54
test images; twenty show how far such a figure moves by the luck of the split alone. The classes of this collection come
from different sources: no figure here says that a head reads lungs.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

import numpy as np

from cxrscreen.classifier.head import Head
from cxrscreen.classifier.pooling import pool
from cxrscreen.classifier.recipe import RecipeName
from cxrscreen.evaluation.metrics import auc_value
from cxrscreen.evaluation.study_2020 import STUDY_2020
from cxrscreen.types import Diseased, Scores
from tests.benchmarks.real_set import RECIPES, RealSet, as_the_study, real_set
from tests.benchmarks.results import FOLDER, save

SPLITS = 20
THRESHOLD = 0.5  # as the study took it

FIGURES = ("accuracy", "precision", "sensitivity", "specificity", "auc")


def measured(real: RealSet, name: RecipeName, *, splits: int) -> list[dict[str, float]]:
    """Train and test once for each split; seed ``s`` gives split ``s`` and all chance within its training."""
    recipe, diseased = as_the_study(name), real.labelled.diseased
    pooled = pool(recipe, real.feature_maps)
    figures = []
    for seed in range(splits):
        train, test = real.parts(seed)[0]
        head = Head.fitted_pooled(recipe, pooled[train], diseased[train], seed=seed)
        figures.append(figures_of(head.scores_pooled(pooled[test]), diseased[test]))
    return figures


def figures_of(scores: Scores, diseased: Diseased) -> dict[str, float]:
    """What the study reports, and beside it the AUC, which needs no threshold.

    A test part without any positive finding has no precision; none of its findings is right, so it counts as 0.
    """
    positive = scores >= THRESHOLD
    return {
        "n": len(scores),
        "accuracy": float((positive == diseased).mean()),
        "precision": float(diseased[positive].mean()) if positive.any() else 0.0,
        "sensitivity": float(positive[diseased].mean()),
        "specificity": float((~positive[~diseased]).mean()),
        "auc": auc_value(scores, diseased),
    }


def summary(splits: Sequence[dict[str, float]]) -> dict[str, Any]:
    """Mean, standard deviation (n - 1) and worst over the splits, and in how many of them the study's luck held."""
    as_the_study_or_better = dict(STUDY_2020)["accuracy"].value
    by_figure = {figure: [split[figure] for split in splits] for figure in FIGURES}
    return {
        **{f: {"mean": fmean(v), "sd": stdev(v), "worst": min(v)} for f, v in by_figure.items()},
        "as_accurate_as_the_study": sum(accuracy >= as_the_study_or_better for accuracy in by_figure["accuracy"]),
        "one_answer_for_all": sum({s["sensitivity"], s["specificity"]} == {0, 1} for s in splits),
        "splits": list(splits),
    }


def main(arguments: argparse.Namespace) -> None:
    real = real_set(cache=arguments.cache, radiographs=arguments.radiographs)
    splits = {name: measured(real, name, splits=arguments.splits) for name in RECIPES}
    sizes = [split["n"] for split in splits[RECIPES[0]]]
    save(
        "recipes",
        {
            "radiographs": len(real.groups),
            "positives": int(np.sum(real.labelled.diseased)),
            "groups": len(set(real.groups)),
            "splits": arguments.splits,
            "smallest_test": min(sizes),
            "largest_test": max(sizes),
            "threshold": THRESHOLD,
            "settings": as_the_study("study-2020").hyperparameters(),
            "recipes": {name: summary(by_split) for name, by_split in splits.items()},
        },
        folder=arguments.results,
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--splits", type=int, default=SPLITS)
    parser.add_argument("--radiographs", type=int, default=None, help="for trials: fewer, half of each class")
    parser.add_argument("--cache", type=Path, default=None, help="folder that keeps the feature maps")
    parser.add_argument("--results", type=Path, default=FOLDER)
    main(parser.parse_args())
