"""A labelled folder: ``covid/`` and ``normal/``, with an optional ``metadata.csv``."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from cxrscreen.errors import DataSetError, RefusedError
from cxrscreen.evaluation.data_report import Copy
from cxrscreen.evaluation.result import LeftOutFile
from cxrscreen.labelled.metadata import described_files
from cxrscreen.radiograph.acceptance import AcceptanceLimits
from cxrscreen.radiograph.prepare import prepare
from cxrscreen.radiograph.radiograph import View
from cxrscreen.radiograph.read import read_radiograph
from cxrscreen.types import Diseased, PreparedBatch, Progress

CLASS_FOLDERS = {"covid": True, "normal": False}
COPY = "copy"

_SEXES = {"m": "M", "male": "M", "f": "F", "female": "F", "o": "O", "other": "O"}


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledRadiograph:
    """One accepted file of a labelled folder.

    Attributes:
        file_name: Relative to the folder, with forward slashes.
        sha256: Of the file's bytes.
        diseased: True in ``covid/``.
        patient: From the metadata, else from DICOM; a file that names nobody counts as a patient of its own, called
            by its content, so that a new file name makes no new patient.
        rows: Height as stored.
        columns: Width as stored.
        source: Collection that it comes from, if the metadata say so.
        licence: As its source states it, if the metadata say so.
        view: Projection as the metadata state it ("AP Supine"), else as DICOM does ("PA").
        age_years: If the metadata or DICOM say so.
        sex: "M", "F" or "O" if the metadata or DICOM say so, or another word of the metadata.
    """

    file_name: str
    sha256: str
    diseased: bool
    patient: str = field(repr=False)
    rows: int
    columns: int
    source: str | None = None
    licence: str | None = None
    view: str | None = None
    age_years: float | None = None
    sex: str | None = None


@dataclass(frozen=True, slots=True)
class LabelledSet:
    """Radiographs that may be trained on, in order of their names.

    Attributes:
        name: Of the folder.
        radiographs: One for each row of ``prepared``.
        prepared: Classifier inputs, 0.15 MB each.
        left_out: Files that are no part of the set, with the code of their refusal or ``COPY``.
        copies: Of the files left out, those that repeat the content of an earlier one.
        same_person: Pairs of patients of whom one content is filed under both numbers.
    """

    name: str
    radiographs: tuple[LabelledRadiograph, ...]
    prepared: PreparedBatch = field(repr=False)
    left_out: tuple[LeftOutFile, ...] = ()
    copies: tuple[Copy, ...] = ()
    same_person: tuple[tuple[str, str], ...] = field(default=(), repr=False)

    @property
    def diseased(self) -> Diseased:
        """Reference standard, shape (n,)."""
        return np.array([radiograph.diseased for radiograph in self.radiographs], dtype=np.bool_)

    @property
    def patients(self) -> tuple[str, ...]:
        """Patient of each radiograph, length n."""
        return tuple(radiograph.patient for radiograph in self.radiographs)

    @property
    def left_out_counts(self) -> Mapping[str, int]:
        """How many files are no part of the set, by reason."""
        return Counter(file.reason for file in self.left_out)

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
            table with a column ``filename`` or do not tell two files apart, or a content carries both labels.
    """
    files = [(file, label) for label in CLASS_FOLDERS for file in _files_below(folder / label)]
    described = described_files(folder, [file.relative_to(folder).as_posix() for file, _ in files])
    kept: dict[str, tuple[LabelledRadiograph, PreparedBatch]] = {}  # by content
    left_out: list[LeftOutFile] = []
    copies: list[tuple[LabelledRadiograph, LabelledRadiograph]] = []
    for done, (file, label) in enumerate(files, start=1):
        file_name = file.relative_to(folder).as_posix()
        try:
            one, pixels = _read_one(file, file_name, label, described[file_name], limits)
        except RefusedError as exc:
            left_out.append(LeftOutFile(file=file_name, reason=exc.reason.value))
        else:
            first, _ = kept.setdefault(one.sha256, (one, pixels))
            if first is not one:
                left_out.append(LeftOutFile(file=file_name, reason=COPY))
                copies.append((one, first))
        if progress:
            progress("reading", done, len(files))
    _check_labels(copies)
    for label, diseased in CLASS_FOLDERS.items():
        if not any(one.diseased == diseased for one, _ in kept.values()):
            raise DataSetError(f"There is no usable radiograph in {folder.name}/{label}. Put some there.")
    return LabelledSet(
        name=folder.resolve().name,
        radiographs=tuple(one for one, _ in kept.values()),
        prepared=np.stack([pixels for _, pixels in kept.values()]),
        left_out=tuple(left_out),
        copies=tuple(Copy(file=copy.file_name, of=first.file_name) for copy, first in copies),
        same_person=tuple((copy.patient, first.patient) for copy, first in copies if copy.patient != first.patient),
    )


def _check_labels(copies: Sequence[tuple[LabelledRadiograph, LabelledRadiograph]]) -> None:
    """Refuse contents with both labels, all of them at once: each one needs a person's decision."""
    pairs = [f"{first.file_name} and {copy.file_name}" for copy, first in copies if copy.diseased != first.diseased]
    if pairs:
        raise DataSetError(
            f"The same content carries both labels, {len(pairs)} times. Decide which label of each pair holds and take "
            "the other file away.",
            files=pairs,
        )


def _read_one(
    file: Path, file_name: str, label: str, row: Mapping[str, str], limits: AcceptanceLimits
) -> tuple[LabelledRadiograph, PreparedBatch]:
    content = file.read_bytes()
    radiograph = read_radiograph(content, limits)
    acquisition, sha256 = radiograph.acquisition, hashlib.sha256(content).hexdigest()
    sex = _stated(row, "sex")
    one = LabelledRadiograph(
        file_name=file_name,
        sha256=sha256,
        diseased=CLASS_FOLDERS[label],
        patient=_stated(row, "patient_id") or radiograph.identity.patient_id or sha256,
        rows=acquisition.rows,
        columns=acquisition.columns,
        source=_stated(row, "source"),
        licence=_stated(row, "license"),
        view=_stated(row, "view") or (None if acquisition.view is View.UNKNOWN else acquisition.view.value),
        age_years=_number_or_none(_stated(row, "age") or acquisition.age_years),
        sex=_SEXES.get(sex.lower(), sex) if sex else acquisition.sex,
    )
    return one, prepare(radiograph.pixels)


def _stated(row: Mapping[str, str | None], column: str) -> str | None:
    """Return a cell without the blanks around it; ``None`` where it is empty, missing, or the row is cut short."""
    return (row.get(column) or "").strip() or None


def _files_below(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise DataSetError(f"The labelled folder has no subfolder {folder.name}. Sort the files into covid and normal.")
    return sorted(file for file in folder.rglob("*") if file.is_file() and not file.name.startswith("."))


def _number_or_none(written: str | float | None) -> float | None:
    try:
        return None if written is None else float(written)
    except ValueError:
        return None  # e.g. "060Y" or "unknown": not worth refusing a radiograph
