"""What the study's 4x4 pooling cannot see, and whether that explains its clavicle riddle.

Run it with ``python -m tests.benchmarks.pooling_window [--cache FOLDER]``; ``--draw`` only draws the figure anew.
The study's activation maps often lay on the clavicle instead of the lung, which it could not explain. Its head sees
the upper-left 4x4 of 7x7 cells only: apex, clavicle and mid zone of the right lung. Does the one explain the other?

Both recipes are trained with the study's settings; each radiograph is looked at through heads that saw neither it nor
its patient: five folds, for several seeds; ``pooling_looks`` says what is measured.

Beside both recipes: heads of ``study-2020`` with their initial weights, which learned nothing. A map that looks alike
without training explains no decision (Adebayo et al. 2018, arXiv 1810.03292).
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cxrscreen.evaluation.intervals import DRAWS, patient_weights
from tests.benchmarks.pooling_figure import FIGURE, draw
from tests.benchmarks.pooling_looks import CELLS, WINDOW, Cells, Looks, likeness, looks_of
from tests.benchmarks.real_set import PARTS, RECIPES, real_set
from tests.benchmarks.results import FOLDER, load, save

SEEDS = 5
UNTRAINED = "untrained"  # heads of study-2020

# The lungs' apex lies at 0.09 of the picture's height in the median of 246 radiographs with lung masks (5 % to 95 %:
# 0.01 to 0.22), and the clavicle crosses the lung just below it: in the upper two of seven rows, beside the spine.
CLAVICLE_ROWS = 2
RIGHT_SIDE, LEFT_SIDE = slice(0, 3), slice(4, 7)  # of the patient; the middle column holds spine and trachea

EXCLUDED = 0.10  # a shift of the maps' maxima by less than this share explains no riddle

EVENLY: Cells = np.full((1, CELLS, CELLS), 1 / CELLS**2)


def in_region(cells: Cells, region: str) -> NDArray[np.float64]:
    """Share of each radiograph in a part of the picture, (n,)."""
    sides = {
        "window": (slice(0, WINDOW), slice(0, WINDOW)),
        "right clavicle": (slice(0, CLAVICLE_ROWS), RIGHT_SIDE),
        "left clavicle": (slice(0, CLAVICLE_ROWS), LEFT_SIDE),
    }
    if region == "clavicles":
        return in_region(cells, "right clavicle") + in_region(cells, "left clavicle")
    return cells[:, *sides[region]].sum(axis=(1, 2))


REGIONS = ("window", "right clavicle", "left clavicle", "clavicles")


def estimate(values: NDArray[np.float64], weights: NDArray[np.float64]) -> dict[str, float]:
    """Mean over the radiographs that have a value, with its 95 % bootstrap interval by patient."""
    known = np.isfinite(values)
    drawn = weights[:, known]
    drawn = drawn[drawn.any(axis=1)]
    means = drawn @ values[known] / drawn.sum(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return {"value": float(values[known].mean()), "low": float(low), "high": float(high), "n": int(known.sum())}


def figures(looks: dict[str, Looks], groups: tuple[str, ...], members: NDArray[np.bool_]) -> dict[str, Any]:
    """All figures of a part of the radiographs."""
    weights = patient_weights([group for group, member in zip(groups, members, strict=True) if member], seed=0)
    found: dict[str, Any] = {"radiographs": int(members.sum()), "recipes": {}}
    for name, look in looks.items():
        found["recipes"][name] = {
            "cells": {
                what: np.nanmean(cells[members], axis=0).round(5).tolist() for what, cells in look.shares.items()
            },
            "regions": {
                what: {region: estimate(in_region(cells[members], region), weights) for region in REGIONS}
                for what, cells in look.shares.items()
            },
            "largest_gradient_outside_window": look.largest_unseen,
            "empty_maps": float(look.empty[members].mean()),
        }
    found["likeness"] = {
        name: estimate(likeness(looks["study-2020"], looks[name])[members], weights) for name in ("standard", UNTRAINED)
    }
    study, standard = (in_region(looks[name].shares["maximum"][members], "clavicles") for name in RECIPES)
    found["clavicles_study_minus_standard"] = estimate(study - standard, weights)
    found["riddle"] = riddle(found)
    return found


def riddle(found: dict[str, Any]) -> str:
    """Say what the numbers say: whether the window draws the maps' maxima to the clavicles."""
    difference = found["clavicles_study_minus_standard"]
    study, standard = (found["recipes"][name]["regions"]["maximum"]["clavicles"] for name in RECIPES)
    if study["high"] < in_region(EVENLY, "clavicles")[0]:
        return "absent"
    if difference["low"] > 0:
        return "solved" if standard["value"] <= study["value"] / 2 else "solved in part"
    return "refuted" if difference["high"] < EXCLUDED else "open"


def main(arguments: argparse.Namespace) -> None:
    real = real_set(cache=arguments.cache, radiographs=arguments.radiographs)
    pixels = arguments.pixels or len(real.groups)
    looks: dict[str, Looks] = {n: looks_of(real, n, seeds=arguments.seeds, pixels=pixels) for n in RECIPES}
    looks[UNTRAINED] = looks_of(real, "study-2020", seeds=arguments.seeds, pixels=0, trained=False)
    diseased = real.labelled.diseased
    save(
        "pooling_window",
        {
            "seeds": arguments.seeds,
            "heads_of_each_recipe": arguments.seeds * PARTS,
            "patients": len(set(real.groups)),
            "evenly": {region: float(in_region(EVENLY, region)[0]) for region in REGIONS},
            "clavicle_rows": CLAVICLE_ROWS,
            "intervals": f"95 %, bootstrap by patient, {DRAWS} draws, of means over the seeds",
            "covid": figures(looks, real.groups, diseased),
            "all": figures(looks, real.groups, np.ones_like(diseased)),
        },
        folder=arguments.results,
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--radiographs", type=int, default=None, help="for trials: fewer, half of each class")
    parser.add_argument("--pixels", type=int, default=None, help="for trials: pixel gradients of so many only")
    parser.add_argument("--cache", type=Path, default=None, help="folder that keeps the feature maps")
    parser.add_argument("--results", type=Path, default=FOLDER)
    parser.add_argument("--figure", type=Path, default=FIGURE)
    parser.add_argument("--draw", action="store_true", help="measure nothing, draw the figure from the results")
    chosen = parser.parse_args()
    if not chosen.draw:
        main(chosen)
    chosen.figure.write_bytes(draw(load("pooling_window", folder=chosen.results)))
