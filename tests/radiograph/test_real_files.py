"""Outcomes for real files: the awkward ones one by one, and that no radiograph of the labelled set is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from cxrscreen.errors import RefusedError
from cxrscreen.radiograph.identity import identify
from cxrscreen.radiograph.radiograph import View
from cxrscreen.radiograph.read import read_radiograph
from cxrscreen.radiograph.refusal import Reason
from tests.radiograph.drawn import LIMITS

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.real_data

# Accepted: what the notices must mention. 05, 12, 13, 15 and 18 are for a gate that looks at the content.
ACCEPTED = {
    "01_rsna_pa_jpegbaseline.dcm": ["no unit"],
    "02_rsna_pa_tag_says_monochrome1.dcm": ["MONOCHROME1", "no unit"],
    "03_rsna_ap_jpegbaseline.dcm": ["no unit"],
    "04_large_rgb_3520x4280.jpg": [],
    "05_lateral_4298x4300.jpg": [],
    "06_png_16bit_rgba.png": ["16 bits"],
    "07_png_inside_named.jpg": [],
    "08_png_palette.png": ["tint"],
    "09_png_rgba_near_duplicate.png": ["tint"],
    "10_png_score_overlay.png": ["White boxes"],
    "12_ct_axial.jpg": [],
    "13_ct_coronal_rgba.png": [],
    "14_jpeg_progressive_adobe_exif.jpg": [],
    "15_lateral_small.jpg": [],
    "18_upside_down.png": [],
    "19_nih_rgba_1024.png": [],
}
REFUSED = {
    "11_png_rgba_tiny.png": Reason.TOO_SMALL,
    "16_jpeg_damaged_bytes.jpeg": Reason.DAMAGED,
    "17_png_unreadable.png": Reason.UNREADABLE,
    "20_figure_panels_rgba.png": Reason.NOT_ONE_RADIOGRAPH,
}


@pytest.mark.parametrize("name", ACCEPTED)
def test_awkward_file_is_accepted_with_its_notices(real_data: Path, name: str) -> None:
    radiograph = read_radiograph((real_data / "cxr" / "formats" / name).read_bytes(), LIMITS)
    assert len(radiograph.notices) == len(ACCEPTED[name])
    for notice, words in zip(radiograph.notices, ACCEPTED[name], strict=True):
        assert words in notice
    assert radiograph.pixels.dtype == np.uint8
    assert np.ptp(radiograph.pixels) > 150


@pytest.mark.parametrize("name", REFUSED)
def test_awkward_file_is_refused_with_its_reason(real_data: Path, name: str) -> None:
    with pytest.raises(RefusedError) as refusal:
        read_radiograph((real_data / "cxr" / "formats" / name).read_bytes(), LIMITS)
    assert refusal.value.reason is REFUSED[name]


def test_the_table_covers_all_awkward_files(real_data: Path) -> None:
    names = {path.name for path in (real_data / "cxr" / "formats").iterdir()} - {"README.md"}
    assert names == ACCEPTED.keys() | REFUSED.keys()


def test_view_age_and_sex_come_from_the_tags_and_the_study_is_identified(real_data: Path) -> None:
    content = (real_data / "cxr" / "formats" / "01_rsna_pa_jpegbaseline.dcm").read_bytes()
    acquisition = read_radiograph(content, LIMITS).acquisition
    assert (acquisition.view, acquisition.age_years, acquisition.sex) == (View.PA, 62, "M")
    assert identify(content).study_instance_uid


def test_a_tag_that_says_monochrome1_gives_the_negative(real_data: Path) -> None:
    formats = real_data / "cxr" / "formats"
    upright, negative = (
        read_radiograph((formats / name).read_bytes(), LIMITS).pixels
        for name in ("01_rsna_pa_jpegbaseline.dcm", "02_rsna_pa_tag_says_monochrome1.dcm")
    )
    assert (negative == 255 - upright).all()


def test_no_radiograph_of_the_labelled_set_is_refused(real_data: Path) -> None:
    files = [path for label in ("covid", "normal") for path in sorted((real_data / "cxr" / label).iterdir())]
    assert len(files) == 266
    tinted = sum(bool(read_radiograph(path.read_bytes(), LIMITS).notices) for path in files)
    assert tinted == 5
