"""Two models on one labelled folder: scored on radiographs that neither has learnt from, and compared."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from cxrscreen.classifier.feature_cache import FeatureMapCache
from cxrscreen.errors import DataSetError
from cxrscreen.evaluation.comparison import Judged, compare
from cxrscreen.evaluation.result import Comparison
from cxrscreen.labelled.groups import joined_patients
from cxrscreen.labelled.labelled_set import LabelledSet, read_labelled
from cxrscreen.labelled.likeness import alike
from cxrscreen.labelled.scoring import Scorer
from cxrscreen.labelled.seen import of_same_patients
from cxrscreen.labelled.splits import Indices
from cxrscreen.radiograph.acceptance import AcceptanceLimits
from cxrscreen.types import Progress

_SEED = 2020  # of the bootstrap: the same folder and models give the same intervals


def compare_on(  # noqa: PLR0913  # a folder, two models, and what reading and scoring need
    folder: Path,
    *,
    champion: Path,
    challenger: Path,
    limits: AcceptanceLimits,
    cache: FeatureMapCache,
    progress: Progress | None = None,
) -> Comparison:
    """Judge one model against another, radiograph by radiograph.

    Radiographs of patients whom either has learnt from are left out. Where it is not recorded whom a model has learnt
    from, nothing can be left out for it, and the verdict is "cannot tell" whatever the figures say.

    Args:
        folder: Labelled.
        champion: Bundle of the model to be compared with.
        challenger: Bundle of the model to be judged.
        limits: Of the acceptance gate.
        cache: Of feature maps.
        progress: Told of each step.

    Raises:
        DataSetError: The folder is no labelled folder, or both models are one.
        ModelError: A model is damaged.
    """
    before, after = Scorer.of(champion), Scorer.of(challenger)
    if before.card.version == after.card.version:
        raise DataSetError(f"{after.card.version} would be compared with itself. Name two versions.")
    labelled = read_labelled(folder, limits=limits, progress=progress)
    patients = joined_patients(labelled, alike(labelled, progress))
    scores = after.scores(labelled.prepared, cache, step="feature maps", progress=progress)
    return compare_with(
        before,
        after.judged(scores),
        np.arange(len(patients)),
        labelled,
        patients,
        learnt_by_challenger=after.developed_on,
        cache=cache,
        seed=_SEED,
        progress=progress,
    )


def compare_with(  # noqa: PLR0913  # two models, the radiographs, and what scoring needs
    champion: Scorer,
    challenger: Judged,
    part: Indices,
    labelled: LabelledSet,
    patients: Sequence[str],
    *,
    learnt_by_challenger: frozenset[str] | None,
    cache: FeatureMapCache,
    seed: int,
    progress: Progress | None = None,
) -> Comparison:
    """Judge a model that has been scored already; whom either model has learnt from counts as in ``compare_on``.

    Args:
        champion: Model to be compared with.
        challenger: Its scores are those of the part, shape (k,).
        part: Positions of the radiographs to judge on, (k,).
        labelled: The whole set.
        patients: Patient of each radiograph of the whole set, length n; from ``joined_patients``.
        learnt_by_challenger: SHA-256 of the files that it was developed on; ``None`` where nobody knows.
        cache: Of feature maps.
        seed: Of the bootstrap.
        progress: Told of the champion's feature maps.
    """
    learnt = champion.developed_on
    seen, seen_by_challenger = (
        of_same_patients(files or frozenset(), labelled, patients)[part] for files in (learnt, learnt_by_challenger)
    )
    kept = ~(seen | seen_by_challenger)
    members = part[kept]
    comparison = compare(
        champion.judged(
            champion.scores(labelled.prepared[members], cache, step="feature maps, champion", progress=progress)
        ),
        Judged(challenger.version, challenger.scores[kept], challenger.threshold),
        [patients[position] for position in members],
        labelled.diseased[members],
        seen_by_champion=int(seen.sum()),
        seed=seed,
    )
    verdict, reasons = comparison.verdict, list(comparison.reasons)
    if more := int((seen_by_challenger & ~seen).sum()):
        reasons.append(f"Left out besides, because {challenger.version} learnt from their patients: {more}.")
    makings = {champion.card.version: learnt, challenger.version: learnt_by_challenger}
    if unknown := [version for version, files in makings.items() if files is None]:
        verdict = "cannot tell"
        reasons.insert(
            0,
            f"It is not recorded which radiographs {' and '.join(unknown)} learnt from: some of these may be among "
            "them, and the figures flatter whoever has seen them.",
        )
    return comparison.model_copy(update={"verdict": verdict, "reasons": tuple(reasons)})
