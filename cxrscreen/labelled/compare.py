"""Two models on one labelled folder: scored on radiographs that neither has learnt from, and compared."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from cxrscreen.classifier.bundle import read_card, read_weights
from cxrscreen.classifier.feature_cache import FeatureMapCache
from cxrscreen.classifier.recipe import recipe_named
from cxrscreen.errors import DataSetError
from cxrscreen.evaluation.comparison import Judged, compare
from cxrscreen.evaluation.result import Comparison
from cxrscreen.labelled.groups import joined_patients
from cxrscreen.labelled.labelled_set import read_labelled
from cxrscreen.labelled.likeness import alike
from cxrscreen.labelled.seen import developed_on, of_same_patients
from cxrscreen.radiograph.acceptance import AcceptanceLimits
from cxrscreen.types import PreparedBatch, Progress

_AT_ONCE = 256  # radiographs whose feature maps are in memory together: 26 MB
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
    versions = read_card(champion).version, read_card(challenger).version
    if versions[0] == versions[1]:
        raise DataSetError(f"{versions[0]} would be compared with itself. Name two versions.")
    labelled = read_labelled(folder, limits=limits, progress=progress)
    patients = joined_patients(labelled, alike(labelled))
    learnt = {bundle: developed_on(bundle, labelled) for bundle in (champion, challenger)}
    seen = {bundle: of_same_patients(files or frozenset(), labelled, patients) for bundle, files in learnt.items()}
    kept = ~(seen[champion] | seen[challenger])
    comparison = compare(
        _judged(champion, labelled.prepared[kept], cache, progress),
        _judged(challenger, labelled.prepared[kept], cache, progress),
        [patient for patient, stays in zip(patients, kept, strict=True) if stays],
        labelled.diseased[kept],
        seen_by_champion=int(seen[champion].sum()),
        seed=_SEED,
    )
    verdict, reasons = comparison.verdict, list(comparison.reasons)
    if more := int((seen[challenger] & ~seen[champion]).sum()):
        reasons.append(f"Left out besides, because {versions[1]} learnt from their patients: {more}.")
    if unknown := [bundle.name for bundle, files in learnt.items() if files is None]:
        verdict = "cannot tell"
        reasons.insert(
            0,
            f"It is not recorded which radiographs {' and '.join(unknown)} learnt from: some of these may be among "
            "them, and the figures flatter whoever has seen them.",
        )
    return comparison.model_copy(update={"verdict": verdict, "reasons": tuple(reasons)})


def _judged(bundle: Path, prepared: PreparedBatch, cache: FeatureMapCache, progress: Progress | None) -> Judged:
    from cxrscreen.classifier.head import Head  # noqa: PLC0415  # starts TensorFlow

    card, base, arrays = read_weights(bundle)
    head = Head.from_arrays(recipe_named(card.recipe), arrays)
    scores = np.zeros(len(prepared))
    for start in range(0, len(prepared), _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        maps = cache.feature_maps(
            prepared[part], base, step="feature maps", progress=_from(start, len(prepared), progress)
        )
        scores[part] = head.scores(maps)
    return Judged(card.version, scores, card.operating_point.threshold)


def _from(start: int, total: int, progress: Progress | None) -> Progress | None:
    return None if progress is None else lambda step, done, _total: progress(step, start + done, total)
