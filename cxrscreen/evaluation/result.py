"""What an evaluation found: every figure with its n and 95 % interval. Written as ``evaluation.json``."""

from __future__ import annotations

from typing import Literal

from cxrscreen.classifier.calibration import ReliabilityBin
from cxrscreen.classifier.card import DataSetCard
from cxrscreen.classifier.estimate import Estimate, Frozen
from cxrscreen.classifier.shortcut_audit import ShortcutAudit
from cxrscreen.classifier.uncertain_band import UncertainBand
from cxrscreen.evaluation.data_report import DataReport
from cxrscreen.evaluation.trust import GateFigures, MapFigures

Label = Literal["covid", "normal"]


class Confusion(Frozen):
    """Radiographs by truth and finding at the operating point."""

    true_positive: int
    false_negative: int
    false_positive: int
    true_negative: int


class Figures(Frozen):
    """At the operating point, where one is needed. ``None`` where nothing can be divided by."""

    n: int
    positives: int
    patients: int
    confusion: Confusion
    accuracy: Estimate
    precision: Estimate | None
    sensitivity: Estimate
    specificity: Estimate
    balanced_accuracy: Estimate
    auc: Estimate
    average_precision: Estimate
    brier: Estimate


class CurvePoint(Frozen):
    """One step of the ROC and precision-recall curves; the curves start at the highest threshold."""

    threshold: float | None  # None: nothing is positive
    sensitivity: float  # also called recall
    false_positive_rate: float
    precision: float | None  # None where nothing is positive


class Predictive(Frozen):
    """What a finding would mean where that share of the patients has the disease."""

    prevalence: float
    ppv: Estimate | None
    npv: Estimate | None


class Subgroup(Frozen):
    """Figures of a part of the set; ``None`` where a class is missing in it."""

    by: Literal["source", "view", "sex", "age"]
    value: str
    n: int
    positives: int
    sensitivity: Estimate | None
    specificity: Estimate | None
    auc: Estimate | None


class ScoredFile(Frozen):
    """One radiograph of the folder."""

    file: str
    label: Label
    score: float


class LeftOutFile(Frozen):
    """One file without a score."""

    file: str
    reason: str  # code of the refusal, or "copy"


class SeenBy(Frozen):
    """How radiographs that a model has learnt from were recognised.

    Attributes:
        files: By their files, byte by byte.
        content: Others, by what they show; ``None`` where the model has no gate to recognise them by.
        segmenter: Besides, of patients whom the lung segmenter has learnt from, told by their numbers; ``None`` where
            that is not recorded, or the set names no patients.
    """

    files: int
    content: int | None
    segmenter: int | None = None


class Evaluation(Frozen):
    """One model on one labelled set.

    Attributes:
        seen: Radiographs of the set whose patients the model was trained or calibrated on, by these or other files;
            ``None`` where its making is unknown.
        seen_by: Of these, what was recognised and how; the rest are others of the same patients.
        looks: How often the same set had been scored before, where that is counted (the test part of a retraining).
        calibrated_on: Radiographs that the scores were calibrated on; ``None``: they are raw, and no probabilities.
        band: The model's uncertain band, with its rates on these radiographs.
        shortcuts: The audit on these radiographs.
        card_shortcuts: The audit on the model's card.
        model_limits: The sentences on the model's card that say what it cannot do.
        maps: Where the activation maps lie.
        gate: What the gate by content refused and flagged; the refused have no score.
        doubts: After a retraining, radiographs of its development part whose labels the folds contradict, worst first;
            scored by heads that had not seen their patients.
    """

    name: str  # of what was evaluated, e.g. "held-out test of radiographs-2026", "site-acceptance"
    evaluated_at: str  # ISO 8601 with zone
    model: str
    weights_sha256: str
    recipe: str
    data_set: DataSetCard
    seen: int | None
    looks: int | None
    threshold: float
    figures: Figures
    curve: tuple[CurvePoint, ...]
    calibration: tuple[ReliabilityBin, ...]
    predictive: tuple[Predictive, ...]
    subgroups: tuple[Subgroup, ...]
    data: DataReport
    files: tuple[ScoredFile, ...]
    left_out: tuple[LeftOutFile, ...]
    doubts: tuple[ScoredFile, ...] = ()
    model_limits: tuple[str, ...] = ()
    seen_by: SeenBy | None = None
    calibrated_on: int | None = None
    band: UncertainBand | None = None
    shortcuts: ShortcutAudit | None = None
    card_shortcuts: ShortcutAudit | None = None
    maps: MapFigures | None = None
    gate: GateFigures | None = None


Verdict = Literal["promote", "keep", "cannot tell"]

NOT_MISSED = "COVID-19 not called negative"
FOUND = "COVID-19 called positive"
SPARED = "normal not called positive"


class Comparison(Frozen):
    """A challenger against the champion on the same radiographs; each difference is challenger minus champion.

    Where no radiograph is left that both may be judged on, the differences are ``None`` and the verdict says why.
    """

    champion: str
    challenger: str
    n: int
    positives: int
    patients: int
    seen_by_champion: int  # radiographs of the test part left out because the champion was developed on their patients
    auc: Estimate | None
    sensitivity: Estimate | None
    specificity: Estimate | None
    brier: Estimate | None
    verdict: Verdict
    reasons: tuple[str, ...]
    not_missed: Estimate | None = None  # this and the next two by the band, where one of the two has one
    found: Estimate | None = None
    spared: Estimate | None = None

    @property
    def differences(self) -> tuple[tuple[str, Estimate | None], ...]:
        """All by name, the band's last; of the Brier score alone, lower is better."""
        return (
            ("AUC", self.auc),
            ("sensitivity", self.sensitivity),
            ("specificity", self.specificity),
            ("Brier score", self.brier),
            (NOT_MISSED, self.not_missed),
            (FOUND, self.found),
            (SPARED, self.spared),
        )
