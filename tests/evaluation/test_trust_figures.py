from __future__ import annotations

import numpy as np
import pytest

from cxrscreen.classifier.map_card import MapCard
from cxrscreen.errors import RefusedError
from cxrscreen.evaluation.intervals import fraction
from cxrscreen.evaluation.scored import Scored
from cxrscreen.evaluation.trust_figures import band_on, gate_figures, map_figures
from cxrscreen.lungs.gate import Admission
from cxrscreen.lungs.map_audit import MapAudit, RegionShare
from cxrscreen.radiograph.refusal import Reason
from tests.evaluation.evaluation_samples import BAND, estimate

NOTHING = RegionShare(energy=0.0, area=0.0)


def audit(lungs: float, *, text: RegionShare = NOTHING) -> MapAudit:
    some = RegionShare(energy=0.1, area=0.1)
    return MapAudit(
        lungs=RegionShare(energy=lungs, area=0.25), clavicles=some, mediastinum=some, border=some, text=text
    )


def test_maps_are_summed_up_region_by_region() -> None:
    limit = MapCard(least=1.5, n=100, below_chance=estimate(0.1, 0.0, 0.2))
    found = map_figures([audit(0.2), audit(0.3), audit(0.5), None], without_fields=2, limit=limit)
    assert found is not None
    assert (found.n, found.empty, found.without_fields) == (3, 1, 2)
    lungs = found.regions[0]
    assert (lungs.region, lungs.n) == ("lungs", 3)
    assert lungs.against_chance[2] == pytest.approx(1.2)
    assert lungs.energy == pytest.approx(1 / 3)
    assert found.below_chance.value == pytest.approx(1 / 3)
    assert found.below_least is not None
    assert found.below_least.value == pytest.approx(2 / 3)
    assert [one.region for one in found.regions] == ["lungs", "clavicles", "mediastinum", "border"]


def test_text_counts_where_there_is_some_alone() -> None:
    written = RegionShare(energy=0.4, area=0.02)
    found = map_figures([audit(0.3), audit(0.3, text=written)], without_fields=0, limit=None)
    assert found is not None
    text = found.regions[-1]
    assert (text.region, text.n, text.against_chance[2]) == ("text", 1, pytest.approx(20))
    assert (found.least, found.below_least) == (None, None)


def test_maps_that_are_all_empty_give_no_figures() -> None:
    assert map_figures([None, None], without_fields=0, limit=None) is None


def test_the_gate_is_counted_by_reason_and_by_notice() -> None:
    turned = RefusedError(Reason.TURNED, "upside down")
    admissions = [
        Admission(None, (), 0.3),
        Admission(None, ("odd", "mirrored"), 1.2),
        Admission(turned, ("odd",), 0.9),
        Admission(None, ("odd",), 1.1),
    ]
    found = gate_figures(admissions, np.array([True, True, True, False]))
    assert found is not None
    assert found.refused_diseased is not None
    assert (found.refused_diseased.value, found.refused_diseased.n) == (1 / 3, 3)
    assert found.refused_healthy == fraction(0, 1)
    assert (found.n, found.refused.value, found.flagged.value) == (4, 0.25, 0.5)
    assert found.reasons == {Reason.TURNED.value: 1}
    assert found.notices == {"odd": 2, "mirrored": 1}
    assert found.strangeness.n == 4
    assert gate_figures([], np.zeros(0, dtype=np.bool_)) is None
    one_class = gate_figures(admissions, np.ones(4, dtype=np.bool_))
    assert one_class is not None
    assert one_class.refused_healthy is None


def test_a_band_is_counted_on_the_set_at_hand_with_its_limits_where_findings_change() -> None:
    scores = np.array([0.1, 0.22, 0.6, 0.61, 0.9, 0.05, 0.21, 0.3, 0.7, 0.1])
    diseased = np.arange(10) < 5
    found = band_on(BAND, Scored(scores, diseased, [str(n) for n in range(10)]))
    assert (found.low, found.high) == (BAND.low, BAND.high)
    assert (found.missed.value, found.found.value) == (0.2, 0.4)
    assert (found.false_alarms.value, found.cleared.value) == (0.2, 0.6)
    assert (found.uncertain.value, found.uncertain.n) == (0.3, 10)
