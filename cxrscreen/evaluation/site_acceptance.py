"""What a committee is handed before a model may be tried at its site. Written as ``site-acceptance.json``."""

from __future__ import annotations

from cxrscreen.classifier.card import DataSetCard
from cxrscreen.classifier.estimate import Estimate, Frozen
from cxrscreen.classifier.uncertain_band import UncertainBand
from cxrscreen.evaluation.result import Evaluation
from cxrscreen.evaluation.site_verdict import Rule, SiteVerdict, judge_site, reason_of, verdict_of
from cxrscreen.evaluation.unscored import Unscored


class LocalPoint(Frozen):
    """An operating point that local radiographs would choose, for a stated sensitivity.

    Attributes:
        threshold: Chosen on all of them.
        asked: Sensitivity that it was chosen for.
        sensitivity: Each fold by a threshold that the other folds chose.
        specificity: Likewise.
    """

    threshold: float
    asked: float
    sensitivity: Estimate
    specificity: Estimate


class SiteAcceptance(Frozen):
    """Rules, verdict, and what the local radiographs would choose.

    Attributes:
        at: ISO 8601 with zone.
        model: Version.
        weights_sha256: Of the model.
        data_set: The local radiographs.
        scored: Of these, how many have a score: the figures rest on them. Where a class has none, there are no figures.
        positives: Of these.
        healthy_patients: With a normal radiograph among them.
        diseased_patients: With a COVID-19 radiograph.
        threshold: The operating point on the model's card, which is judged.
        rules: All, in their order.
        verdict: In words.
        reason: Which rules decided, one sentence.
        local_point: What these radiographs would choose; advice, the software goes on using the card's.
        local_band: Likewise an uncertain band.
        local_notes: Why one of them is missing.
    """

    at: str
    model: str
    weights_sha256: str
    data_set: DataSetCard
    scored: int
    positives: int
    healthy_patients: int
    diseased_patients: int
    threshold: float
    rules: tuple[Rule, ...]
    verdict: SiteVerdict
    reason: str
    local_point: LocalPoint | None
    local_band: UncertainBand | None
    local_notes: tuple[str, ...]


def site_acceptance(  # noqa: PLR0913  # what was measured and chosen
    evaluation: Evaluation | Unscored,
    *,
    healthy_patients: int,
    diseased_patients: int,
    local_point: LocalPoint | None,
    local_band: UncertainBand | None,
    local_notes: tuple[str, ...],
) -> SiteAcceptance:
    """Judge a model by what was measured on local radiographs."""
    if evaluation.figures is None:
        positives = evaluation.diseased - evaluation.diseased_refused
        scored = positives + evaluation.healthy - evaluation.healthy_refused
    else:
        scored, positives = evaluation.figures.n, evaluation.figures.positives
    rules = judge_site(evaluation, healthy_patients=healthy_patients, diseased_patients=diseased_patients)
    return SiteAcceptance(
        at=evaluation.evaluated_at,
        model=evaluation.model,
        weights_sha256=evaluation.weights_sha256,
        data_set=evaluation.data_set,
        scored=scored,
        positives=positives,
        healthy_patients=healthy_patients,
        diseased_patients=diseased_patients,
        threshold=evaluation.threshold,
        rules=rules,
        verdict=verdict_of(rules),
        reason=reason_of(rules),
        local_point=local_point,
        local_band=local_band,
        local_notes=local_notes,
    )
