"""A folder of radiographs with lung masks: ``radiographs/``, ``masks/`` and ``metadata.csv`` that pairs them.

The table has the columns ``filename``, ``mask`` (both relative to the folder), ``patient_id``, and perhaps ``license``.
Masks are pictures of the same shape, white where lung is.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from cxrscreen.errors import DataSetError, RefusedError
from cxrscreen.labelled.likeness import exposures_alike
from cxrscreen.labelled.metadata import METADATA_FILE, Row, described_files
from cxrscreen.lungs.fields import Mask
from cxrscreen.lungs.preparation import Square, squeezed
from cxrscreen.radiograph.acceptance import AcceptanceLimits
from cxrscreen.radiograph.prepare import prepare
from cxrscreen.radiograph.read import read_radiograph
from cxrscreen.types import Progress

RADIOGRAPHS = "radiographs"
LEARNING_SIDE = 192  # more than the mask's, so that a scaled-up copy has detail

# Wider than for screening: a lung's outline can be learnt from a small print.
LIMITS = AcceptanceLimits(min_side_pixels=96, max_pixels=64_000_000, max_aspect=3)

_LUNG = 127  # of 255
_LARGEST_DIFFERENCE = 0.02  # of the aspects of a radiograph and its mask


@dataclass(frozen=True, slots=True, kw_only=True)
class MaskedRadiograph:
    """One radiograph and the lungs that people drew on it.

    Attributes:
        sha256: Of the radiograph's file.
        mask_sha256: Of the mask's file.
        patient: From the metadata.
        licence: As the metadata state it.
        large: Squeezed to LEARNING_SIDE: to be changed and learnt from.
        large_mask: The mask likewise, 0 to 255.
        square: Squeezed as the segmenter sees it.
        mask: At that size: true where lung takes more than half of the pixel.
    """

    sha256: str
    mask_sha256: str
    patient: str = field(repr=False)
    licence: str
    large: Square = field(repr=False)
    large_mask: NDArray[np.uint8] = field(repr=False)
    square: Square = field(repr=False)
    mask: Mask = field(repr=False)


@dataclass(frozen=True, slots=True)
class LungSet:
    """Radiographs that a segmenter can be trained on, in order of their names.

    Attributes:
        name: Of the folder.
        radiographs: With their masks.
        patients: Of each radiograph; patients who share an exposure count as one, since collections file some
            people twice.
    """

    name: str
    radiographs: tuple[MaskedRadiograph, ...] = field(repr=False)
    patients: tuple[str, ...] = field(repr=False)

    @property
    def fingerprint(self) -> str:
        """SHA-256 over the sorted content hashes of radiographs and masks: file names and order do not matter."""
        lines = sorted(f"{one.sha256} {one.mask_sha256}\n" for one in self.radiographs)
        return hashlib.sha256("".join(lines).encode()).hexdigest()

    @property
    def licences(self) -> dict[str, int]:
        """Radiographs by licence, as the metadata state it."""
        return dict(sorted(Counter(one.licence for one in self.radiographs).items()))


def read_lung_set(folder: Path, progress: Progress | None = None) -> LungSet:
    """Read all pairs of a folder; one that cannot be used stops the reading, since sets of masks are small.

    Raises:
        DataSetError: The folder or its table is missing or damaged, a file cannot be read, names no patient or no
            mask, or a mask does not fit.
    """
    below = folder / RADIOGRAPHS
    if not folder.is_dir():
        raise DataSetError(f"There is no folder {folder.name}. Check its path.")
    if not below.is_dir():
        raise DataSetError(f"The folder {folder.name} has no subfolder {RADIOGRAPHS}. Name a folder of lung masks.")
    files = sorted(file for file in below.glob("**/*") if file.is_file() and not file.name.startswith("."))
    if not files:
        raise DataSetError(f"There are no files in {folder.name}/{RADIOGRAPHS}. Put the radiographs there.")
    names = [file.relative_to(folder).as_posix() for file in files]
    rows = described_files(folder, names).rows
    pairs: dict[str, MaskedRadiograph] = {}
    for done, name in enumerate(names, start=1):
        pair = _pair(folder, name, rows[name])
        pairs.setdefault(pair.sha256, pair)
        if progress:
            progress("reading", done, len(names))
    radiographs = tuple(pairs.values())
    return LungSet(folder.resolve().name, radiographs, _joined_patients(radiographs, progress))


def _joined_patients(radiographs: Sequence[MaskedRadiograph], progress: Progress | None) -> tuple[str, ...]:
    """Give patients of whom one exposure is filed under both names the name that comes first in the alphabet."""
    patients = [one.patient for one in radiographs]
    for first, second in exposures_alike(np.stack([prepare(one.large) for one in radiographs]), progress):
        kept, lost = sorted((patients[first], patients[second]))
        patients = [kept if patient == lost else patient for patient in patients]
    return tuple(patients)


def _pair(folder: Path, name: str, row: Row) -> MaskedRadiograph:
    patient, mask_name = (row.get("patient_id") or "").strip(), (row.get("mask") or "").strip()
    if not patient or not mask_name:
        raise DataSetError(f"{METADATA_FILE} must name patient_id and mask of each radiograph.", files=[name])
    content, mask_content = _content(folder, name), _content(folder, mask_name)
    try:
        pixels = read_radiograph(content, LIMITS).pixels
    except RefusedError as exc:
        raise DataSetError(f"A radiograph cannot be used. {exc.detail} Take it away.", files=[name]) from exc
    lungs = cv2.imdecode(np.frombuffer(mask_content, np.uint8), cv2.IMREAD_GRAYSCALE)
    if lungs is None:
        raise DataSetError("A mask is no picture that can be read. Save it as PNG.", files=[mask_name])
    if abs(np.log(lungs.shape[0] / lungs.shape[1] * pixels.shape[1] / pixels.shape[0])) > _LARGEST_DIFFERENCE:
        raise DataSetError("A mask has not the shape of its radiograph. Export it again.", files=[name, mask_name])
    return MaskedRadiograph(
        sha256=hashlib.sha256(content).hexdigest(),
        mask_sha256=hashlib.sha256(mask_content).hexdigest(),
        patient=patient,
        licence=(row.get("license") or "").strip() or "unstated",
        large=squeezed(pixels, LEARNING_SIDE),
        large_mask=squeezed(lungs, LEARNING_SIDE),
        square=squeezed(pixels),
        mask=squeezed(lungs) > _LUNG,
    )


def _content(folder: Path, name: str) -> bytes:
    file = folder / name
    try:
        with file.open("rb") as opened:
            content = opened.read(LIMITS.max_file_bytes + 1)
    except OSError as exc:
        raise DataSetError("A file that the metadata name cannot be opened. Put it there.", files=[name]) from exc
    if not content or len(content) > LIMITS.max_file_bytes:
        raise DataSetError("A file is empty or larger than any radiograph. Take it away.", files=[name])
    return content
