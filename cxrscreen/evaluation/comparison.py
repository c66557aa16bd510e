"""Champion against challenger on the same radiographs, each at its own operating point."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cxrscreen.classifier.estimate import Estimate
from cxrscreen.classifier.recipe import Framing
from cxrscreen.classifier.shortcut_audit import ShortcutAudit
from cxrscreen.classifier.uncertain_band import UncertainBand
from cxrscreen.evaluation import metrics, weighted
from cxrscreen.evaluation.intervals import Limits, Weights, bootstrap, square_and_add, tango
from cxrscreen.evaluation.metrics import BOOTSTRAP
from cxrscreen.evaluation.result import Comparison
from cxrscreen.evaluation.scored import Scored
from cxrscreen.evaluation.verdict import BandDifferences, Differences, held_to_lungs, judge, nothing_to_judge
from cxrscreen.types import Diseased, Scores


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """A model's scores with its own operating point.

    Attributes:
        version: Of the model.
        scores: Shape (n,), in [0, 1].
        threshold: Positive when score >= threshold.
        shortcuts: The audit on its card; ``None`` where it was never audited.
        framing: What it is shown of a radiograph.
        band: Its uncertain band, by which it screens, if it has one.
    """

    version: str
    scores: Scores
    threshold: float
    shortcuts: ShortcutAudit | None = None
    framing: Framing = "whole"
    band: UncertainBand | None = None

    @property
    def positive(self) -> NDArray[np.bool_]:
        """Findings at the model's own operating point, shape (n,)."""
        return self.scores >= self.threshold

    @property
    def called_positive(self) -> NDArray[np.bool_]:
        """Findings as screening gives them, shape (n,)."""
        return self.positive if self.band is None else self.scores >= self.band.high

    @property
    def not_called_negative(self) -> NDArray[np.bool_]:
        """Positive, or left to a human; shape (n,)."""
        return self.positive if self.band is None else self.scores >= self.band.low


def compare(  # noqa: PLR0913  # two models, one truth, and what the report must name
    champion: Judged,
    challenger: Judged,
    patients: Sequence[str],
    diseased: Diseased,
    *,
    seen_by_champion: int,
    seed: int,
) -> Comparison:
    """Judge a challenger on radiographs that neither model was developed on.

    Args:
        champion: The model in use.
        challenger: The model that would replace it.
        patients: Patient of each radiograph, length n; n may be 0.
        diseased: Reference standard, shape (n,); a class may be missing.
        seen_by_champion: Radiographs that the caller left out because the champion was developed on their patients.
        seed: Of the bootstrap.

    Returns:
        Differences (challenger minus champion; a lower Brier score is better), verdict and reasons. The differences
        are ``None`` where a class is missing.

    Raises:
        DataSetError: A score is not a number.
    """
    n, positives = len(diseased), int(diseased.sum())
    differences = None
    if 0 < positives < n:
        differences = _differences(champion, challenger, patients, diseased, seed=seed)
        diseased_patients = len(set(np.asarray(patients)[diseased].tolist()))
        verdict, reasons = held_to_lungs(
            judge(differences, diseased_patients=diseased_patients, seen_by_champion=seen_by_champion),
            champion=champion.shortcuts,
            challenger=challenger.shortcuts,
            framed=[
                name for name, model in (("champion", champion), ("challenger", challenger)) if model.framing == "lungs"
            ],
        )
    else:
        verdict, reasons = nothing_to_judge(n=n, seen_by_champion=seen_by_champion)
    return Comparison(
        champion=champion.version,
        challenger=challenger.version,
        n=n,
        positives=positives,
        patients=len(set(patients)),
        seen_by_champion=seen_by_champion,
        auc=differences.auc if differences else None,
        sensitivity=differences.sensitivity if differences else None,
        specificity=differences.specificity if differences else None,
        brier=differences.brier if differences else None,
        verdict=verdict,
        reasons=reasons,
        not_missed=differences.band.not_missed if differences and differences.band else None,
        found=differences.band.found if differences and differences.band else None,
        spared=differences.band.spared if differences and differences.band else None,
    )


def auc_difference(before: Scored, after: Scored, *, seed: int) -> Estimate:
    """AUC of ``after`` minus that of ``before``, of the same radiographs in the same order."""

    def difference(weights: Weights) -> NDArray[np.float64]:
        pair = (weighted.auc(one.scores, one.diseased, weights) for one in (after, before))
        return np.subtract(*pair)[:, np.newaxis]

    value = float(difference(np.ones((1, len(before.scores))))[0, 0])
    (redrawn,) = bootstrap(difference, before.patients, seed=seed)
    return _of_means(value, redrawn, metrics.auc(before, seed=seed), metrics.auc(after, seed=seed))


def brier_difference(before: Scored, after: Scored, alone: tuple[Estimate, Estimate], *, seed: int) -> Estimate:
    """Brier score of ``after`` minus that of ``before``, of the same radiographs in the same order.

    Args:
        before: One model's scores.
        after: Another's.
        alone: The Brier scores of both.
        seed: Of the bootstrap.
    """

    def difference(weights: Weights) -> NDArray[np.float64]:
        pair = (weighted.brier(one.scores, one.diseased, weights) for one in (after, before))
        return np.subtract(*pair)[:, np.newaxis]

    value = float(difference(np.ones((1, len(before.scores))))[0, 0])
    (redrawn,) = bootstrap(difference, before.patients, seed=seed)
    return _of_means(value, redrawn, *alone)


def _differences(
    champion: Judged, challenger: Judged, patients: Sequence[str], diseased: Diseased, *, seed: int
) -> Differences:
    """All on the same draws, so that what the models share cancels out."""
    before, after = Scored(champion.scores, diseased, patients), Scored(challenger.scores, diseased, patients)

    def figures_of(model: Judged, weights: Weights) -> NDArray[np.float64]:
        return np.stack(
            [
                weighted.auc(model.scores, diseased, weights),
                weighted.brier(model.scores, diseased, weights),
                *(weighted.sensitivity(right, of, weights) for right, of in _shares_of(model, diseased)),
            ],
            axis=1,
        )

    def difference(weights: Weights) -> NDArray[np.float64]:
        return figures_of(challenger, weights) - figures_of(champion, weights)

    values = difference(np.ones((1, len(diseased))))[0].tolist()
    redrawn = bootstrap(difference, patients, seed=seed)
    alone = [[measure(part, seed=seed) for part in (before, after)] for measure in (metrics.auc, metrics.brier)]
    fractions = [
        _of_fractions(value, limits, right_before[of], right_after[of], len(set(np.asarray(patients)[of].tolist())))
        for value, limits, (right_before, of), (right_after, _) in zip(
            values[2:], redrawn[2:], _shares_of(champion, diseased), _shares_of(challenger, diseased), strict=True
        )
    ]
    sensitivity, specificity, not_missed, found, spared = fractions
    banded = champion.band is not None or challenger.band is not None
    return Differences(
        auc=_of_means(values[0], redrawn[0], *alone[0]),
        sensitivity=sensitivity,
        specificity=specificity,
        brier=_of_means(values[1], redrawn[1], *alone[1]),
        band=BandDifferences(not_missed=not_missed, found=found, spared=spared) if banded else None,
    )


def _shares_of(model: Judged, diseased: Diseased) -> tuple[tuple[NDArray[np.bool_], NDArray[np.bool_]], ...]:
    """Whether a model is right about each radiograph, in five ways, and of which radiographs this is asked."""
    return (
        (model.positive, diseased),
        (~model.positive, ~diseased),
        (model.not_called_negative, diseased),
        (model.called_positive, diseased),
        (~model.called_positive, ~diseased),
    )


def _of_means(value: float, redrawn: Limits | None, before: Estimate, after: Estimate) -> Estimate:
    """Where one of the two figures cannot be redrawn, neither can their difference."""
    if redrawn and before.method == after.method == BOOTSTRAP:
        limits, method = redrawn, f"paired {BOOTSTRAP}"
    else:
        terms = (after.value, (after.low, after.high)), (-before.value, (-before.high, -before.low))
        limits, method = square_and_add(value, *terms), "limits of both alone, squared and added"
    return Estimate(value=value, low=max(-1.0, limits[0]), high=min(1.0, limits[1]), n=after.n, method=method)


def _of_fractions(
    value: float, redrawn: Limits | None, before: NDArray[np.bool_], after: NDArray[np.bool_], independent: int
) -> Estimate:
    """The wider of two intervals: Tango's knows that few cases prove little, the bootstrap that patients repeat.

    Args:
        value: The difference.
        redrawn: Its bootstrap interval.
        before: Whether the champion was right, shape (radiographs of the class,).
        after: Likewise the challenger.
        independent: Patients of the class. Tango's counts are scaled to them, as if the radiographs of one patient
            always agreed.
    """
    n = len(before)
    gained, lost = int((after & ~before).sum()), int((before & ~after).sum())
    low, high = tango(gained * independent / n, lost * independent / n, independent)
    if redrawn:
        low, high = min(low, redrawn[0]), max(high, redrawn[1])
    method = f"the wider of paired {BOOTSTRAP}, and Tango on {independent} patients"
    return Estimate(value=value, low=low, high=high, n=n, method=method)
