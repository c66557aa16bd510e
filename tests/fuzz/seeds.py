"""The sound files that the corpus is bred from: drawn by the project, and pydicom's own test files by name."""

from __future__ import annotations

import io
import struct
import zlib
from functools import cache
from typing import Any

import cv2
import numpy as np
import pydicom
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    RLELossless,
)

from tests.radiograph.drawn import chest, dicom, dicom_around, dicom_dataset, encoded, file_of

CHEST = chest(48, 56)
DEEP = CHEST.astype(np.uint16) * 16 + 3
COLOURLESS = cv2.merge([CHEST] * 3)
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
# Codecs that OpenCV cannot write: JPEG Lossless, JPEG-LS, 12-bit extended, JPEG 2000 of a real device; and big endian.
OF_PYDICOM = (
    "SC_rgb_jpeg_gdcm.dcm",
    "MR_small_jpeg_ls_lossless.dcm",
    "JPGExtended.dcm",
    "MR_small_jp2klossless.dcm",
    "MR_small_RLE.dcm",
    "examples_palette.dcm",
    "dicomdirtests/77654033/CR1/6154",
)


@cache
def seeds() -> dict[str, dict[str, bytes]]:
    """Return sound files by type and name, most of them a few kilobytes."""
    return {"DICOM": _dicoms() | _foreign_dicoms(), "PNG": _pngs(), "JPEG": _jpegs()}


def chunk(name: bytes, body: bytes) -> bytes:
    """Return a chunk of a PNG with its right checksum."""
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def _dicoms() -> dict[str, bytes]:
    named: Any = {"PatientName": "Sari^Dewi", "PatientID": "0042", "SpecificCharacterSet": "ISO_IR 192"}
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = "272479007", "SCT", "postero-anterior"
    table = Dataset()
    table.LUTDescriptor, table.LUTData = [4096, 0, 16], (np.arange(4096, dtype="<u2") * 16).tobytes()
    table["LUTData"].VR = "OW"
    palette = dicom_dataset(255 - CHEST, bits=8, PhotometricInterpretation="PALETTE COLOR")
    for colour in ("Red", "Green", "Blue"):
        setattr(palette, f"{colour}PaletteColorLookupTableDescriptor", [256, 0, 16])
        setattr(palette, f"{colour}PaletteColorLookupTableData", (np.arange(256, dtype="<u2") * 257).tobytes())
    rle = dicom_dataset(DEEP)
    rle.compress(RLELossless, generate_instance_uid=False)
    wavelet = encoded(".jp2", DEEP, cv2.IMWRITE_JPEG2000_COMPRESSION_X1000, 1000)
    bare = io.BytesIO()
    pydicom.dcmwrite(bare, Dataset(dicom_dataset(DEEP)), implicit_vr=True, little_endian=True)
    return {
        "windowed": dicom(DEEP, WindowCenter=2048, WindowWidth=4096, RescaleSlope=1, RescaleIntercept=-1024, **named),
        "range": dicom(DEEP, PatientAge="062Y", PixelPaddingValue=3, **named),
        "monochrome 1": dicom(CHEST, bits=8, PhotometricInterpretation="MONOCHROME1", **named),
        "implicit": dicom(DEEP, syntax=ImplicitVRLittleEndian, ViewPosition="", ViewCodeSequence=[code], **named),
        "big endian": dicom(DEEP, syntax=ExplicitVRBigEndian, WindowCenter=2048, WindowWidth=4096),
        "deflated": dicom(DEEP, syntax=DeflatedExplicitVRLittleEndian, **named),
        "VOI table": dicom(DEEP, VOILUTSequence=[table]),
        "modality table": dicom(DEEP, ModalityLUTSequence=[table]),
        "colour": dicom(COLOURLESS, bits=8),
        "palette": file_of(palette),
        "run lengths": file_of(rle),
        "JPEG": dicom_around(encoded(".jpg", CHEST), CHEST, bits=8, syntax=JPEGBaseline8Bit, **named),
        "JPEG 2000": dicom_around(
            wavelet[wavelet.index(b"\xff\x4f\xff\x51") :], DEEP, bits=16, syntax=JPEG2000Lossless, **named
        ),
        "without meta": bare.getvalue(),
    }


def _foreign_dicoms() -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    for name in OF_PYDICOM:
        path = get_testdata_file(name, download=False)
        assert path is not None, name
        dataset = pydicom.dcmread(path)
        dataset.Modality = "DX"
        for keyword in ("BodyPartExamined", "ViewPosition", "PatientOrientation", "SeriesDescription"):
            dataset.pop(keyword, None)
        written = io.BytesIO()
        dataset.save_as(written)
        files[name] = written.getvalue()
    return files


def _pngs() -> dict[str, bytes]:
    grey = encoded(".png", CHEST)
    head = 8 + 25  # signature and IHDR
    texts = chunk(b"tEXt", b"Comment\0portable") + chunk(b"zTXt", b"Comment\0\0" + zlib.compress(b"chest " * 50))
    profile = chunk(b"iCCP", b"name\0\0" + zlib.compress(bytes(200)))
    rows = b"".join(b"\0" + row.tobytes() for row in CHEST)
    header = struct.pack(">IIBBBBB", 56, 48, 8, 3, 0, 0, 0)
    table = bytes(shade for index in range(256) for shade in [index] * 3)
    indexed = chunk(b"IHDR", header) + chunk(b"PLTE", table) + chunk(b"tRNS", b"\xff" * 256)
    moving = chunk(b"acTL", struct.pack(">II", 1, 0))
    frame = chunk(b"fcTL", struct.pack(">IIIIIHHBB", 0, 56, 48, 0, 0, 1, 10, 0, 0))
    return {
        "grey": grey,
        "16 bits": encoded(".png", DEEP),
        "alpha": encoded(".png", np.dstack([COLOURLESS, 255 - CHEST])),
        "16 bits, alpha": encoded(".png", np.dstack([DEEP, DEEP, DEEP, DEEP * 15])),
        "palette": PNG_SIGNATURE + indexed + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""),
        "texts": grey[:head] + texts + profile + chunk(b"eXIf", b"II*\0\x08\0\0\0\0\0") + grey[head:],
        "animated": grey[:head] + moving + frame + grey[head:],
    }


def _jpegs() -> dict[str, bytes]:
    grey = encoded(".jpg", CHEST, cv2.IMWRITE_JPEG_QUALITY, 95)
    turned = b"Exif\0\0II*\0" + struct.pack("<IHHHIHHI", 8, 1, 274, 3, 1, 6, 0, 0)
    return {
        "grey": grey,
        "colour": encoded(".jpg", COLOURLESS),
        "progressive": encoded(".jpg", COLOURLESS, cv2.IMWRITE_JPEG_PROGRESSIVE, 1),
        "restarts": encoded(".jpg", CHEST, cv2.IMWRITE_JPEG_RST_INTERVAL, 2),
        "turned": grey[:2] + b"\xff\xe1" + struct.pack(">H", len(turned) + 2) + turned + grey[2:],
    }
