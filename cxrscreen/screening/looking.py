"""Radiographs looked at together: lung fields, what the model is shown of them, score, gate, and where the map lies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from cxrscreen.classifier.card import ModelCard
from cxrscreen.classifier.contract import Classifier
from cxrscreen.classifier.operating_point import Finding, Prediction
from cxrscreen.classifier.recipe import recipe_named
from cxrscreen.errors import RefusedError
from cxrscreen.lungs.fields import Box, LungFields
from cxrscreen.lungs.gate import Admission, Gate, look_at
from cxrscreen.lungs.map_audit import WHOLE, MapAudit, audit_map
from cxrscreen.lungs.regions import regions_of
from cxrscreen.radiograph.prepare import prepare
from cxrscreen.radiograph.radiograph import Radiograph
from cxrscreen.radiograph.refusal import Reason
from cxrscreen.screening.session import Session
from cxrscreen.settings import ExplanationVariant
from cxrscreen.types import ActivationMap, Grey8, Pooled, Prepared

if TYPE_CHECKING:  # it imports TensorFlow
    from cxrscreen.lungs.segmenter import LungFeatures, Segmenter

UNSUPPORTED = "The explanation does not support the score: do not rely on it."
CHANCE = 1.0  # the least share of a map inside the lungs for a model whose card names none


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """One model, loaded with all that it looks through.

    Attributes:
        card: Of the model.
        classifier: Scores.
        segmenter: Finds lung fields; ``None``: nobody does, and the model is shown whole radiographs.
        gate: Judges by content; ``None`` for a model of before there were gates.
    """

    card: ModelCard
    classifier: Classifier
    segmenter: Segmenter | None
    gate: Gate | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A radiograph that was let through.

    Attributes:
        prediction: Score and finding.
        activation_map: Of the part in ``box``.
        box: What the model was shown.
        fields: Lung fields, where somebody looked for them.
        audit: Where the map lies.
        strangeness: From the gate.
        review: Why a person should look, beyond the finding.
    """

    prediction: Prediction
    activation_map: ActivationMap = field(repr=False)
    box: Box
    fields: LungFields | None
    audit: MapAudit | None
    strangeness: float | None
    review: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Stopped:
    """A radiograph that the gate refuses."""

    refusal: RefusedError
    strangeness: float | None


@dataclass(frozen=True, slots=True, eq=False)
class Shown:
    """What goes into the pass, and what else the segmenter saw."""

    prepared: Prepared | None
    box: Box
    fields: LungFields | None
    features: LungFeatures | None


@dataclass(frozen=True, slots=True, eq=False)
class _Scored:
    score: float
    activation_map: ActivationMap
    block4: Pooled


def load_tools(session: Session, card: ModelCard) -> Tools:
    """Load a model with all that it looks through, once a process.

    Raises:
        ModelError: Something is missing or damaged, or the gate was made with another segmenter.
    """
    segmenter, gate = session.segmenter(card), session.gate(card.version)
    if gate is not None and segmenter is not None:
        gate.check_segmenter(segmenter.card.weights_sha256)
    return Tools(card=card, classifier=session.classifier(card.version), segmenter=segmenter, gate=gate)


def look_together(
    tools: Tools, radiographs: Sequence[Radiograph], explanation: ExplanationVariant
) -> list[Seen | Stopped]:
    """Look at radiographs in one pass of each network; result i belongs to radiograph i.

    Args:
        tools: The model.
        radiographs: At reading resolution; at least one.
        explanation: Variant of the activation map.
    """
    shown = show(tools.card, tools.segmenter, [radiograph.pixels for radiograph in radiographs])
    scored = _score(tools, shown, explanation)
    admissions = _admit(tools.gate, radiographs, shown, scored)
    return [_seen(tools.card, *one) for one in zip(radiographs, shown, scored, admissions, strict=True)]


def show(card: ModelCard, segmenter: Segmenter | None, readings: Sequence[Grey8]) -> list[Shown]:
    """Prepare radiographs for a model in one pass of the segmenter; result i belongs to radiograph i.

    Args:
        card: Of the model.
        segmenter: The one that the model was made with; ``None``: nobody looks for lung fields.
        readings: At reading resolution.
    """
    if segmenter is None:
        return [Shown(prepare(reading), WHOLE, None, None) for reading in readings]
    from cxrscreen.lungs.sight import sights  # noqa: PLC0415  # imports TensorFlow

    return [
        Shown(sight.prepared, sight.box, sight.fields, sight.features)
        for sight in sights(readings, segmenter, recipe_named(card.recipe).framing)
    ]


def _score(tools: Tools, shown: Sequence[Shown], explanation: ExplanationVariant) -> list[_Scored | None]:
    """Score what can be shown; the fault of lung fields that the model needs spares the pass."""
    inputs = [one.prepared for one in shown if one.prepared is not None]
    if not inputs:
        return [None] * len(shown)
    classified = tools.classifier.classify(np.stack(inputs), explanation=explanation)
    found = zip(classified.scores.tolist(), classified.activation_maps, classified.block4, strict=True)
    return [None if one.prepared is None else _Scored(*next(found)) for one in shown]


def _admit(
    gate: Gate | None, radiographs: Sequence[Radiograph], shown: Sequence[Shown], scored: Sequence[_Scored | None]
) -> list[Admission | None]:
    if gate is None:
        return [None] * len(radiographs)
    looks = [
        look_at(
            radiograph.pixels,
            block4=None if score is None else score.block4,
            lungs=one.features,
            fields=one.fields,
            age_years=radiograph.acquisition.age_years,
        )
        for radiograph, one, score in zip(radiographs, shown, scored, strict=True)
        if one.fields is not None and one.features is not None  # a gate without a segmenter judges nothing
    ]
    return list(gate.admit(looks)) or [None] * len(radiographs)


def _seen(
    card: ModelCard, radiograph: Radiograph, shown: Shown, scored: _Scored | None, admission: Admission | None
) -> Seen | Stopped:
    strangeness = None if admission is None else admission.strangeness
    fault = None if shown.fields is None else shown.fields.fault
    if admission is not None and admission.refusal is not None:
        return Stopped(admission.refusal, strangeness)
    if scored is None:
        return Stopped(RefusedError(Reason.NO_LUNG_FIELDS, "" if fault is None else fault.sentence), strangeness)
    prediction = Prediction(score=scored.score, operating_point=card.operating_point, band=card.band)
    audit = None
    if shown.fields is not None and fault is None:
        audit = audit_map(scored.activation_map, regions_of(shown.fields, radiograph.pixels), box=shown.box)
    doubts = () if admission is None else admission.notices
    unsupported = (UNSUPPORTED,) if _is_unsupported(card, prediction, scored.activation_map, audit) else ()
    return Seen(
        prediction=prediction,
        activation_map=scored.activation_map,
        box=shown.box,
        fields=shown.fields,
        audit=audit,
        strangeness=strangeness,
        review=(*unsupported, *doubts, *(() if fault is None else (fault.sentence,))),
    )


def _is_unsupported(
    card: ModelCard, prediction: Prediction, activation_map: ActivationMap, audit: MapAudit | None
) -> bool:
    """Say whether the map speaks against the score: it lies elsewhere, or a score has nothing to show for itself."""
    if not activation_map.any():
        return prediction.finding is not Finding.NEGATIVE
    share = None if audit is None else audit.lungs.against_chance
    return share is not None and share < (CHANCE if card.maps is None else card.maps.least)
