"""The figures of one model on one labelled set, put together."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from cxrscreen.classifier.card import DataSetCard, ModelCard
from cxrscreen.evaluation.curves import calibration, curve
from cxrscreen.evaluation.data_report import DataReport
from cxrscreen.evaluation.metrics import figures
from cxrscreen.evaluation.predictive import predictive
from cxrscreen.evaluation.result import Evaluation, ScoredFile
from cxrscreen.evaluation.scored import Scored
from cxrscreen.evaluation.subgroups import subgroups
from cxrscreen.evaluation.trust_figures import band_on
from cxrscreen.labelled.labelled_set import LabelledSet
from cxrscreen.labelled.splits import Indices
from cxrscreen.labelled.statements import name_of
from cxrscreen.labelled.traits import traits_of
from cxrscreen.types import Scores

SEED = 2020  # of folds and bootstrap: the same folder and model give the same report


def evaluation_of(  # noqa: PLR0913  # what was scored, by whom, and what is known of both
    labelled: LabelledSet,
    part: Indices | None,
    scores: Scores,
    card: ModelCard,
    *,
    name: str,
    data: DataReport,
    patients: Sequence[str],
    seen: int | None,
    looks: int | None = None,
    seed: int = SEED,
) -> Evaluation:
    """Put all figures of one model on one set together.

    Args:
        labelled: The whole set.
        part: Positions of the radiographs that are evaluated; ``None`` takes all.
        scores: Of these radiographs alone, in their order.
        card: Of the model; gives the operating point.
        name: What is evaluated, for people.
        data: What ``examine`` found in the whole set.
        patients: Patient of each radiograph of the whole set, length n; from ``groups.joined_patients``.
        seen: How many of these radiographs are of patients whom the model has learnt from; ``None`` where nobody knows.
        looks: How often they were scored before, where that is counted.
        seed: Of the bootstrap.

    Raises:
        DataSetError: The part lacks a class.
    """
    places = range(len(labelled.radiographs)) if part is None else part.tolist()
    radiographs = [labelled.radiographs[i] for i in places]
    traits: dict[str, list[str | None]] = {
        by: [values[i] for i in places] for by, values in traits_of(labelled).items() if by != "size"
    }
    threshold = card.operating_point.threshold
    scored = Scored(scores, labelled.diseased[list(places)], [patients[i] for i in places])
    found = figures(scored, threshold=threshold, seed=seed)
    return Evaluation(
        name=name,
        evaluated_at=now(),
        model=card.version,
        weights_sha256=card.weights_sha256,
        recipe=card.recipe,
        data_set=data_set_of(labelled),
        seen=seen,
        looks=looks,
        threshold=threshold,
        figures=found,
        curve=curve(scored),
        calibration=calibration(scored),
        predictive=predictive(found),
        subgroups=subgroups(scored, traits, threshold=threshold, seed=seed),
        data=data,
        files=tuple(
            ScoredFile(file=one.file_name, label="covid" if one.diseased else "normal", score=score)
            for one, score in zip(radiographs, scores.tolist(), strict=True)
        ),
        left_out=labelled.left_out,
        calibrated_on=None if card.calibration is None else card.calibration.n,
        band=None if card.band is None else band_on(card.band, scored),
        card_shortcuts=card.shortcuts,
        model_limits=card.limits,
    )


def now() -> str:
    """ISO 8601 with zone."""
    return datetime.now(UTC).astimezone().isoformat(timespec="seconds")


def data_set_of(labelled: LabelledSet) -> DataSetCard:
    """Describe a set as cards do."""
    return DataSetCard(
        name=name_of(labelled),
        fingerprint=labelled.fingerprint,
        n=len(labelled.radiographs),
        positives=int(labelled.diseased.sum()),
        patients=len(set(labelled.patients)),
    )
