"""What tells the classes apart without looking at the lungs."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from cxrscreen.evaluation.metrics import auc_value
from cxrscreen.labelled.labelled_set import LabelledSet
from cxrscreen.labelled.splits import Split
from cxrscreen.types import Scores


def shape_auc(labelled: LabelledSet, split: Split) -> float:
    """AUC of a logistic regression on width, height and aspect alone, out of fold on the development part.

    A value far from 0.5 means that a classifier can score well here by recognising where a file comes from.
    """
    shapes: NDArray[np.float64] = np.array([(r.columns, r.rows, r.columns / r.rows) for r in labelled.radiographs])
    diseased = labelled.diseased
    scores: Scores = np.zeros(len(diseased))
    for train, validation in split.folds:
        regression = make_pipeline(StandardScaler(), LogisticRegression())
        regression.fit(shapes[train], diseased[train])
        scores[validation] = regression.predict_proba(shapes[validation])[:, 1]
    return auc_value(scores[split.development], diseased[split.development])
