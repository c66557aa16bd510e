"""Pictures drawn for the tests, and files made of them."""

from __future__ import annotations

import io

import cv2
import numpy as np
import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import UID, DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian

from cxrscreen.radiograph.acceptance import AcceptanceLimits

LIMITS = AcceptanceLimits(min_side_pixels=300, max_pixels=64_000_000, max_aspect=2.0)
ANY_SIZE = AcceptanceLimits(min_side_pixels=1, max_pixels=64_000_000, max_aspect=100.0)


def chest(rows: int = 400, columns: int = 420) -> np.ndarray:
    """Two dark lungs in a bright body with texture, 8 bits; no pixel is black or white."""
    y, x = np.mgrid[:rows, :columns] / np.array([rows, columns])[:, None, None]
    shade = 170 + 25 * np.sin(40 * y) * np.cos(9 * x) + 10 * (((x * 60).astype(int) + (y * 60).astype(int)) % 2)
    for centre in (0.3, 0.7):
        shade -= 110 * (((x - centre) / 0.16) ** 2 + ((y - 0.5) / 0.36) ** 2 < 1)
    return np.clip(shade, 1, 254).astype(np.uint8)


def photograph(rows: int = 400, columns: int = 420) -> np.ndarray:
    """Patches of every colour, BGR."""
    noise = np.random.default_rng(7).integers(0, 256, (12, 12, 3), dtype=np.uint8)
    return cv2.resize(noise, (columns, rows), interpolation=cv2.INTER_CUBIC)


def encoded(suffix: str, picture: np.ndarray, *options: int) -> bytes:
    written, content = cv2.imencode(suffix, picture, list(options))
    assert written
    return content.tobytes()


def dicom_dataset(
    stored: np.ndarray, *, bits: int = 12, syntax: UID = ExplicitVRLittleEndian, **tags: object
) -> Dataset:
    """A frontal chest radiograph with the given stored values; ``tags`` are set last, ``None`` deletes one."""
    allocated = 8 if bits <= 8 else 16
    signed = np.issubdtype(stored.dtype, np.signedinteger)
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = DigitalXRayImageStorageForPresentation
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = UID("1.2.826.0.1.1.3")
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = "1.2.826.0.1.1", "1.2.826.0.1.1.2"
    dataset.Modality, dataset.BodyPartExamined, dataset.ViewPosition = "DX", "CHEST", "PA"
    dataset.Rows, dataset.Columns = stored.shape[:2]
    dataset.SamplesPerPixel = 1 if stored.ndim == 2 else stored.shape[2]
    dataset.PhotometricInterpretation = "MONOCHROME2" if stored.ndim == 2 else "RGB"
    if stored.ndim == 3:
        dataset.PlanarConfiguration = 0
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = allocated, bits, bits - 1
    dataset.PixelRepresentation = int(signed)
    dataset.PixelData = stored.astype(
        f"{'<>'[not syntax.is_little_endian]}{'i' if signed else 'u'}{allocated // 8}"
    ).tobytes()
    dataset["PixelData"].VR = "OB" if allocated == 8 else "OW"
    for keyword, value in tags.items():
        if value is None:
            delattr(dataset, keyword)
        else:
            setattr(dataset, keyword, value)
    return dataset


def file_of(dataset: Dataset) -> bytes:
    buffer = io.BytesIO()
    pydicom.dcmwrite(buffer, dataset, enforce_file_format=True)
    return buffer.getvalue()


def dicom(stored: np.ndarray, *, bits: int = 12, syntax: UID = ExplicitVRLittleEndian, **tags: object) -> bytes:
    return file_of(dicom_dataset(stored, bits=bits, syntax=syntax, **tags))


def dicom_around(stream: bytes, stored: np.ndarray, *, bits: int, syntax: UID, **tags: object) -> bytes:
    """A DICOM file whose pixels are an already compressed stream."""
    dataset = dicom_dataset(stored, bits=bits, **tags)
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.PixelData = encapsulate([stream])
    dataset["PixelData"].VR = "OB"
    return file_of(dataset)
