"""A labelled folder: ``covid/`` and ``normal/``, with an optional ``metadata.csv``."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from cxrscreen.errors import DataSetError, RefusedError
from cxrscreen.labelled.metadata import described_files
from cxrscreen.radiograph.acceptance import AcceptanceLimits
from cxrscreen.radiograph.prepare import prepare
from cxrscreen.radiograph.read import read_radiograph
from cxrscreen.types import Diseased, PreparedBatch, Progress

CLASS_FOLDERS = {"covid": True, "normal": False}
COPY = "copy"


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledRadiograph:
    """One accepted file of a labelled folder.

    Attributes:
        file_name: Relative to the folder, with forward slashes.
        sha256: Of the file's bytes.
        diseased: True in ``covid/``.
        patient: From the metadata, else from DICOM; a file that names nobody counts as a patient of its own.
        rows: Height as stored.
        columns: Width as stored.
        source: Collection that it comes from, if the metadata say so.
        licence: As its source states it, if the metadata say so.
        age_years: If the metadata or DICOM say so.
    """

    file_name: str
    sha256: str
    diseased: bool
    patient: str = field(repr=False)
    rows: int
    columns: int
    source: str | None = None
    licence: str | None = None
    age_years: float | None = None


@dataclass(frozen=True, slots=True)
class LabelledSet:
    """Radiographs that may be trained on, in order of their names.

    Attributes:
        name: Of the folder.
        radiographs: One for each row of ``prepared``.
        prepared: Classifier inputs, 0.15 MB each.
        left_out: How many files are no part of the set, by the code of their refusal or ``COPY``.
    """

    name: str
    radiographs: tuple[LabelledRadiograph, ...]
    prepared: PreparedBatch = field(repr=False)
    left_out: Mapping[str, int]

    @property
    def diseased(self) -> Diseased:
        """Reference standard, shape (n,)."""
        return np.array([radiograph.diseased for radiograph in self.radiographs], dtype=np.bool_)

    @property
    def patients(self) -> tuple[str, ...]:
        """Patient of each radiograph, length n."""
        return tuple(radiograph.patient for radiograph in self.radiographs)

    @property
    def fingerprint(self) -> str:
        """SHA-256 over the sorted content hashes and labels: file names and order do not matter."""
        lines = sorted(f"{r.sha256} {'covid' if r.diseased else 'normal'}\n" for r in self.radiographs)
        return hashlib.sha256("".join(lines).encode()).hexdigest()


def read_labelled(folder: Path, *, limits: AcceptanceLimits, progress: Progress | None = None) -> LabelledSet:
    """Read every file below ``covid/`` and ``normal/`` through the same gate as screening.

    A copy of an earlier file is left out: it could stand on both sides of a split.

    Raises:
        DataSetError: A class folder is missing or without any usable radiograph, the metadata are no
            table with a column ``filename`` or do not tell two files apart, or one content carries both labels.
    """
    files = [(file, label) for label in CLASS_FOLDERS for file in _files_below(folder / label)]
    described = described_files(folder, [file.relative_to(folder).as_posix() for file, _ in files])
    radiographs: list[LabelledRadiograph] = []
    prepared: list[PreparedBatch] = []
    left_out: Counter[str] = Counter()
    first_with: dict[str, LabelledRadiograph] = {}
    for done, (file, label) in enumerate(files, start=1):
        file_name = file.relative_to(folder).as_posix()
        try:
            one, pixels = _read_one(file, file_name, label, described[file_name], limits)
        except RefusedError as exc:
            left_out[exc.reason.value] += 1
        else:
            first = first_with.setdefault(one.sha256, one)
            if first.diseased != one.diseased:
                raise DataSetError(f"{first.file_name} and {file_name} are the same file. Decide which label holds.")
            if first is one:
                radiographs.append(one)
                prepared.append(pixels)
            else:
                left_out[COPY] += 1
        if progress:
            progress("reading", done, len(files))
    for label, diseased in CLASS_FOLDERS.items():
        if not any(one.diseased == diseased for one in radiographs):
            raise DataSetError(f"There is no usable radiograph in {folder.name}/{label}. Put some there.")
    return LabelledSet(folder.resolve().name, tuple(radiographs), np.stack(prepared), left_out)


def _read_one(
    file: Path, file_name: str, label: str, row: Mapping[str, str], limits: AcceptanceLimits
) -> tuple[LabelledRadiograph, PreparedBatch]:
    content = file.read_bytes()
    radiograph = read_radiograph(content, limits)
    age = row.get("age") or radiograph.acquisition.age_years
    one = LabelledRadiograph(
        file_name=file_name,
        sha256=hashlib.sha256(content).hexdigest(),
        diseased=CLASS_FOLDERS[label],
        patient=row.get("patient_id") or radiograph.identity.patient_id or file_name,
        rows=radiograph.acquisition.rows,
        columns=radiograph.acquisition.columns,
        source=row.get("source") or None,
        licence=row.get("license") or None,
        age_years=_number_or_none(age),
    )
    return one, prepare(radiograph.pixels)


def _files_below(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise DataSetError(f"The labelled folder has no subfolder {folder.name}. Sort the files into covid and normal.")
    return sorted(file for file in folder.rglob("*") if file.is_file() and not file.name.startswith("."))


def _number_or_none(written: str | float | None) -> float | None:
    try:
        return None if written is None else float(written)
    except ValueError:
        return None  # e.g. "060Y" or "unknown": not worth refusing a radiograph
