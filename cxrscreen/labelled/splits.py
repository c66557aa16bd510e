"""Which radiographs train, which choose the operating point, and which are kept for the one test."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedGroupKFold

from cxrscreen.errors import DataSetError
from cxrscreen.types import Diseased

FOLDS = 5
TEST_SEED = 1
"""Draws the test part of every set: it is set aside once, whatever the run's own seed. With this number it is, on the
development set, the part that the shipped models ``standard-1`` and ``standard-2`` set aside, so that a new one can be
compared with them fairly."""

_TEST_PARTS = 5  # one of five: 20 %
_MIN_PATIENTS = 2 * FOLDS  # of each class, so that every part can hold both

Indices = NDArray[np.intp]
"""Positions in the labelled set, rising: (k,)."""


@dataclass(frozen=True, slots=True)
class Split:
    """No patient is in two parts.

    Attributes:
        development: Radiographs for training and cross-validation.
        test: Radiographs kept for one final look, about 20 %.
        folds: Five pairs (training, validation) that share out ``development``.
    """

    development: Indices
    test: Indices
    folds: tuple[tuple[Indices, Indices], ...]


def split_by_patient(patients: Sequence[str], diseased: Diseased, *, seed: int) -> Split:
    """Split by patient, with the share of COVID-19 about equal everywhere.

    Neither the order of the radiographs nor the names of their files move any of them to another part.

    Args:
        patients: Patient of each radiograph, length n; from ``groups.joined_patients``.
        diseased: Reference standard, shape (n,).
        seed: Any non-negative integer, of the folds alone: the test part depends on the first two arguments only.

    Raises:
        DataSetError: A class has fewer than ten patients, or a part is left without one of the classes.
    """
    groups = _enough(patients, diseased)
    _, test = next(_parts(diseased, groups, n_parts=_TEST_PARTS, seed=TEST_SEED))
    return split_with_test(patients, diseased, test, seed=seed)


def split_with_test(patients: Sequence[str], diseased: Diseased, test: Indices, *, seed: int) -> Split:
    """Share out what a given test part leaves; see ``split_by_patient``.

    Args:
        patients: As there.
        diseased: As there.
        test: All radiographs of some of the patients.
        seed: Of the folds.

    Raises:
        DataSetError: As there.
    """
    groups = _enough(patients, diseased)
    development = np.setdiff1d(np.arange(len(groups)), test)
    folds = tuple(
        (development[train], development[validation])
        for train, validation in _parts(diseased[development], groups[development], n_parts=FOLDS, seed=seed)
    )
    for part in (test, *(indices for fold in folds for indices in fold)):
        if diseased[part].all() or not diseased[part].any():
            raise DataSetError("A part of the split lacks one of the classes. Add patients or choose another seed.")
    return Split(development, test, folds)


def restricted(split: Split, shown: NDArray[np.bool_], diseased: Diseased) -> Split:
    """Leave out of every part what a recipe cannot be shown.

    Args:
        split: Of the whole set.
        shown: What stays, shape (n,).
        diseased: Reference standard, shape (n,).

    Raises:
        DataSetError: A part is left without one of the classes.
    """

    def kept(part: Indices) -> Indices:
        return part[shown[part]]

    folds = tuple((kept(train), kept(validation)) for train, validation in split.folds)
    left = Split(kept(split.development), kept(split.test), folds)
    for part in (left.test, *(indices for fold in folds for indices in fold)):
        if not len(part) or diseased[part].all() or not diseased[part].any():
            raise DataSetError(
                "Without the radiographs in which no plausible lung fields are found, a part of the split lacks one of "
                "the classes. Add patients, or train a recipe that sees the whole radiograph."
            )
    return left


def folds_by_patient(patients: Sequence[str], diseased: Diseased, *, seed: int) -> tuple[tuple[Indices, Indices], ...]:
    """Share out a whole set that nothing is trained on: five pairs (choosing, measuring) of positions.

    Raises:
        DataSetError: A class has fewer than ten patients, or a part is left without one of the classes.
    """
    folds = tuple(_parts(diseased, _enough(patients, diseased), n_parts=FOLDS, seed=seed))
    for part in (indices for fold in folds for indices in fold):
        if diseased[part].all() or not diseased[part].any():
            raise DataSetError("A part of the split lacks one of the classes. Add patients or choose another seed.")
    return folds


def _enough(patients: Sequence[str], diseased: Diseased) -> Indices:
    """Number the patients, and refuse a set with too few of them."""
    groups = np.unique(np.asarray(patients), return_inverse=True)[1]
    for name, members in (("COVID-19", diseased), ("normal", ~diseased)):
        n = len(np.unique(groups[members]))
        if n < _MIN_PATIENTS:
            raise DataSetError(f"{n} patients are labelled {name}; at least {_MIN_PATIENTS} are needed. Add some.")
    return groups


def _parts(diseased: Diseased, groups: Indices, *, n_parts: int, seed: int) -> Iterator[tuple[Indices, Indices]]:
    splitter = StratifiedGroupKFold(n_splits=n_parts, shuffle=True, random_state=seed)
    return iter(splitter.split(np.zeros(len(diseased)), diseased, groups))
