from __future__ import annotations

import cv2
import numpy as np
import pytest

from cxrscreen.lungs.fields import MASK_SIDE, LungFields, Mask
from cxrscreen.lungs.map_audit import audit_map, spread_map
from cxrscreen.lungs.regions import Regions, burnt_in_text, regions_of
from cxrscreen.phantom.thorax import draw_thorax
from cxrscreen.types import Grey8


def rectangle(top: int, bottom: int, left: int, right: int) -> Mask:
    mask = np.zeros((MASK_SIDE, MASK_SIDE), dtype=np.bool_)
    mask[top:bottom, left:right] = True
    return mask


RIGHT, LEFT = rectangle(20, 100, 20, 56), rectangle(24, 100, 70, 108)
FIELDS = LungFields(RIGHT | LEFT, LEFT, None)


def phantom(seed: int = 3) -> Grey8:
    grey: Grey8 = (draw_thorax(seed, rows=512, columns=512) >> 4).astype(np.uint8)
    return grey


@pytest.fixture(scope="module")
def regions() -> Regions:
    return regions_of(FIELDS, np.zeros((300, 300), np.uint8))


def test_a_map_that_is_the_same_everywhere_is_chance(regions: Regions) -> None:
    audit = audit_map(np.ones((7, 7), np.float32), regions)
    assert audit is not None
    for share in (audit.lungs, audit.clavicles, audit.mediastinum, audit.border):
        assert share.against_chance == pytest.approx(1)
    assert audit.text.against_chance is None


def test_a_map_on_one_lung_lies_in_the_lungs(regions: Regions) -> None:
    activation_map = cv2.resize(RIGHT.astype(np.float32), (7, 7), interpolation=cv2.INTER_AREA)
    audit = audit_map(activation_map, regions)
    assert audit is not None
    assert audit.lungs.energy > 0.75
    assert audit.lungs.against_chance is not None
    assert audit.lungs.against_chance > 1.7


def test_a_map_on_the_clavicle_is_told_from_one_on_the_base(regions: Regions) -> None:
    upper, lower = np.zeros((7, 7), np.float32), np.zeros((7, 7), np.float32)
    upper[1, 2] = lower[5, 2] = 1
    above, below = audit_map(upper, regions), audit_map(lower, regions)
    assert above is not None
    assert below is not None
    assert above.clavicles.energy > 0.5
    assert below.clavicles.energy < 0.05


def test_a_map_in_a_corner_lies_in_the_border(regions: Regions) -> None:
    corner = np.zeros((7, 7), np.float32)
    corner[0, 0] = 1
    audit = audit_map(corner, regions)
    assert audit is not None
    assert audit.border.energy > 0.4
    assert audit.lungs.energy < 0.1


def test_a_map_without_evidence_is_not_audited(regions: Regions) -> None:
    assert audit_map(np.zeros((7, 7), np.float32), regions) is None


def test_the_mediastinum_lies_between_the_lungs_and_nowhere_else(regions: Regions) -> None:
    assert (regions.mediastinum == rectangle(24, 100, 56, 70)).all()


def test_a_map_of_a_part_stays_in_that_part() -> None:
    spread = spread_map(np.ones((7, 7), np.float32), (0.25, 0.5, 0.75, 1.0))
    assert (spread > 0).mean() == pytest.approx(0.25)
    assert spread[: MASK_SIDE // 4].max() == spread[:, : MASK_SIDE // 2].max() == 0


@pytest.mark.parametrize("height", [0.015, 0.03])
def test_burnt_in_letters_are_found_where_they_are(height: float) -> None:
    pixels = np.full((1000, 800), 60, np.uint8)
    cv2.putText(pixels, "PORTABLE", (500, 900), cv2.FONT_HERSHEY_SIMPLEX, height * 1000 / 22, 255, 2, cv2.LINE_AA)
    found = burnt_in_text(pixels)
    rows, columns = found.nonzero()
    assert found.mean() > 0.002
    assert rows.min() / MASK_SIDE > 0.84
    assert columns.min() / MASK_SIDE > 0.58


def test_the_lead_letter_of_a_phantom_is_found_and_little_else() -> None:
    found = burnt_in_text(phantom())
    assert 0 < found.mean() < 0.01


def test_ribs_and_clavicles_are_no_letters() -> None:
    blurred = cv2.GaussianBlur(phantom(), (0, 0), 3)  # takes the letter away, leaves the bones
    assert burnt_in_text(blurred).mean() == 0
