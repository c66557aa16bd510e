"""The model card: what a model is, what it was trained on and how far it may be trusted."""

from __future__ import annotations

from math import log
from typing import Literal

from cxrscreen.classifier.bias_report import BiasReport
from cxrscreen.classifier.calibration import Calibration
from cxrscreen.classifier.estimate import Estimate, Frozen
from cxrscreen.classifier.gate_card import GateCard
from cxrscreen.classifier.map_card import MapCard
from cxrscreen.classifier.operating_point import OperatingPoint
from cxrscreen.classifier.recipe import RecipeName
from cxrscreen.classifier.recipe_choice import RecipeChoice
from cxrscreen.classifier.reference import KnownReferences
from cxrscreen.classifier.segmenter_overlap import SegmenterOverlap
from cxrscreen.classifier.shortcut_audit import ShortcutAudit
from cxrscreen.classifier.uncertain_band import UncertainBand
from cxrscreen.types import Scores


class Performance(Frozen):
    """Figures on one set of radiographs that the fitted model had not seen.

    Where the threshold was chosen on the same scores, sensitivity and specificity are optimistic, and the name says so.
    """

    name: str  # e.g. "5-fold cross-validation by patient (threshold chosen here)", "held-out test, by patient"
    n: int
    positives: int
    patients: int
    auc: Estimate
    sensitivity: Estimate
    specificity: Estimate
    accuracy: Estimate


class DataSetCard(Frozen):
    """What the model was trained on, without naming anybody."""

    name: str
    fingerprint: str  # SHA-256 over the sorted content hashes and labels
    n: int
    positives: int
    patients: int


class GoldenScore(Frozen):
    """The score of a phantom, recorded at training time; a drift shows a broken installation."""

    phantom_seed: int
    opacities: bool
    score: float

    def drift(self, score: float) -> float:
        """How far a score of now is from the recorded one, in log-odds.

        Phantoms score near 0 or 1, where even a wrong score differs by little; log-odds differ much.
        """
        return abs(_log_odds(score) - _log_odds(self.score))


class ModelCard(Frozen):
    """Machine-readable card, stored as ``card.json`` beside the weights.

    Where there is a calibration, all scores are calibrated: those of the operating point, the band, the golden phantoms
    and the references. What was not measured when a model was made is ``None``.
    """

    version: str  # e.g. "standard-2"
    recipe: RecipeName
    created_at: str  # ISO 8601
    weights_sha256: str
    base_weights_sha256: str  # of the ImageNet weights as given, before rounding
    base_weights_origin: str = ""  # where they came from, one sentence, no path
    base_precision: Literal["int16", "float16", "float32"]  # int16: fixed point, one scale for each filter
    largest_change_by_rounding: float  # of any score on the development set, rounded base against the given one
    data_set: DataSetCard
    seed: int
    hyperparameters: dict[str, float | int | str]
    libraries: dict[str, str]
    operating_point: OperatingPoint
    folds: Performance
    test: Performance
    golden: tuple[GoldenScore, ...]
    calibration: Calibration | None = None
    band: UncertainBand | None = None
    band_in_test: UncertainBand | None = None  # the same band, with its rates on the held-out test
    shortcuts: ShortcutAudit | None = None  # of the development part, each radiograph by a head that had not seen it
    gate: GateCard | None = None
    maps: MapCard | None = None
    references: KnownReferences = None
    segmenter_sha256: str = ""  # of the weights of the lung segmenter that the model was made with
    segmenter_overlap: SegmenterOverlap | None = None  # of its patients and this set's; None: not known
    recipe_choice: RecipeChoice | None = None  # where the recipe was chosen on this very set
    looks: int | None = None  # other models that had been scored on some of the test part before
    bias: BiasReport | None = None  # of the set that it was made from; not measured before that was possible
    limits: tuple[str, ...]  # one sentence each, shown on reports
    credits: tuple[str, ...]

    def calibrated(self, raw: Scores) -> Scores:
        """Bring a head's scores to the scale that everything on this card is on."""
        return raw if self.calibration is None else self.calibration.probabilities(raw)

    @property
    def model_id(self) -> str:
        """Version and the head of its hash, as reports print it."""
        return f"{self.version} ({self.weights_sha256[:12]})"


def _log_odds(score: float) -> float:
    inside = min(max(score, 1e-12), 1 - 1e-12)
    return log(inside / (1 - inside))
