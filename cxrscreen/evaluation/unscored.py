"""What is known of a set in which a model gives scores to one class only, or to nothing: it has no figures."""

from __future__ import annotations

from cxrscreen.classifier.card import DataSetCard
from cxrscreen.classifier.estimate import Frozen
from cxrscreen.classifier.shortcut_audit import ShortcutAudit
from cxrscreen.evaluation.data_report import DataReport
from cxrscreen.evaluation.result import LeftOutFile, SeenBy
from cxrscreen.evaluation.trust import GateFigures


class Unscored(Frozen):
    """One model on one labelled set, as ``Evaluation``, without all that takes scores of both classes.

    Attributes:
        diseased: Radiographs of the set that are labelled COVID-19.
        diseased_refused: Of them, those without a score.
        healthy: Labelled normal.
        healthy_refused: Likewise.
    """

    name: str
    evaluated_at: str
    model: str
    weights_sha256: str
    recipe: str
    data_set: DataSetCard
    seen: int | None
    seen_by: SeenBy | None
    threshold: float
    data: DataReport
    left_out: tuple[LeftOutFile, ...]
    card_shortcuts: ShortcutAudit | None
    gate: GateFigures | None
    calibrated_on: int | None
    diseased: int
    diseased_refused: int
    healthy: int
    healthy_refused: int

    figures: None = None
    band: None = None
    shortcuts: None = None
    maps: None = None
    predictive: tuple[()] = ()

    @property
    def sentence(self) -> str:
        """Why there are no figures, and what can be done."""
        return (
            f"{self.model} gives no score to {self.diseased_refused} of {self.diseased} COVID-19 radiographs and to "
            f"{self.healthy_refused} of {self.healthy} normal ones, and figures need scores of both classes. Look at "
            "the files that were refused: they may be no upright frontal chest radiographs, or unlike those that the "
            "model was made from."
        )
