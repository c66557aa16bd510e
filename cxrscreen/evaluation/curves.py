"""The points that the ROC, precision-recall and calibration charts draw."""

from __future__ import annotations

import numpy as np

from cxrscreen.classifier.calibration import ReliabilityBin
from cxrscreen.evaluation.intervals import fraction
from cxrscreen.evaluation.result import CurvePoint
from cxrscreen.evaluation.scored import Scored
from cxrscreen.evaluation.weighted import cumulative

LEAST_IN_BIN = 10  # fewer say nothing: Wilson's interval of 5 of 10 is 0.24 to 0.76


def curve(scored: Scored) -> tuple[CurvePoint, ...]:
    """One point for each distinct score, from "nothing is positive" to "everything is".

    Sensitivity and false-positive rate never fall along the way; radiographs of equal score turn positive together.
    """
    counted = cumulative(scored.scores, scored.diseased, np.ones((1, len(scored.scores))))
    true_positive, false_positive = counted[0][0], counted[1][0]
    sensitivity = true_positive / true_positive[-1]
    false_positive_rate = false_positive / false_positive[-1]
    precision = true_positive / (true_positive + false_positive)
    thresholds = np.unique(scored.scores)[::-1]
    rows = np.stack([thresholds, sensitivity, false_positive_rate, precision], axis=1).tolist()
    nothing = CurvePoint(threshold=None, sensitivity=0, false_positive_rate=0, precision=None)
    return nothing, *(
        CurvePoint(threshold=score, sensitivity=found, false_positive_rate=alarmed, precision=right)
        for score, found, alarmed, right in rows
    )


def calibration(scored: Scored, *, bins: int = 10) -> tuple[ReliabilityBin, ...]:
    """Mean score against the observed share of diseased, in bins of about equally many radiographs, by rising score.

    Radiographs of one score stay in one bin, so ties leave fewer and larger bins.

    Args:
        scored: Scores in [0, 1] beside the truth.
        bins: At most that many, and no more than leave ``LEAST_IN_BIN`` radiographs to each on average.
    """
    scores, diseased = scored.scores, scored.diseased
    n = len(scores)
    wanted = max(1, min(bins, n // LEAST_IN_BIN))
    _, place, counts = np.unique(scores, return_inverse=True, return_counts=True)
    middle_ranks = np.cumsum(counts) - counts / 2  # of each distinct score, in (0, n)
    bin_of = np.floor(middle_ranks * wanted / n).astype(int)[place]
    members = [bin_of == k for k in np.unique(bin_of)]
    return tuple(
        ReliabilityBin(
            mean_score=float(scores[inside].mean()), observed=fraction(int(diseased[inside].sum()), int(inside.sum()))
        )
        for inside in members
    )
