from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pydicom
import pytest

from cxrscreen.phantom import intake as intake_module
from cxrscreen.phantom.dicom_file import Encoding, Sheet, dicom_bytes
from cxrscreen.phantom.intake import Twelve, write_demonstration_intake
from cxrscreen.phantom.thorax import draw_lateral, draw_thorax


@pytest.fixture(scope="module", autouse=True)
def sizes_asked_for() -> Iterator[list[tuple[int, int]]]:
    """Draw at a quarter of the size, which spares twenty seconds; what was asked for is noted."""
    asked: list[tuple[int, int]] = []

    def smaller(draw: Callable[..., Twelve]) -> Callable[..., Twelve]:
        def drawn(seed: int, *, opacities: bool, rows: int, columns: int) -> Twelve:
            asked.append((rows, columns))
            return draw(seed, opacities=opacities, rows=rows // 4, columns=columns // 4)

        return drawn

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(intake_module, "draw_thorax", smaller(draw_thorax))
        patch.setattr(intake_module, "draw_lateral", smaller(draw_lateral))
        yield asked


@pytest.fixture(scope="module")
def intake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("intake")
    assert len(write_demonstration_intake(folder)) == 14
    return folder


@pytest.mark.usefixtures("intake")
def test_the_radiographs_differ_in_size_and_shape(sizes_asked_for: list[tuple[int, int]]) -> None:
    assert all(900 <= side <= 1400 for size in sizes_asked_for for side in size)
    assert len({rows / columns for rows, columns in sizes_asked_for}) >= 4


def small() -> np.ndarray[tuple[int, ...], np.dtype[np.uint16]]:
    return draw_thorax(9, rows=128, columns=120)


def test_the_files_returned_are_the_files_written_in_subfolders_too(tmp_path: Path, intake: Path) -> None:
    written = write_demonstration_intake(tmp_path)
    assert sorted(written) == sorted(path for path in tmp_path.rglob("*") if path.is_file())
    assert len({path.parent for path in written}) == 4
    for path in written:  # the second writing gives the bytes of the first
        assert path.read_bytes() == (intake / path.relative_to(tmp_path)).read_bytes()


def test_one_file_is_a_copy_of_another_and_no_other_is(intake: Path) -> None:
    digests = [hashlib.sha256(path.read_bytes()).hexdigest() for path in intake.rglob("*.*")]
    assert len(digests) - len(set(digests)) == 1
    copy, original = intake / "ward-3/phantom-09-sent-again.jpg", intake / "clinic/phantom-09.jpg"
    assert copy.read_bytes() == original.read_bytes()


def test_the_damaged_file_starts_as_a_jpeg_and_never_ends(intake: Path) -> None:
    content = (intake / "phantom-12-cut-short.jpg").read_bytes()
    assert content.startswith(b"\xff\xd8\xff")
    assert b"\xff\xd9" not in content


def test_the_dicom_files_read_as_twelve_bit_chest_radiographs(intake: Path) -> None:
    datasets = [pydicom.dcmread(path) for path in sorted(intake.rglob("*.dcm"))]
    assert len(datasets) == 7
    assert {ds.PhotometricInterpretation for ds in datasets} == {"MONOCHROME1", "MONOCHROME2"}
    assert {ds.Modality for ds in datasets} == {"CR", "DX"}
    assert {ds.file_meta.TransferSyntaxUID for ds in datasets} == {syntax.value for syntax in Encoding}
    for ds in datasets:
        assert (ds.BitsStored, ds.PixelRepresentation, ds.BodyPartExamined) == (12, 0, "CHEST")
        assert str(ds.PatientName).startswith("PHANTOM^")
        assert ds.pixel_array.max() <= 4095
        assert ds.SOPInstanceUID == ds.file_meta.MediaStorageSOPInstanceUID
    assert len({ds.SOPInstanceUID for ds in datasets}) == 7
    assert len({ds.StudyInstanceUID for ds in datasets}) == 6


def test_the_lateral_view_belongs_to_the_study_of_a_frontal_one_and_says_so(intake: Path) -> None:
    frontal = pydicom.dcmread(intake / "ward-1/phantom-01.dcm")
    lateral = pydicom.dcmread(intake / "ward-1/phantom-01-lateral.dcm")
    assert frontal.StudyInstanceUID == lateral.StudyInstanceUID
    assert frontal.SeriesInstanceUID != lateral.SeriesInstanceUID
    assert frontal.PatientID == lateral.PatientID
    assert (frontal.ViewPosition, lateral.ViewPosition) == ("PA", "LL")
    assert lateral.ViewCodeSequence[0].CodeMeaning == "left lateral"


def test_png_files_have_eight_and_sixteen_bits(intake: Path) -> None:
    depths = {np.asarray(cv2.imread(str(path), cv2.IMREAD_UNCHANGED)).dtype.name for path in intake.rglob("*.png")}
    assert depths == {"uint8", "uint16"}


def test_monochrome1_stores_the_same_picture_inverted(tmp_path: Path) -> None:
    path = tmp_path / "inverted.dcm"
    path.write_bytes(dicom_bytes(small(), 9, Sheet("ANNA", inverted=True)))
    dataset = pydicom.dcmread(path)
    assert dataset.PhotometricInterpretation == "MONOCHROME1"
    np.testing.assert_array_equal(4095 - dataset.pixel_array, small())


@pytest.mark.parametrize("encoding", list(Encoding))
def test_every_encoding_gives_back_the_pixels(encoding: Encoding, tmp_path: Path) -> None:
    path = tmp_path / "phantom.dcm"
    path.write_bytes(dicom_bytes(small(), 9, Sheet("ANNA", encoding=encoding)))
    np.testing.assert_array_equal(pydicom.dcmread(path).pixel_array, small())
