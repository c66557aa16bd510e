"""Trouble of the machine is told from trouble with a file, inside the reader process and in the one that asks it."""

from __future__ import annotations

import cv2
import pytest
from PIL import UnidentifiedImageError

from cxrscreen.errors import RefusedError
from cxrscreen.radiograph import decode, isolation, raster
from cxrscreen.radiograph.decode import decode_identity, decode_radiograph
from cxrscreen.radiograph.decoder_warnings import Heard
from cxrscreen.radiograph.identity import identify
from cxrscreen.radiograph.radiograph import Identity
from cxrscreen.radiograph.refusal import Reason
from tests.radiograph.drawn import LIMITS, chest, dicom, encoded

CHEST = chest()
PNG, DICOM = encoded(".png", CHEST), dicom(CHEST, bits=8)


def _out_of_memory() -> cv2.error:
    """Return what OpenCV raises where a matrix finds no memory."""
    error = cv2.error("(-4:Insufficient memory) Failed to allocate 49000000 bytes")
    error.code = cv2.Error.StsNoMem
    return error


def _raising(exc: Exception) -> object:
    def fail(*_: object, **__: object) -> None:
        raise exc

    return fail


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
        decode_radiograph(PNG, LIMITS, Heard())


@pytest.mark.parametrize(
    "raised",
    [UnidentifiedImageError("cannot identify"), OSError("No tag to read at file position 8"), cv2.error("bad header")],
)
def test_bad_content_is_refused_though_a_decoder_says_so_with_an_os_error(
    raised: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decode, "read_dicom", _raising(raised))
    with pytest.raises(RefusedError) as refusal:
        decode_radiograph(DICOM, LIMITS, Heard())
    assert refusal.value.reason is Reason.UNREADABLE


def test_an_identity_is_not_taken_for_empty_where_memory_runs_short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decode, "read_identity", _raising(MemoryError()))
    with pytest.raises(MemoryError):
        decode_identity(DICOM)


def test_an_identity_is_not_taken_for_empty_where_the_reader_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(isolation.READER, "_ask", _raising(ChildProcessError(10, "No child processes")))
    with pytest.raises(ChildProcessError):
        identify(DICOM)


def test_a_header_that_kills_the_reader_identifies_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(isolation.READER, "_ask", _raising(RefusedError(Reason.DAMAGED, "The decoder crashed.")))
    assert identify(DICOM) == Identity()
