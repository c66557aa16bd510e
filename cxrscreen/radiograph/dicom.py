"""A DICOM file to a radiograph: tags, acceptance, decoding, shades of grey."""

from __future__ import annotations

import numpy as np
from pydicom import Dataset, FileDataset
from pydicom.encaps import get_frame
from pydicom.pixels.decoders.base import get_decoder
from pydicom.pixels.processing import apply_color_lut, convert_color_space

from cxrscreen.errors import RefusedError
from cxrscreen.radiograph.acceptance import (
    PROJECTION_MODALITIES,
    AcceptanceLimits,
    check_body_part,
    check_modality,
    check_size,
    frontal_view,
)
from cxrscreen.radiograph.codestream import END_OF_IMAGE, read_frame
from cxrscreen.radiograph.colour import to_grey
from cxrscreen.radiograph.dicom_file import read_file, text_of
from cxrscreen.radiograph.dicom_grey import Shades, render
from cxrscreen.radiograph.dicom_identity import iso_date
from cxrscreen.radiograph.grey import in_bands
from cxrscreen.radiograph.patient_age import age_years
from cxrscreen.radiograph.radiograph import Acquisition, FileType, View
from cxrscreen.radiograph.refusal import Reason
from cxrscreen.types import Grey8, Rgb8, StoredPixels


def read_dicom(content: bytes, limits: AcceptanceLimits) -> tuple[Acquisition, Grey8, tuple[str, ...]]:
    """Decode a DICOM file that its tags call a frontal chest radiograph.

    Returns:
        Acquisition, pixels and notices.

    Raises:
        RefusedError: What the tags, the size or the pixels say forbids screening.
        Exception: Whatever pydicom or GDCM raise for damaged content.
    """
    tags = read_file(content)
    view, notices = _accept_tags(tags, limits)
    shades = _shades(_decode(tags), tags)
    taken = iso_date(text_of(tags, "StudyDate") or text_of(tags, "AcquisitionDate"))
    age, age_notices = age_years(
        text_of(tags, "PatientAge"), born=iso_date(text_of(tags, "PatientBirthDate")), taken=taken
    )
    sex = text_of(tags, "PatientSex").upper()
    acquisition = Acquisition(
        file_type=FileType.DICOM,
        rows=tags.Rows,
        columns=tags.Columns,
        bits_stored=tags.BitsStored,
        encoding=tags.file_meta.TransferSyntaxUID.name,
        photometric=text_of(tags, "PhotometricInterpretation"),
        window=shades.window,
        modality=text_of(tags, "Modality").upper() or None,
        view=view,
        study_date=taken,
        age_years=age,
        sex=sex if sex in {"F", "M", "O"} else None,
    )
    return acquisition, shades.pixels, notices + shades.notices + age_notices


def _accept_tags(tags: FileDataset, limits: AcceptanceLimits) -> tuple[View, tuple[str, ...]]:
    """Refuse by the tags alone; return the view and what a reader should know."""
    if not any(keyword in tags for keyword in ("SOPClassUID", "Modality", "Rows")):
        if tags.preamble:
            raise RefusedError(Reason.DAMAGED, "The DICOM file ends in its header.")
        raise RefusedError(Reason.UNKNOWN_TYPE, "The content is neither DICOM nor JPEG nor PNG.")
    modality = text_of(tags, "Modality").upper()
    notices = check_modality(modality, text_of(tags, "SOPClassUID"), text_of(tags, "PresentationIntentType").upper())
    check_body_part((text_of(tags, "BodyPartExamined") or _meaning(tags, "AnatomicRegionSequence")).upper())
    orientation = tags.get("PatientOrientation") or ()
    view = frontal_view(
        position=(text_of(tags, "ViewPosition") or _meaning(tags, "ViewCodeSequence")).upper(),
        description=text_of(tags, "SeriesDescription").upper(),
        orientation=tuple(str(direction) for direction in orientation),
    )
    if "Rows" not in tags or "Columns" not in tags:
        if modality in PROJECTION_MODALITIES:
            raise RefusedError(Reason.DAMAGED, "The file ends before its image.")
        raise RefusedError(Reason.NO_PIXELS, "The DICOM object holds no image.")
    if int(text_of(tags, "NumberOfFrames") or 1) > 1:
        raise RefusedError(Reason.MULTI_FRAME, f"The file has {int(tags.NumberOfFrames)} frames; one is expected.")
    check_size(tags.Rows, tags.Columns, limits)
    if "PixelData" not in tags:
        raise RefusedError(Reason.DAMAGED, "The file ends before its pixels.")
    if text_of(tags, "BurnedInAnnotation").upper() == "YES":
        notices += ("The tags say that text is burnt into the picture; it may name the patient.",)
    return view, notices


def _meaning(tags: Dataset, keyword: str) -> str:
    """Return the code meaning of the first item of a code sequence."""
    items = tags.get(keyword)
    return text_of(items[0], "CodeMeaning") if items else ""


def _decode(tags: Dataset) -> StoredPixels:
    syntax = tags.file_meta.TransferSyntaxUID
    if syntax.is_encapsulated:
        _check_stream(get_frame(tags.PixelData, 0, number_of_frames=1), tags.Rows, tags.Columns)
    else:
        expected = tags.Rows * tags.Columns * tags.SamplesPerPixel * tags.BitsAllocated // 8
        if len(tags.PixelData) < expected and "422" not in tags.PhotometricInterpretation:
            raise RefusedError(Reason.DAMAGED, f"The pixels end after {len(tags.PixelData):,} of {expected:,} bytes.")
    if tags.SamplesPerPixel not in {1, 3}:  # thousands of them would be thousands of pictures in memory
        raise RefusedError(Reason.UNREADABLE, "The photometric interpretation is not one of a radiograph.")
    pixels, properties = get_decoder(syntax).as_array(tags, index=0, raw=True)
    tags.PhotometricInterpretation = str(properties["photometric_interpretation"])  # some decoders make RGB of YBR
    return pixels


def _check_stream(stream: bytes, rows: int, columns: int) -> None:
    """Refuse a compressed stream that is cut, or that is larger than the tags say (a decompression bomb)."""
    frame = read_frame(stream)
    if frame is None:
        return  # RLE, whose decoder checks its own length
    if (frame.rows, frame.columns) != (rows, columns):
        raise RefusedError(Reason.DAMAGED, "The size in the compressed pixels is not the one in the tags.")
    if END_OF_IMAGE not in stream[-16:]:
        raise RefusedError(Reason.DAMAGED, "The compressed pixels end too early.")


def _shades(stored: StoredPixels, tags: Dataset) -> Shades:
    photometric = tags.PhotometricInterpretation
    if photometric in {"MONOCHROME1", "MONOCHROME2"} and stored.ndim == 2:  # noqa: PLR2004  # rows, columns
        return render(stored, tags)
    if photometric == "PALETTE COLOR":
        rgb, how = _eight_bits(apply_color_lut(stored, tags)), "palette"
    elif photometric == "RGB" and stored.ndim == 3:  # noqa: PLR2004  # rows, columns, samples
        rgb, how = _eight_bits(stored), "luminance of the colours"
    elif photometric in {"YBR_FULL", "YBR_FULL_422"} and stored.ndim == 3:  # noqa: PLR2004  # likewise
        rgb = in_bands(lambda band: convert_color_space(band, photometric, "RGB"), stored)
        how = "luminance of the colours"
    else:
        raise RefusedError(Reason.UNREADABLE, "The photometric interpretation is not one of a radiograph.")
    pixels, notices = to_grey(rgb)
    return Shades(pixels, how, notices)


def _eight_bits(rgb: StoredPixels) -> Rgb8:
    """Bring full-range colours of 16 bits to 8 (PS3.3 C.7.6.3.1.6: palettes use the full range of their depth)."""
    if rgb.dtype.itemsize == 1:
        return rgb.astype(np.uint8, copy=False)
    return in_bands(lambda band: np.rint(band / 257.0), rgb)
