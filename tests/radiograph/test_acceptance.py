from __future__ import annotations

import re

import pytest

from cxrscreen.errors import RefusedError
from cxrscreen.radiograph.acceptance import check_body_part, check_modality, check_size, frontal_view
from cxrscreen.radiograph.radiograph import View
from cxrscreen.radiograph.refusal import Reason
from tests.radiograph.drawn import LIMITS


@pytest.mark.parametrize(
    ("rows", "columns", "reason"),
    [
        (299, 400, Reason.TOO_SMALL),
        (8001, 8000, Reason.TOO_LARGE),
        (300, 601, Reason.NOT_ONE_RADIOGRAPH),
        (601, 300, Reason.NOT_ONE_RADIOGRAPH),
        (0, 400, Reason.TOO_SMALL),
    ],
)
def test_sizes_beyond_the_limits_are_refused(rows: int, columns: int, reason: Reason) -> None:
    with pytest.raises(RefusedError) as refusal:
        check_size(rows, columns, LIMITS)
    assert refusal.value.reason is reason


@pytest.mark.parametrize(("rows", "columns"), [(300, 300), (300, 600), (8000, 8000)])
def test_sizes_at_the_limits_are_accepted(rows: int, columns: int) -> None:
    check_size(rows, columns, LIMITS)


@pytest.mark.parametrize("modality", ["CR", "DX", "RG"])
def test_projection_radiography_is_accepted_without_a_notice(modality: str) -> None:
    assert check_modality(modality, "", "") == ()


@pytest.mark.parametrize("modality", ["CT", "MR", "US", "MG", "RF", "NM", "PT", "XC"])
def test_other_modalities_are_refused_even_in_a_secondary_capture(modality: str) -> None:
    with pytest.raises(RefusedError) as refusal:
        check_modality(modality, "1.2.840.10008.5.1.4.1.1.7", "")
    assert refusal.value.reason is Reason.MODALITY


@pytest.mark.parametrize("modality", ["", "OT"])
def test_an_unstated_modality_is_accepted_with_a_notice_unless_the_class_tells_otherwise(modality: str) -> None:
    assert check_modality(modality, "1.2.840.10008.5.1.4.1.1.7", "")
    assert check_modality(modality, "", "")
    with pytest.raises(RefusedError):
        check_modality(modality, "1.2.840.10008.5.1.4.1.1.2", "")  # CT
    with pytest.raises(RefusedError):
        check_modality(modality, "1.2.840.10008.5.1.4.1.1.1.2", "")  # mammography, a child of the X-ray root


def test_raw_detector_values_are_refused() -> None:
    with pytest.raises(RefusedError, match="FOR PRESENTATION"):
        check_modality("DX", "", "FOR PROCESSING")


@pytest.mark.parametrize("body_part", ["", "CHEST", "THORAX", "LUNG", "CHEST_PA", "PORT CHEST", "UNKNOWN"])
def test_the_chest_and_an_unstated_body_part_are_accepted(body_part: str) -> None:
    check_body_part(body_part)


@pytest.mark.parametrize("body_part", ["ABDOMEN", "KNEE", "CHESTABDOMEN", "THORACIC SPINE", "SKULL", "RIBS"])
def test_other_body_parts_are_refused(body_part: str) -> None:
    with pytest.raises(RefusedError) as refusal:
        check_body_part(body_part)
    assert refusal.value.reason is Reason.BODY_PART


@pytest.mark.parametrize("written", ["MRS JANE EXAMPLE LEFT KNEE", "JANE_EXAMPLE", "RM00417", "19710228"])
def test_what_is_no_defined_term_is_not_repeated_in_the_refusal(written: str) -> None:
    for check in (
        lambda: check_body_part(written),
        lambda: check_modality(written, "", ""),
        lambda: frontal_view(position=f"{written} LATERAL", description=written, orientation=()),
    ):
        with pytest.raises(RefusedError) as refusal:
            check()
        assert not set(written.split()) & set(re.findall(r"\w+", str(refusal.value)))


def test_a_defined_term_is_repeated_in_the_refusal() -> None:
    with pytest.raises(RefusedError, match="Body part KNEE is not the chest alone"):
        check_body_part("KNEE")
    with pytest.raises(RefusedError, match="Modality CT is no projection radiography"):
        check_modality("CT", "", "")


@pytest.mark.parametrize(
    ("position", "view"),
    [
        ("PA", View.PA),
        ("AP", View.AP),
        ("AP SUPINE", View.AP),
        ("POSTERO-ANTERIOR", View.PA),
        ("ANTEROPOSTERIOR", View.AP),
        ("FRONTAL", View.FRONTAL),
        ("", View.UNKNOWN),
    ],
)
def test_frontal_positions_are_read(position: str, view: View) -> None:
    assert frontal_view(position=position, description="", orientation=()) is view


@pytest.mark.parametrize(
    "position", ["LATERAL", "LL", "RL", "LLD", "RLD", "LAO", "RPO", "AP LLD", "LEFT LATERAL", "LAT"]
)
def test_positions_that_are_not_frontal_are_refused(position: str) -> None:
    with pytest.raises(RefusedError) as refusal:
        frontal_view(position=position, description="", orientation=("L", "F"))
    assert refusal.value.reason is Reason.VIEW


@pytest.mark.parametrize("orientation", [("A", "F"), ("P", "F"), ("L", "P"), ("AL", "F")])
def test_an_orientation_that_is_not_frontal_is_refused_where_the_position_is_blank(
    orientation: tuple[str, str],
) -> None:
    with pytest.raises(RefusedError):
        frontal_view(position="", description="", orientation=orientation)


def test_a_stated_position_outranks_orientation_and_description() -> None:
    assert frontal_view(position="PA", description="LATERAL", orientation=("A", "F")) is View.PA


def test_the_orientation_alone_can_say_frontal() -> None:
    assert frontal_view(position="", description="", orientation=("L", "F")) is View.FRONTAL


def test_a_description_counts_only_where_it_is_unambiguous() -> None:
    with pytest.raises(RefusedError):
        frontal_view(position="", description="CHEST LATERAL", orientation=())
    assert frontal_view(position="", description="CHEST PA AND LAT", orientation=()) is View.UNKNOWN
