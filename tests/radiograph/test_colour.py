from __future__ import annotations

import cv2
import numpy as np
import pytest

from cxrscreen.errors import RefusedError
from cxrscreen.radiograph.annotations import has_drawn_boxes
from cxrscreen.radiograph.colour import to_grey
from cxrscreen.radiograph.refusal import Reason
from tests.radiograph.drawn import chest, photograph

GREY = chest()
RGB = cv2.merge([GREY, GREY, GREY])


def test_equal_channels_come_back_unchanged_and_without_notice() -> None:
    grey, notices = to_grey(RGB)
    assert (grey == GREY).all()
    assert notices == ()


@pytest.mark.parametrize("tint", [(1.0, 0.8, 1.0), (0.75, 0.85, 1.0), (1.0, 0.9, 0.7)])
def test_a_tint_is_turned_to_grey_with_a_notice(tint: tuple[float, float, float]) -> None:
    grey, notices = to_grey((RGB * np.array(tint)).astype(np.uint8))
    assert np.corrcoef(grey.ravel(), GREY.ravel())[0, 1] > 0.999
    assert any("tint" in notice for notice in notices)


def coloured_bars() -> np.ndarray:
    hues = np.repeat(np.linspace(0, 179, 8).astype(np.uint8), 50)
    hsv = np.dstack(
        [
            np.tile(hues, (400, 1)),
            np.full((400, 400), 255, np.uint8),
            np.tile(np.linspace(60, 255, 400).astype(np.uint8), (400, 1)),
        ]
    )
    return cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)


def overlaid() -> np.ndarray:
    y, x = np.mgrid[: GREY.shape[0], : GREY.shape[1]]
    heat = (255 * np.exp(-((x - 120) ** 2 + (y - 200) ** 2) / 4000)).astype(np.uint8)
    jet = cv2.cvtColor(cv2.applyColorMap(heat, cv2.COLORMAP_JET), cv2.COLOR_BGR2RGB)
    return (0.6 * RGB + 0.4 * jet).astype(np.uint8)


@pytest.mark.parametrize("picture", [photograph(), coloured_bars(), overlaid()], ids=["photograph", "bars", "overlay"])
def test_real_colour_is_refused(picture: np.ndarray) -> None:
    with pytest.raises(RefusedError) as refusal:
        to_grey(picture)
    assert refusal.value.reason is Reason.COLOUR


def test_a_coloured_arrow_is_accepted_with_a_notice() -> None:
    marked = RGB.copy()
    cv2.arrowedLine(marked, (100, 100), (130, 130), (255, 0, 0), 3)
    _, notices = to_grey(marked)
    assert any("Coloured marks" in notice for notice in notices)


def test_white_boxes_over_the_lungs_are_noticed() -> None:
    labelled = GREY.copy()
    labelled[150:180, 100:125] = 255
    cv2.putText(labelled, "1", (104, 174), cv2.FONT_HERSHEY_SIMPLEX, 0.8, 0, 2)
    assert has_drawn_boxes(labelled)


def test_a_side_marker_in_the_corner_and_a_round_highlight_are_no_drawn_boxes() -> None:
    marked = GREY.copy()
    marked[10:40, 10:35] = 255
    cv2.circle(marked, (200, 200), 20, 255, -1)
    assert not has_drawn_boxes(marked)
