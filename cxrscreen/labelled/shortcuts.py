"""What tells the classes apart without looking at the lungs."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from cxrscreen.classifier.bias_report import Shortcut
from cxrscreen.evaluation.metrics import auc
from cxrscreen.evaluation.scored import Scored
from cxrscreen.labelled.labelled_set import LabelledRadiograph, LabelledSet
from cxrscreen.types import Diseased, PreparedBatch, Scores

IMAGE_SHAPE = "image shape"
BORDER = "border without the lungs"
SOURCE = "source"
VIEW = "view"
AGE, SEX, AGE_AND_SEX = "age", "sex", "age and sex"

_FOLDS = 5
_MIN_PATIENTS = 10  # of each class: with fewer the folds say nothing
_KNOWN = 0.5  # share of the radiographs of which a trait must be known to be measured
_STRENGTH = 0.1  # of the fit against its L2 penalty; weak, since there are more pixels than radiographs
_SHADES = 16  # bins of the histogram
_CELLS = 28  # of 8x8 pixels along the side of the picture
_FRAME = 3  # cells: the outer 10 % on each side; twice as much gains 0.01 of AUC and takes in far more lung
_THUMBNAIL = 16

_Descriptors = NDArray[np.float64]
"""What a shortcut looks at: (n, d)."""


def measure_shortcuts(labelled: LabelledSet, patients: Sequence[str], *, seed: int) -> tuple[Shortcut, ...]:
    """Measure how well trivial descriptors, which cannot know disease, tell the classes apart.

    Each one is the only input of a logistic regression (standardised, L2); radiographs are scored by folds that saw
    neither them nor their patients. An AUC far from 0.5 means that a classifier can score well here by recognising
    where a file comes from; so does any classifier's AUC that is not well above the best of these.

    Args:
        labelled: The whole set.
        patients: Patient of each radiograph, length n; from ``groups.joined_patients``.
        seed: Of the folds and the bootstrap.

    Returns:
        Of the picture first, then of the metadata, where they are known for more than half of the radiographs (and then
        measured on these). Empty where a class has fewer than ten patients; a trait that is known of fewer is skipped.
    """
    radiographs, groups, diseased = labelled.radiographs, np.unique(patients, return_inverse=True)[1], labelled.diseased
    shortcuts = []
    for name, meaning, describe in _OF_PICTURES:
        shortcuts.append((name, meaning, describe(labelled), np.arange(len(radiographs))))
    for name, meaning, is_known, describe_known in _OF_METADATA:
        known = np.flatnonzero([is_known(radiograph) for radiograph in radiographs])
        if len(known) > _KNOWN * len(radiographs):
            shortcuts.append((name, meaning, describe_known([radiographs[place] for place in known]), known))
    return tuple(
        Shortcut(name=name, meaning=meaning, auc=auc(scored, seed=seed))
        for name, meaning, descriptors, known in shortcuts
        if (scored := _scored(descriptors, diseased[known], groups[known], seed=seed)) is not None
    )


def _scored(descriptors: _Descriptors, diseased: Diseased, groups: NDArray[np.intp], *, seed: int) -> Scored | None:
    """Score each radiograph out of fold; ``None`` where there are too few patients."""
    if any(len(np.unique(groups[members])) < _MIN_PATIENTS for members in (diseased, ~diseased)):
        return None
    folds = StratifiedGroupKFold(n_splits=_FOLDS, shuffle=True, random_state=seed)
    scores: Scores = np.zeros(len(diseased))
    for train, held_out in folds.split(descriptors, diseased, groups):
        regression = make_pipeline(StandardScaler(), LogisticRegression(C=_STRENGTH, max_iter=1000))
        regression.fit(descriptors[train], diseased[train])
        scores[held_out] = regression.predict_proba(descriptors[held_out])[:, 1]
    return Scored(scores, diseased, groups.astype(str).tolist())


def _shape(labelled: LabelledSet) -> _Descriptors:
    sizes = np.array([(radiograph.columns, radiograph.rows) for radiograph in labelled.radiographs], dtype=np.float64)
    aspect = np.log(sizes[:, :1] / sizes[:, 1:])
    return np.hstack([sizes, aspect, np.abs(aspect)])  # some collections are all square


def _grey_statistics(labelled: LabelledSet) -> _Descriptors:
    rows = []
    for picture in labelled.prepared[..., 0]:
        shares = np.bincount(picture.ravel() // (256 // _SHADES), minlength=_SHADES) / picture.size
        mean, deviation = picture.mean(), max(picture.std(), 1.0)
        skewness = ((picture - mean) ** 3).mean() / deviation**3
        rows.append([*shares, mean, deviation, skewness, *np.quantile(picture, (0.01, 0.5, 0.99))])
    return np.array(rows)


def _border(labelled: LabelledSet) -> _Descriptors:
    outside = np.ones((_CELLS, _CELLS), np.bool_)
    outside[_FRAME:-_FRAME, _FRAME:-_FRAME] = False
    return _shrunk(labelled.prepared, _CELLS)[:, outside]


def _thumbnail(labelled: LabelledSet) -> _Descriptors:
    return _shrunk(labelled.prepared, _THUMBNAIL).reshape(len(labelled.prepared), -1)


def _shrunk(prepared: PreparedBatch, side: int) -> _Descriptors:
    """Mean shade of each cell: (n, side, side)."""
    pictures = (np.ascontiguousarray(picture[..., 0]) for picture in prepared)
    shrunk = [cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA) for picture in pictures]
    return np.array(shrunk, dtype=np.float64)


def _one_hot(values: Sequence[str | None]) -> _Descriptors:
    return np.array([[value == one for one in sorted({*values}, key=str)] for value in values], dtype=np.float64)


def _source(known: Sequence[LabelledRadiograph]) -> _Descriptors:
    return _one_hot([radiograph.source for radiograph in known])


def _view(known: Sequence[LabelledRadiograph]) -> _Descriptors:
    return _one_hot([radiograph.view for radiograph in known])


def _age(known: Sequence[LabelledRadiograph]) -> _Descriptors:
    ages = np.array([[radiograph.age_years or 0.0] for radiograph in known])
    return np.hstack([ages, ages**2])


def _sex(known: Sequence[LabelledRadiograph]) -> _Descriptors:
    return _one_hot([radiograph.sex for radiograph in known])


def _age_and_sex(known: Sequence[LabelledRadiograph]) -> _Descriptors:
    return np.hstack([_age(known), _sex(known)])


_OF_PICTURES: tuple[tuple[str, str, Callable[[LabelledSet], _Descriptors]], ...] = (
    (IMAGE_SHAPE, "Width, height and aspect of the stored picture, without its content.", _shape),
    (
        "grey statistics",
        "How often each shade occurs, wherever it is: exposure, window and margins move it, large opacities too.",
        _grey_statistics,
    ),
    (
        BORDER,
        (
            f"The outer {_FRAME * 100 // _CELLS} % of the picture on each side, cut by a ruler, not by a lung mask: "
            "where it is narrowly collimated, parts of the lungs reach into it."
        ),
        _border,
    ),
    (
        f"{_THUMBNAIL}x{_THUMBNAIL} thumbnail",
        "The picture shrunk to cells of about two centimetres: a large opacity remains, no vessel and no letter does.",
        _thumbnail,
    ),
)
_OF_METADATA: tuple[
    tuple[str, str, Callable[[LabelledRadiograph], bool], Callable[[Sequence[LabelledRadiograph]], _Descriptors]], ...
] = (
    (
        SOURCE,
        "The collection that a radiograph comes from, where it is known.",
        lambda one: one.source is not None,
        _source,
    ),
    (VIEW, "The stated projection alone, where it is known.", lambda one: one.view is not None, _view),
    (AGE, "The patient's age alone, where it is known.", lambda one: one.age_years is not None, _age),
    (SEX, "The patient's sex alone, where it is known.", lambda one: one.sex is not None, _sex),
    (
        AGE_AND_SEX,
        "The patient's age and sex together, where both are known.",
        lambda one: one.age_years is not None and one.sex is not None,
        _age_and_sex,
    ),
)
