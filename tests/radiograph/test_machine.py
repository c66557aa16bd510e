from __future__ import annotations

import tempfile
from pathlib import Path

import cv2
import pytest
from PIL import UnidentifiedImageError
from pydicom.uid import JPEGBaseline8Bit

from cxrscreen.errors import RefusedError
from cxrscreen.radiograph import identity, raster, read
from cxrscreen.radiograph.identity import identify
from cxrscreen.radiograph.isolation import IsolatedDecoder
from cxrscreen.radiograph.read import read_radiograph
from cxrscreen.radiograph.refusal import Reason
from tests.radiograph.drawn import LIMITS, chest, dicom, dicom_around, encoded

CHEST = chest()
PNG, DICOM = encoded(".png", CHEST), dicom(CHEST, bits=8)
COMPRESSED = dicom_around(encoded(".jpg", CHEST), CHEST, bits=8, syntax=JPEGBaseline8Bit)


def _out_of_memory() -> cv2.error:
    """Return what OpenCV raises where a matrix finds no memory."""
    error = cv2.error("(-4:Insufficient memory) Failed to allocate 49000000 bytes")
    error.code = cv2.Error.StsNoMem
    return error


def _raising(exc: Exception) -> object:
    def fail(*_: object, **__: object) -> None:
        raise exc

    return fail


@pytest.mark.parametrize("content", [PNG, DICOM, COMPRESSED], ids=["png", "dicom", "compressed"])
def test_without_a_temporary_folder_no_file_is_refused(
    content: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    with pytest.raises(FileNotFoundError):
        read_radiograph(content, LIMITS)


@pytest.mark.parametrize(
    ("raised", "trouble"),
    [
        (MemoryError(), MemoryError),
        (OSError(28, "No space left on device"), OSError),
        (_out_of_memory(), MemoryError),
        (cv2.error("std::bad_alloc"), MemoryError),
    ],
)
def test_trouble_of_the_machine_is_no_refusal(
    raised: Exception, trouble: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(raster.cv2, "imdecode", _raising(raised))
    with pytest.raises(trouble):
        read_radiograph(PNG, LIMITS)


@pytest.mark.parametrize(
    "raised",
    [UnidentifiedImageError("cannot identify"), OSError("No tag to read at file position 8"), cv2.error("bad header")],
)
def test_bad_content_is_refused_though_a_decoder_says_so_with_an_os_error(
    raised: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(read, "read_dicom", _raising(raised))
    with pytest.raises(RefusedError) as refusal:
        read_radiograph(DICOM, LIMITS)
    assert refusal.value.reason is Reason.UNREADABLE


def test_a_decoder_process_that_cannot_be_started_refuses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    decoder = IsolatedDecoder(("/no/such/interpreter",))
    monkeypatch.setattr("cxrscreen.radiograph.dicom.DECODER", decoder)
    with pytest.raises(FileNotFoundError):
        read_radiograph(COMPRESSED, LIMITS)


def test_an_identity_is_read_without_a_temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    assert identify(DICOM).sop_instance_uid == "1.2.826.0.1.1.3"


def test_an_identity_is_not_taken_for_empty_where_memory_runs_short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identity, "read_file", _raising(MemoryError()))
    with pytest.raises(MemoryError):
        identify(DICOM)
