"""The demonstration intake: what a night's folder looks like, without a patient in it."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from cxrscreen.phantom.dicom_file import Encoding, Sheet, dicom_bytes
from cxrscreen.phantom.thorax import draw_lateral, draw_thorax

JPEG_QUALITY = 92
CUT_AT = 0.6  # of its bytes: where the damaged file ends

Twelve = NDArray[np.uint16]


@dataclass(frozen=True, slots=True)
class _Entry:
    """One file of the intake: its name, its phantom's number, and how it is written."""

    name: str
    number: int
    shape: tuple[int, int]  # rows, columns
    write: Callable[[Twelve, int], bytes]
    opacities: bool = False
    lateral: bool = False


def _dicom(sheet: Sheet) -> Callable[[Twelve, int], bytes]:
    return lambda pixels, seed: dicom_bytes(pixels, seed, sheet)


def _jpeg(pixels: Twelve, _seed: int) -> bytes:
    return _encoded(".jpg", _eight_bits(pixels), [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])


def _cut_jpeg(pixels: Twelve, seed: int) -> bytes:
    whole = _jpeg(pixels, seed)
    return whole[: int(len(whole) * CUT_AT)]


def _png(pixels: Twelve, _seed: int) -> bytes:
    return _encoded(".png", _eight_bits(pixels), [])


def _png16(pixels: Twelve, _seed: int) -> bytes:
    return _encoded(".png", pixels * np.uint16(16), [])


_ENTRIES = (
    _Entry("ward-1/phantom-01.dcm", 1, (1280, 1100), _dicom(Sheet("ANNA"))),
    _Entry("ward-1/phantom-01-lateral.dcm", 1, (1280, 1000), _dicom(Sheet("ANNA", view="LL")), lateral=True),
    _Entry("ward-1/phantom-02.dcm", 2, (1200, 1200), _dicom(Sheet("BUDI", inverted=True)), opacities=True),
    _Entry("ward-1/phantom-03.dcm", 3, (1024, 1248), _dicom(Sheet("CITRA", encoding=Encoding.RLE)), opacities=True),
    _Entry("ward-3/phantom-04.dcm", 4, (1100, 1000), _dicom(Sheet("DEWI", modality="CR", inverted=True))),
    _Entry("ward-3/phantom-05.dcm", 5, (1024, 1024), _dicom(Sheet("EKA", modality="CR")), opacities=True),
    _Entry("ward-3/phantom-06.dcm", 6, (960, 960), _dicom(Sheet("FAJAR", encoding=Encoding.DEFLATED))),
    _Entry("ward-3/phantom-07.png", 7, (1024, 1024), _png16, opacities=True),
    _Entry("clinic/phantom-08.png", 8, (1024, 960), _png),
    _Entry("clinic/phantom-09.jpg", 9, (900, 1080), _jpeg, opacities=True),
    _Entry("clinic/phantom-10.jpg", 10, (1024, 1024), _jpeg),
    _Entry("phantom-11.jpg", 11, (1152, 960), _jpeg, opacities=True),
    _Entry("phantom-12-cut-short.jpg", 12, (900, 900), _cut_jpeg),
)
_COPY_OF, _COPY = "clinic/phantom-09.jpg", "ward-3/phantom-09-sent-again.jpg"


def write_demonstration_intake(folder: Path, *, seed: int = 2020) -> list[Path]:
    """Write 14 files: eleven frontal phantoms, six of them with opacities, and what goes wrong at night.

    Six DICOM objects (MONOCHROME1 and 2, 12 bits; one RLE, one deflated) and a lateral view in the study
    of the first; PNG with 8 and 16 bits; JPEG; a JPEG cut short; a copy of a file under another name.

    Args:
        folder: Where to write; created, with subfolders, if missing. Files of the same names are replaced.
        seed: Equal seeds give equal bytes.

    Returns:
        The files written, in a fixed order.

    Raises:
        OSError: The folder cannot be written to.
    """
    with ThreadPoolExecutor(2) as two:
        contents = dict(zip(_ENTRIES, two.map(lambda entry: _content(entry, seed), _ENTRIES), strict=True))
    files = {entry.name: content for entry, content in contents.items()}
    files[_COPY] = files[_COPY_OF]
    written = []
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        written.append(path)
    return written


def _content(entry: _Entry, seed: int) -> bytes:
    draw = draw_lateral if entry.lateral else draw_thorax
    person = 100 * seed + entry.number
    rows, columns = entry.shape
    return entry.write(draw(person, opacities=entry.opacities, rows=rows, columns=columns), person)


def _eight_bits(pixels: Twelve) -> NDArray[np.uint8]:
    return (pixels >> 4).astype(np.uint8)


def _encoded(suffix: str, pixels: NDArray[np.generic], parameters: list[int]) -> bytes:
    return bytes(cv2.imencode(suffix, pixels, parameters)[1])
