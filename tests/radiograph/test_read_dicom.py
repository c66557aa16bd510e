from __future__ import annotations

import contextlib
import io

import cv2
import numpy as np
import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    RLELossless,
)

from cxrscreen.errors import RefusedError
from cxrscreen.radiograph.radiograph import FileType, Radiograph, View
from cxrscreen.radiograph.read import read_radiograph
from cxrscreen.radiograph.refusal import Reason
from tests.radiograph.drawn import ANY_SIZE, LIMITS, chest, dicom, dicom_around, dicom_dataset, encoded, file_of

CHEST = chest()
DEEP = CHEST.astype(np.uint16) * 16 + 3
WINDOW = {"WindowCenter": 2048, "WindowWidth": 4096}
PLAIN = dicom(DEEP, **WINDOW)


def refusal_of(content: bytes) -> RefusedError:
    with pytest.raises(RefusedError) as refusal:
        read_radiograph(content, LIMITS)
    return refusal.value


def as_chest(name: str) -> Radiograph:
    """Read one of pydicom's files as if it were a chest radiograph."""
    path = get_testdata_file(name, download=False)
    assert path is not None
    dataset = pydicom.dcmread(path)
    dataset.Modality = "DX"
    for keyword in ("BodyPartExamined", "ViewPosition", "PatientOrientation", "PresentationLUTShape"):
        dataset.pop(keyword, None)
    buffer = io.BytesIO()
    dataset.save_as(buffer)
    return read_radiograph(buffer.getvalue(), ANY_SIZE)


def test_acquisition_facts_come_from_the_tags() -> None:
    acquisition = read_radiograph(
        dicom(DEEP, **WINDOW, PatientAge="062Y", PatientSex="M", StudyDate="20240229"), LIMITS
    ).acquisition
    assert acquisition.file_type is FileType.DICOM
    assert (acquisition.rows, acquisition.columns, acquisition.bits_stored) == (400, 420, 12)
    assert acquisition.encoding == "Explicit VR Little Endian"
    assert acquisition.photometric == "MONOCHROME2"
    assert acquisition.window == "LINEAR, centre 2048, width 4096"
    assert (acquisition.modality, acquisition.view) == ("DX", View.PA)
    assert (acquisition.study_date, acquisition.age_years, acquisition.sex) == ("2024-02-29", 62, "M")


@pytest.mark.parametrize(
    ("written", "years"), [("062Y", 62), ("62", 62), ("018M", 1), ("040W", 0), ("200D", 0), ("", None), ("999Y", None)]
)
def test_ages_are_completed_years(written: str, years: int | None) -> None:
    # "62" is no valid age string, so it is written as archives do it: without asking pydicom.
    dataset = dicom_dataset(CHEST, bits=8)
    dataset.add(pydicom.DataElement("PatientAge", "AS", written, validation_mode=pydicom.config.IGNORE))
    assert read_radiograph(file_of(dataset), LIMITS).acquisition.age_years == years


def test_a_child_is_known_by_the_date_of_birth_where_no_age_is_stated() -> None:
    acquisition = read_radiograph(dicom(CHEST, PatientBirthDate="20090302", StudyDate="20180301"), LIMITS).acquisition
    assert acquisition.age_years == 8


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian])
def test_every_native_transfer_syntax_gives_the_same_pixels(syntax: pydicom.uid.UID) -> None:
    found = read_radiograph(dicom(DEEP, syntax=syntax, **WINDOW), LIMITS)
    assert (found.pixels == read_radiograph(PLAIN, LIMITS).pixels).all()


def test_rle_and_jpeg_2000_give_the_same_pixels_as_uncompressed() -> None:
    expected = read_radiograph(PLAIN, LIMITS).pixels
    compressed = dicom_dataset(DEEP, **WINDOW)
    compressed.compress(RLELossless, generate_instance_uid=False)
    assert (read_radiograph(file_of(compressed), LIMITS).pixels == expected).all()

    picture = encoded(".jp2", DEEP, cv2.IMWRITE_JPEG2000_COMPRESSION_X1000, 1000)
    stream = picture[picture.index(b"\xff\x4f\xff\x51") :]
    found = read_radiograph(dicom_around(stream, DEEP, bits=16, syntax=JPEG2000Lossless, **WINDOW), LIMITS)
    assert (found.pixels == read_radiograph(dicom(DEEP, bits=16, **WINDOW), LIMITS).pixels).all()


def test_jpeg_baseline_in_dicom_gives_what_the_jpeg_alone_gives() -> None:
    stream = encoded(".jpg", CHEST)
    found = read_radiograph(dicom_around(stream, CHEST, bits=8, syntax=JPEGBaseline8Bit), LIMITS)
    alone = read_radiograph(stream, LIMITS)
    assert np.abs(found.pixels.astype(int) - alone.pixels).max() <= 1
    assert found.acquisition.encoding == "JPEG Baseline (Process 1)"


@pytest.mark.parametrize(
    "twin", ["MR_small_RLE.dcm", "MR_small_bigendian.dcm", "MR_small_jpeg_ls_lossless.dcm", "MR_small_jp2klossless.dcm"]
)
def test_lossless_twins_give_the_pixels_of_the_uncompressed_file(twin: str) -> None:
    assert (as_chest(twin).pixels == as_chest("MR_small.dcm").pixels).all()


def test_12_bit_jpeg_extended_resembles_its_jpeg_2000_twin() -> None:
    extended, twin = as_chest("JPGExtended.dcm"), as_chest("JPEG2000.dcm")
    assert extended.acquisition.window == "range of the values, 0 to 264"
    assert np.corrcoef(extended.pixels.ravel(), twin.pixels.ravel())[0, 1] > 0.95


def test_signed_jpeg_2000_is_windowed() -> None:
    assert as_chest("693_J2KI.dcm").acquisition.window == "LINEAR, centre 40, width 100"


def test_a_deflated_file_is_read() -> None:
    assert as_chest("image_dfl.dcm").pixels.shape == (512, 512)


def test_a_real_monochrome1_radiograph_is_inverted() -> None:
    path = get_testdata_file("dicomdirtests/77654033/CR1/6154", download=False)
    assert path is not None
    dataset = pydicom.dcmread(path)
    dataset.BodyPartExamined, dataset.ViewPosition = "CHEST", "AP"  # it is a neck from the side
    buffer = io.BytesIO()
    dataset.save_as(buffer)
    found = read_radiograph(buffer.getvalue(), ANY_SIZE)
    assert found.acquisition.photometric == "MONOCHROME1"
    assert np.corrcoef(found.pixels.ravel(), dataset.pixel_array.ravel())[0, 1] < -0.9
    assert any("MONOCHROME1" in notice for notice in found.notices)


@pytest.mark.parametrize("name", ["SC_rgb_jpeg_gdcm.dcm", "SC_rgb_jpeg_lossy_gdcm.dcm"])
def test_coloured_bars_are_decoded_and_refused(name: str) -> None:
    with pytest.raises(RefusedError) as refusal:
        as_chest(name)
    assert refusal.value.reason is Reason.COLOUR


def test_three_equal_channels_are_grey() -> None:
    found = read_radiograph(dicom(cv2.merge([CHEST] * 3), bits=8), LIMITS)
    assert (found.pixels == CHEST).all()


def test_a_grey_palette_is_expanded() -> None:
    # The palette runs backwards, so that an index taken for a shade would show as a negative.
    content = dicom_dataset(255 - CHEST, bits=8, PhotometricInterpretation="PALETTE COLOR")
    for colour in ("Red", "Green", "Blue"):
        setattr(content, f"{colour}PaletteColorLookupTableDescriptor", [256, 0, 16])
        table = (np.arange(256, dtype="<u2")[::-1] * 257).tobytes()
        setattr(content, f"{colour}PaletteColorLookupTableData", table)
    assert (read_radiograph(file_of(content), LIMITS).pixels == CHEST).all()


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian])
def test_a_file_without_preamble_and_meta_information_is_read(syntax: pydicom.uid.UID) -> None:
    buffer = io.BytesIO()
    dataset = dicom_dataset(DEEP, syntax=syntax, **WINDOW)
    pydicom.dcmwrite(
        buffer, Dataset(dataset), implicit_vr=syntax.is_implicit_VR, little_endian=True, enforce_file_format=False
    )
    assert (read_radiograph(buffer.getvalue(), LIMITS).pixels == read_radiograph(PLAIN, LIMITS).pixels).all()


@pytest.mark.parametrize(
    ("tags", "reason"),
    [
        ({"Modality": "CT"}, Reason.MODALITY),
        ({"BodyPartExamined": "ABDOMEN"}, Reason.BODY_PART),
        ({"ViewPosition": "LL"}, Reason.VIEW),
        ({"NumberOfFrames": 2}, Reason.MULTI_FRAME),
        ({"Rows": 60_000, "Columns": 60_000}, Reason.TOO_LARGE),
        ({"Rows": 100, "Columns": 100}, Reason.TOO_SMALL),
    ],
)
def test_tags_refuse_before_the_pixels_are_looked_at(tags: dict[str, object], reason: Reason) -> None:
    undecodable = dicom_around(b"no picture at all", DEEP, bits=12, syntax=JPEG2000Lossless, **tags)
    assert refusal_of(undecodable).reason is reason


def test_a_lateral_view_by_its_view_code_is_refused() -> None:
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = "399348003", "SCT", "Left lateral"
    assert refusal_of(dicom(DEEP, ViewPosition="", ViewCodeSequence=[code])).reason is Reason.VIEW


def test_pixels_that_end_too_early_are_damage() -> None:
    assert refusal_of(PLAIN[:-1000]).reason is Reason.DAMAGED
    assert refusal_of(dicom(DEEP, PixelData=DEEP.tobytes()[:-2000])).reason is Reason.DAMAGED
    assert refusal_of(dicom(DEEP, PixelData=None)).reason is Reason.DAMAGED


def test_an_object_without_an_image_has_no_pixels() -> None:
    assert refusal_of(dicom(DEEP, Modality="", SOPClassUID="", Rows=None)).reason is Reason.NO_PIXELS


@pytest.mark.parametrize("kept", [0.3, 0.7, 0.97])
def test_a_cut_compressed_stream_is_damage(kept: float) -> None:
    stream = encoded(".jpg", CHEST)
    cut = dicom_around(stream[: int(kept * len(stream))], CHEST, bits=8, syntax=JPEGBaseline8Bit)
    assert refusal_of(cut).reason is Reason.DAMAGED


def test_lost_bytes_inside_a_compressed_stream_are_damage_though_the_decoder_only_warns() -> None:
    stream = encoded(".jpg", CHEST)
    middle = len(stream) // 2
    damaged = dicom_around(stream[:middle] + stream[middle + 300 :], CHEST, bits=8, syntax=JPEGBaseline8Bit)
    assert refusal_of(damaged).reason is Reason.DAMAGED


def test_a_stream_larger_than_its_tags_say_is_refused_before_it_is_expanded() -> None:
    stream = encoded(".jpg", chest(2000, 2000))
    assert "size" in refusal_of(dicom_around(stream, CHEST, bits=8, syntax=JPEGBaseline8Bit)).detail


def test_no_refusal_names_the_patient() -> None:
    content = dicom(DEEP, PatientName="Sari^Dewi", PatientID="0042", ViewPosition="SARI LATERAL")
    refusal = refusal_of(content)
    assert "SARI" not in str(refusal).upper()
    assert refusal.__cause__ is None


@settings(max_examples=60)
@given(st.data())
def test_a_cut_or_changed_file_is_read_or_refused_and_nothing_else(choose: st.DataObject) -> None:
    content = bytearray(PLAIN[: choose.draw(st.integers(0, len(PLAIN)))])
    for place in choose.draw(st.lists(st.integers(0, 1200), max_size=4)):
        if place < len(content):
            content[place] = choose.draw(st.integers(0, 255))
    with contextlib.suppress(RefusedError):
        assert isinstance(read_radiograph(bytes(content), LIMITS), Radiograph)


@given(st.binary(max_size=300), st.sampled_from([b"\0" * 128 + b"DICM", b"\x08\x00\x05\x00CS\x02\x00"]))
def test_arbitrary_bytes_behind_a_dicom_head_are_refused(tail: bytes, head: bytes) -> None:
    with pytest.raises(RefusedError):
        read_radiograph(head + tail, LIMITS)
