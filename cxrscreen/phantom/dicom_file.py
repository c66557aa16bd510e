"""A phantom as a DICOM object that a hospital's archive would accept: CR or DX, 12 bits."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from enum import Enum
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from pydicom import uid
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.sequence import Sequence

from cxrscreen.phantom.anatomy import Anatomy
from cxrscreen.phantom.beam import FULL_SCALE

UID_ROOT = "1.2.826.0.1.3680043.8.498."  # pydicom's, free for anybody's generated identifiers
FIRST_DAY = date(2020, 4, 1)


class Encoding(Enum):
    """Transfer syntaxes that pydicom writes without a plugin."""

    PLAIN = uid.ExplicitVRLittleEndian
    RLE = uid.RLELossless
    DEFLATED = uid.DeflatedExplicitVRLittleEndian


@dataclass(frozen=True, slots=True)
class Sheet:
    """What the request form and the machine decide.

    Attributes:
        given_name: Of the imaginary patient; the family is PHANTOM.
        modality: ``DX`` or ``CR``.
        view: ``PA`` or ``LL`` (left lateral).
        inverted: Store MONOCHROME1 (bone dark).
        encoding: Transfer syntax.
    """

    given_name: str
    modality: str = "DX"
    view: str = "PA"
    inverted: bool = False
    encoding: Encoding = Encoding.PLAIN


def dicom_bytes(pixels: NDArray[np.uint16], person: int, sheet: Sheet) -> bytes:
    """Return a DICOM file.

    Args:
        pixels: Shape (rows, columns), 0 to 4095, bone bright.
        person: Seed of the phantom. All identifiers follow from it: two views of one person share a study.
        sheet: Everything else.

    Returns:
        A Part 10 file; equal arguments give equal bytes.
    """
    dataset = FileDataset("", {}, preamble=b"\0" * 128, file_meta=_file_meta(person, sheet))
    for module in (_patient(person, sheet), _study(person, sheet), _machine(sheet), _image(pixels, sheet)):
        dataset.update(module)
    if sheet.modality == "DX":
        dataset.update(_digital_x_ray(sheet))
    stored = FULL_SCALE - pixels if sheet.inverted else pixels
    dataset.PixelData = stored.astype("<u2").tobytes()
    if sheet.encoding is Encoding.RLE:
        dataset.compress(uid.RLELossless, encoding_plugin="pydicom", generate_instance_uid=False)
    buffer = BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def _identifier(kind: str, person: int, *more: str) -> uid.UID:
    return uid.generate_uid(UID_ROOT, entropy_srcs=["cxrscreen phantom", kind, str(person), *more])


def _sop_class(sheet: Sheet) -> uid.UID:
    computed, digital = uid.ComputedRadiographyImageStorage, uid.DigitalXRayImageStorageForPresentation
    return computed if sheet.modality == "CR" else digital


def _file_meta(person: int, sheet: Sheet) -> FileMetaDataset:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = _sop_class(sheet)
    meta.MediaStorageSOPInstanceUID = _identifier("instance", person, sheet.view)
    meta.TransferSyntaxUID = Encoding.PLAIN.value if sheet.encoding is Encoding.RLE else sheet.encoding.value
    meta.ImplementationClassUID = uid.generate_uid(UID_ROOT, entropy_srcs=["cxrscreen phantom writer"])
    meta.ImplementationVersionName = "CXRSCREEN"
    return meta


def _patient(person: int, sheet: Sheet) -> Dataset:
    rng = np.random.default_rng(person)
    born = date(1940, 1, 1) + timedelta(days=int(rng.integers(0, 20_000)))
    patient = Dataset()
    patient.PatientName = f"PHANTOM^{sheet.given_name}"
    patient.PatientID = f"PHANTOM-{person % 10_000:04d}"
    patient.IssuerOfPatientID = "CXRSCREEN"
    patient.PatientBirthDate = born.strftime("%Y%m%d")
    patient.PatientSex = "F" if Anatomy.drawn(person).breast else "M"
    patient.PatientAge = f"{(_study_day(person) - born).days // 365:03d}Y"
    return patient


def _study_day(person: int) -> date:
    return FIRST_DAY + timedelta(days=person % 28)


def _study(person: int, sheet: Sheet) -> Dataset:
    study = Dataset()
    study.StudyInstanceUID = _identifier("study", person)
    study.SeriesInstanceUID = _identifier("series", person, sheet.view)
    study.SOPInstanceUID = _identifier("instance", person, sheet.view)
    study.SOPClassUID = _sop_class(sheet)
    day = _study_day(person).strftime("%Y%m%d")
    study.StudyDate = study.SeriesDate = study.AcquisitionDate = study.ContentDate = day
    study.StudyTime = study.ContentTime = f"{8 + person % 9:02d}{person % 60:02d}00"
    study.AccessionNumber = f"PH{person % 1_000_000:06d}"
    study.StudyID = str(person % 1000)
    study.ReferringPhysicianName = ""
    study.StudyDescription = "Phantom of the chest, drawn, no patient"
    study.SeriesDescription = "Chest PA" if sheet.view == "PA" else "Chest lateral"
    study.SeriesNumber = 1 if sheet.view == "PA" else 2
    study.InstanceNumber = 1
    return study


def _machine(sheet: Sheet) -> Dataset:
    machine = Dataset()
    machine.SpecificCharacterSet = "ISO_IR 100"
    machine.Modality = sheet.modality
    machine.Manufacturer = "cxrscreen"
    machine.ManufacturerModelName = "phantom"
    machine.InstitutionName = "No hospital"
    machine.BodyPartExamined = "CHEST"
    machine.ViewPosition = sheet.view
    machine.PatientOrientation = ["L", "F"] if sheet.view == "PA" else ["A", "F"]
    machine.Laterality = ""
    machine.KVP = "110"
    machine.DistanceSourceToDetector = "1800"
    return machine


def _image(pixels: NDArray[np.uint16], sheet: Sheet) -> Dataset:
    """Return the image pixel and VOI LUT modules (DICOM PS3.3 C.7.6.3, C.11.2)."""
    image = Dataset()
    image.ImageType = ["DERIVED", "PRIMARY"]
    image.SamplesPerPixel = 1
    image.PhotometricInterpretation = "MONOCHROME1" if sheet.inverted else "MONOCHROME2"
    image.Rows, image.Columns = pixels.shape
    image.BitsAllocated, image.BitsStored, image.HighBit, image.PixelRepresentation = 16, 12, 11, 0
    image.WindowCenter, image.WindowWidth = "2048", "4096"
    image.WindowCenterWidthExplanation = "All values"
    image.BurnedInAnnotation = "NO"
    image.LossyImageCompression = "00"
    return image


def _digital_x_ray(sheet: Sheet) -> Dataset:
    """Return what the DX object asks for beyond CR (DICOM PS3.3 A.26; codes from CID 4010 and CID 4031)."""
    digital = Dataset()
    digital.PresentationIntentType = "FOR PRESENTATION"
    digital.PresentationLUTShape = "INVERSE" if sheet.inverted else "IDENTITY"
    digital.PixelIntensityRelationship = "LOG"
    digital.PixelIntensityRelationshipSign = 1 if sheet.inverted else -1
    digital.RescaleIntercept, digital.RescaleSlope, digital.RescaleType = "0", "1", "US"
    digital.ImageLaterality = "U"
    digital.ImagerPixelSpacing = ["0.35", "0.35"]
    digital.DetectorType = "DIRECT"
    digital.AcquisitionContextSequence = Sequence()
    digital.AnatomicRegionSequence = Sequence([_code("816094009", "Chest")])
    lateral = sheet.view == "LL"
    view = _code("399173006", "left lateral") if lateral else _code("272479007", "postero-anterior")
    digital.ViewCodeSequence = Sequence([view])
    return digital


def _code(value: str, meaning: str) -> Dataset:
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = value, "SCT", meaning
    return code
