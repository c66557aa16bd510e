from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest

from cxrscreen.classifier.recipe import Recipe, recipe_named
from cxrscreen.errors import RefusedError
from cxrscreen.evaluation.intervals import fraction
from cxrscreen.labelled.labelled_set import ReadingLooks
from cxrscreen.labelled.measuring import Measured, Measurement
from cxrscreen.labelled.sighted import Sighted
from cxrscreen.lungs.gate import Admission, Looks
from cxrscreen.lungs.plausibility import LungFault
from cxrscreen.radiograph.prepare import prepare
from cxrscreen.radiograph.refusal import Reason
from cxrscreen.types import ActivationMaps, Pooled, PreparedBatch, Scores
from tests.classifier.random_model import card_for
from tests.labelled.drawn import labelled, radiograph
from tests.labelled.drawn_chests import chests

EACH = 12
LOST = 3  # the radiograph without plausible lung fields
TURNED = 5  # the one that the gate refuses
KNOWN = 7  # the one that it knows from the development set, of those that the model is shown


@dataclass
class _Model:
    """Reads the middle of what it is shown."""

    recipe: Recipe
    steps: list[str] = field(default_factory=list)
    card = card_for("stub-1", "0" * 64)

    def scores(self, inputs: PreparedBatch, *_: object, step: str, progress: object) -> Scores:
        del progress
        self.steps.append(step)
        return inputs[:, 80:140, 30:190, 0].mean(axis=(1, 2)) / 255

    def activation_maps(self, inputs: PreparedBatch, *_: object, **__: object) -> ActivationMaps:
        return np.ones((len(inputs), 14, 14), dtype=np.float32)

    def block4(self, inputs: PreparedBatch, *_: object, **__: object) -> Pooled:
        return np.zeros((len(inputs), 512), dtype=np.float32)


class _Gate:
    """Refuses one, flags the children."""

    def __init__(self) -> None:
        self.looks: list[Looks] = []

    def knows(self, block4: Pooled, edges: list[object]) -> np.ndarray:
        assert len(block4) == len(edges)
        return np.arange(len(edges)) == KNOWN

    def admit(self, looks: list[Looks]) -> list[Admission]:
        self.looks = looks
        refusal = RefusedError(Reason.TURNED, "upside down")
        return [
            Admission(refusal if place == TURNED else None, ("child",) if one.age_years == 4.0 else (), 0.5)
            for place, one in enumerate(looks)
        ]


@pytest.fixture(scope="module")
def sighted() -> Sighted:
    drawn = chests(EACH, opacities=True, markers=True)
    radiographs = [
        radiograph(number, diseased=bool(sick), view="PA", age_years=4.0 if number == 0 else 40.0)
        for number, sick in enumerate(drawn.diseased)
    ]
    pictures = [prepare(square)[..., 0] for square in drawn.squares]
    whole = replace(
        labelled(*radiographs, pictures=pictures),
        squares=np.stack(drawn.squares),
        looks=tuple(ReadingLooks(np.zeros(4, dtype=np.float32), 0.0) for _ in radiographs),
    )
    fields = list(drawn.fields)
    fields[LOST] = replace(fields[LOST], fault=LungFault.ONE_LUNG)
    return Sighted(whole, tuple(fields), np.zeros((len(fields), 80), dtype=np.float32))


def measured(sighted: Sighted, recipe: str, gate: Any = None) -> tuple[Measured, _Model]:
    model = _Model(recipe_named(recipe))
    found = Measurement(
        model=model,  # type: ignore[arg-type]  # a stub
        gate=gate,
        sighted=sighted,
        patients=sighted.labelled.patients,
        cache=None,  # type: ignore[arg-type]  # the stub asks nothing of it
        seed=1,
    ).taken()
    return found, model


def test_a_model_of_the_whole_picture_scores_all_and_is_audited_on_those_with_lungs(sighted: Sighted) -> None:
    found, model = measured(sighted, "standard")
    assert (len(found.part), found.refused, found.gate) == (2 * EACH, (), None)
    assert found.shortcuts is not None
    assert (found.shortcuts.n, found.shortcuts.without_fields) == (2 * EACH - 1, 1)
    assert found.maps is not None
    assert (found.maps.n, found.maps.without_fields) == (2 * EACH - 1, 1)
    assert found.maps.regions[0].against_chance[2] == pytest.approx(1, abs=0.02)  # the map is the same everywhere
    assert set(model.steps) == {
        "feature maps", "scores, without lungs", "scores, lungs alone", "scores, lungs exchanged",
    }  # fmt: skip


def test_a_model_that_sees_lungs_alone_has_no_score_where_none_are_found(sighted: Sighted) -> None:
    found, _ = measured(sighted, "lung-focused")
    assert LOST not in found.part
    assert [(file.file, file.reason) for file in found.refused] == [(f"{LOST}.png", "no-lung-fields")]
    assert found.maps is not None
    assert found.maps.regions[0].against_chance[2] > 1  # it covers the box around the lungs alone


def test_what_the_gate_refuses_has_no_score_and_is_counted(sighted: Sighted) -> None:
    gate = _Gate()
    found, _ = measured(sighted, "lung-focused", gate)
    assert found.gate is not None
    assert (found.gate.n, found.gate.reasons, found.gate.notices) == (2 * EACH, {"turned": 1}, {"child": 1})
    assert {file.reason for file in found.refused} == {"no-lung-fields", "turned"}
    assert len(found.scores) == len(found.part) == 2 * EACH - 2
    assert gate.looks[LOST].block4 is None
    assert gate.looks[TURNED].block4 is not None
    assert found.known is not None
    assert np.flatnonzero(found.known).tolist() == [KNOWN + 1]  # behind the one without lung fields
    assert (found.gate.refused_diseased, found.gate.refused_healthy) == (fraction(1, EACH), fraction(0, EACH))
