"""Two models on one labelled folder: scored on radiographs that neither has learnt from, and compared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from cxrscreen.classifier.feature_cache import FeatureMapCache
from cxrscreen.errors import DataSetError
from cxrscreen.evaluation.comparison import Judged, compare
from cxrscreen.evaluation.result import Comparison
from cxrscreen.labelled.groups import joined_patients
from cxrscreen.labelled.labelled_set import read_labelled
from cxrscreen.labelled.likeness import alike
from cxrscreen.labelled.scoring import Scorer
from cxrscreen.labelled.seen import Seen
from cxrscreen.labelled.sighted import Sighted
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
    segmenters: Path,
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
        segmenters: Folder of the lung segmenters that were trained at this site.
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
    sighted_by_after = Sighted.for_card(labelled, after.card, segmenters)
    part = np.flatnonzero(sighted_by_after.shown(after.recipe.framing))
    inputs = sighted_by_after.inputs(after.recipe.framing)[part]
    scores = after.scores(inputs, cache, step="feature maps", progress=progress)
    comparison = compare_with(
        before,
        after.judged(scores),
        part,
        Sighted.for_card(labelled, before.card, segmenters),
        patients,
        seen_by_challenger=after.seen(
            labelled,
            patients,
            after.recognised(sighted_by_after, cache, step="feature maps", progress=progress),
        ),
        cache=cache,
        seed=_SEED,
        progress=progress,
    )
    return _with_reason(comparison, _without_lungs(len(patients) - len(part), after.card.version))


def compare_with(  # noqa: PLR0913  # two models, the radiographs, and what scoring needs
    champion: Scorer,
    challenger: Judged,
    part: Indices,
    sighted: Sighted,
    patients: Sequence[str],
    *,
    seen_by_challenger: Seen | None,
    cache: FeatureMapCache,
    seed: int,
    progress: Progress | None = None,
) -> Comparison:
    """Judge a model that has been scored already; whom either model has learnt from counts as in ``compare_on``.

    Args:
        champion: Model to be compared with.
        challenger: Its scores are those of the part, shape (k,).
        part: Positions of the radiographs to judge on, (k,).
        sighted: The whole set, as the champion's segmenter sees it.
        patients: Patient of each radiograph of the whole set, length n; from ``joined_patients``.
        seen_by_challenger: Which of the whole set it has learnt from; ``None`` where nobody knows.
        cache: Of feature maps.
        seed: Of the bootstrap.
        progress: Told of the champion's feature maps.
    """
    labelled, framing, step = sighted.labelled, champion.recipe.framing, "feature maps, champion"
    by_content = champion.recognised(sighted, cache, step=step, progress=progress)
    seen_by_champion = champion.seen(labelled, patients, by_content)
    seen, seen_after = (
        np.zeros(len(part), dtype=np.bool_) if one is None else one.patients[part]
        for one in (seen_by_champion, seen_by_challenger)
    )
    shown = sighted.shown(framing)[part]
    kept = ~(seen | seen_after) & shown
    members = part[kept]
    comparison = compare(
        champion.judged(champion.scores(sighted.inputs(framing)[members], cache, step=step, progress=progress)),
        replace(challenger, scores=challenger.scores[kept]),
        [patients[position] for position in members],
        labelled.diseased[members],
        seen_by_champion=int(seen.sum()),
        seed=seed,
    )
    verdict, reasons = comparison.verdict, list(comparison.reasons)
    if more := int((seen_after & ~seen).sum()):
        reasons.append(f"Left out besides, because {challenger.version} learnt from their patients: {more}.")
    reasons += _without_lungs(int((~shown).sum()), champion.card.version)
    told = {champion.card.version: seen_by_champion, challenger.version: seen_by_challenger}
    for version, one in told.items():
        if one is not None and (stored_anew := one.counted(part).content):
            reasons.append(
                f"Of those left out, {version} was recognised to have learnt from {stored_anew} by what they show: "
                "their files are others."
            )
    if unknown := [version for version, one in told.items() if one is None]:
        verdict = "cannot tell"
        reasons.insert(
            0,
            f"It is not recorded which radiographs {' and '.join(unknown)} learnt from: some of these may be among "
            "them, and the figures flatter whoever has seen them.",
        )
    return comparison.model_copy(update={"verdict": verdict, "reasons": tuple(reasons)})


def _without_lungs(left_out: int, version: str) -> list[str]:
    """Say how many radiographs a model could not be shown."""
    if not left_out:
        return []
    return [
        f"Left out, because no plausible lung fields were found in them, and {version} sees nothing else: {left_out}."
    ]


def _with_reason(comparison: Comparison, reasons: Sequence[str]) -> Comparison:
    return comparison.model_copy(update={"reasons": (*comparison.reasons, *reasons)})
