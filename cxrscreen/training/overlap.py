"""Of which radiographs of a labelled set the lung segmenter had learnt from the patient, and what the others show."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cxrscreen.classifier.segmenter_overlap import PartOverlap, SegmenterOverlap
from cxrscreen.evaluation.metrics import auc
from cxrscreen.evaluation.scored import Scored
from cxrscreen.labelled.seen import learnt_by_segmenter
from cxrscreen.labelled.splits import Indices
from cxrscreen.training.examined import Examined
from cxrscreen.types import Scores


def overlap_of(known: Examined, out_of_fold: Scores, in_test: Scores, *, seed: int) -> SegmenterOverlap | None:
    """Count the patients whom the segmenter knows, and leave them out for once.

    Args:
        known: The labelled set, and the card of the segmenter.
        out_of_fold: Of the development part, shape (m,).
        in_test: Of the test part, shape (t,).
        seed: Of the bootstrap.

    Returns:
        ``None`` where the segmenter's card does not say from whom it has learnt, or the set names no patients.
    """
    learnt = learnt_by_segmenter(known.segmenter, known.labelled, known.patients)
    if learnt is None:
        return None
    return SegmenterOverlap(
        development=_part(known, learnt, known.split.development, out_of_fold, seed=seed),
        test=_part(known, learnt, known.split.test, in_test, seed=seed),
    )


def _part(known: Examined, learnt: NDArray[np.bool_], places: Indices, scores: Scores, *, seed: int) -> PartOverlap:
    diseased, of_part = known.labelled.diseased[places], learnt[places]
    truths = diseased[~of_part]
    others = None
    if truths.any() and not truths.all():
        patients = [known.patients[place] for place in places]
        others = auc(Scored(scores, diseased, patients).part(~of_part), seed=seed)
    return PartOverlap(
        positives=int(diseased.sum()),
        positives_learnt=int((of_part & diseased).sum()),
        negatives=int((~diseased).sum()),
        negatives_learnt=int((of_part & ~diseased).sum()),
        auc_of_others=others,
    )
