"""Whose values a card keeps for which class."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import numpy as np

from cxrscreen.training.trust import _references

DISEASED = np.array([True, False, True, False, False])  # the last one is in the test part
FOLDS = ((np.array([0, 1]), np.array([2, 3])), (np.array([2, 3]), np.array([0, 1])))
GATE_CARD = cast("Any", SimpleNamespace(refused=SimpleNamespace(value=0.25), n=4))
ADMISSIONS = [cast("Any", SimpleNamespace(strangeness=value)) for value in (0.8, 0.3, 0.6, 0.1)]  # fold by fold


def challenger() -> Any:  # stands for one
    return SimpleNamespace(out_of_fold=np.array([0.9, 0.2, 0.7, 0.4]))


def known() -> Any:  # stands for a labelled set
    return SimpleNamespace(
        labelled=SimpleNamespace(diseased=DISEASED),
        split=SimpleNamespace(development=np.arange(4)),
        whole=SimpleNamespace(folds=FOLDS),
    )


def test_each_class_keeps_its_own_values() -> None:
    kept = _references(challenger(), known(), GATE_CARD, ADMISSIONS, [(2, 1.5), (3, 1.1), (0, 2.0)])
    assert kept is not None
    assert (kept.scores.covid.values, kept.scores.normal.values) == ((0.7, 0.9), (0.2, 0.4))
    assert (kept.distances.covid.values, kept.distances.normal.values) == ((0.6, 0.8), (0.1, 0.3))
    assert (kept.lung_shares.covid.values, kept.lung_shares.normal.values) == ((1.5, 2.0), (1.1,))
    assert (kept.refused, kept.refused_n) == (0.25, 4)


def test_a_class_without_activation_maps_leaves_nothing_to_compare_with() -> None:
    assert _references(challenger(), known(), GATE_CARD, ADMISSIONS, [(2, 1.5)]) is None
    assert _references(challenger(), known(), GATE_CARD, ADMISSIONS, []) is None
