"""Planted shortcuts, and disease that is really there."""

from __future__ import annotations

import numpy as np
import pytest

from cxrscreen.classifier.recipe import Framing
from cxrscreen.labelled.changed_set import changed_inputs, draw_backgrounds, shown
from cxrscreen.labelled.lung_use import audit_lung_use
from cxrscreen.types import PreparedBatch, Scores
from tests.labelled.drawn_chests import chests

EACH = 12


def reads_corner(inputs: PreparedBatch, _step: str) -> Scores:
    """A model that looks at the marker alone."""
    return inputs[:, 10:20, 10:30, 0].mean(axis=(1, 2)) / 255


def reads_middle(inputs: PreparedBatch, _step: str) -> Scores:
    """A model that looks at the patient's right lung alone."""
    return inputs[:, 90:130, 45:75, 0].mean(axis=(1, 2)) / 255


def test_a_marker_that_follows_the_class_is_exposed() -> None:
    seen = chests(EACH, opacities=False, markers=True)
    intact = reads_corner(np.stack([shown(*pair, "whole") for pair in zip(seen.squares, seen.fields, strict=True)]), "")
    found = audit_lung_use(seen, intact, reads_corner, framing="whole", seed=1)
    assert found is not None
    assert found.intact.value == 1.0
    assert found.lungs_out.value == 1.0
    assert found.exchanged.value == 0.0
    assert not found.shown_to_use_lungs
    assert found.follows_the_rest
    assert (found.n, found.positives, found.without_fields) == (2 * EACH, EACH, 1)


@pytest.mark.parametrize("markers", [False, True])
def test_a_model_that_reads_the_lungs_is_shown_to_whatever_stands_in_the_corner(*, markers: bool) -> None:
    seen = chests(EACH, opacities=True, markers=markers)
    intact = reads_middle(np.stack([shown(*pair, "whole") for pair in zip(seen.squares, seen.fields, strict=True)]), "")
    found = audit_lung_use(seen, intact, reads_middle, framing="whole", seed=1)
    assert found is not None
    assert found.intact.value > 0.95
    assert found.exchanged.value > 0.9
    assert found.lungs_only.value > 0.9
    assert found.shown_to_use_lungs


def test_each_change_is_scored_once_and_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cxrscreen.labelled.lung_use._AT_ONCE", 10)
    seen, steps = chests(EACH, opacities=True, markers=False), []

    def score(inputs: PreparedBatch, step: str) -> Scores:
        steps.append((step, len(inputs)))
        return reads_middle(inputs, step)

    audit_lung_use(seen, np.linspace(0, 1, 2 * EACH), score, framing="whole", seed=1)
    assert steps == [
        (f"scores, {change}", 8) for change in ("without lungs", "lungs alone", "lungs exchanged") for _ in range(3)
    ]


def test_one_patient_of_a_class_has_nobody_to_exchange_lungs_with() -> None:
    seen = chests(1, opacities=True, markers=False)
    alone = type(seen)(
        squares=seen.squares,
        fields=seen.fields,
        diseased=seen.diseased,
        patients=["p", "p"],
        views=seen.views,
        without_fields=0,
    )
    assert audit_lung_use(alone, np.array([0.1, 0.9]), reads_middle, framing="whole", seed=1) is None


def test_backgrounds_are_of_the_other_class_of_another_patient_and_of_the_same_part() -> None:
    diseased = np.arange(40) % 2 == 0
    patients, parts = [f"p{number // 4}" for number in range(40)], np.arange(40) // 8
    drawn = draw_backgrounds(diseased, patients, seed=3, parts=parts)
    assert (diseased[drawn] != diseased).all()
    assert (parts[drawn] == parts).all()
    assert all(patients[place] != patients[behind] for place, behind in enumerate(drawn))
    assert (drawn == draw_backgrounds(diseased, patients, seed=3, parts=parts)).all()
    assert (drawn != draw_backgrounds(diseased, patients, seed=4, parts=parts)).any()


@pytest.mark.parametrize("framing", ["whole", "lungs"])
def test_changed_radiographs_are_framed_as_the_model_sees_them(framing: Framing) -> None:
    seen = chests(2, opacities=True, markers=True)
    backgrounds, places = draw_backgrounds(seen.diseased, seen.patients, seed=1), np.array([0, 3])
    exchanged = changed_inputs(seen, "lungs exchanged", places, backgrounds=backgrounds, framing=framing)
    assert exchanged.shape == (2, 224, 224, 3)
    behind = shown(seen.squares[backgrounds[0]], seen.fields[backgrounds[0]], framing)
    assert (exchanged[0, :40, :40] == behind[:40, :40]).all() == (framing == "whole")
    without = changed_inputs(seen, "without lungs", places, backgrounds=backgrounds, framing=framing)
    if framing == "lungs":
        assert len(np.unique(without[0])) <= 3  # nothing of the lungs, and nothing else is ever shown
