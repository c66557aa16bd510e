"""A labelled folder: ``covid/`` and ``normal/``, with an optional ``metadata.csv``."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from cxrscreen.errors import DataSetError, RefusedError
from cxrscreen.radiograph.acceptance import AcceptanceLimits
from cxrscreen.radiograph.prepare import prepare
from cxrscreen.radiograph.read import read_radiograph
from cxrscreen.types import Diseased, PreparedBatch

CLASS_FOLDERS = {"covid": True, "normal": False}
METADATA_FILE = "metadata.csv"

Progress = Callable[[str, int, int], None]
"""Told the name of a step, how much of it is done, and how much there is."""


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
class LeftOut:
    """A file that is no part of the set, and why."""

    file_name: str
    why: str


@dataclass(frozen=True, slots=True)
class LabelledSet:
    """Radiographs that may be trained on, in order of their names.

    Attributes:
        name: Of the folder.
        radiographs: One for each row of ``prepared``.
        prepared: Classifier inputs, 0.15 MB each.
        left_out: Refused files and copies.
    """

    name: str
    radiographs: tuple[LabelledRadiograph, ...]
    prepared: PreparedBatch = field(repr=False)
    left_out: tuple[LeftOut, ...]

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
            table with a column ``filename``, or one content carries both labels.
    """
    described = _metadata_of(folder)
    files = [(file, label) for label in CLASS_FOLDERS for file in _files_below(folder / label)]
    radiographs: list[LabelledRadiograph] = []
    prepared: list[PreparedBatch] = []
    left_out: list[LeftOut] = []
    first_with: dict[str, LabelledRadiograph] = {}
    for done, (file, label) in enumerate(files, start=1):
        file_name = file.relative_to(folder).as_posix()
        try:
            one, pixels = _read_one(file, file_name, label, described, limits)
        except RefusedError as exc:
            left_out.append(LeftOut(file_name, str(exc)))
        else:
            first = first_with.setdefault(one.sha256, one)
            if first.diseased != one.diseased:
                raise DataSetError(f"{first.file_name} and {file_name} are the same file. Decide which label holds.")
            if first is one:
                radiographs.append(one)
                prepared.append(pixels)
            else:
                left_out.append(LeftOut(file_name, f"copy of {first.file_name}"))
        if progress:
            progress("reading", done, len(files))
    for label, diseased in CLASS_FOLDERS.items():
        if not any(one.diseased == diseased for one in radiographs):
            raise DataSetError(f"There is no usable radiograph in {folder.name}/{label}. Put some there.")
    return LabelledSet(folder.resolve().name, tuple(radiographs), np.stack(prepared), tuple(left_out))


def _read_one(
    file: Path, file_name: str, label: str, described: dict[str, dict[str, str]], limits: AcceptanceLimits
) -> tuple[LabelledRadiograph, PreparedBatch]:
    content = file.read_bytes()
    radiograph = read_radiograph(content, limits)
    row = described.get(file_name) or described.get(file.name) or {}
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


def _metadata_of(folder: Path) -> dict[str, dict[str, str]]:
    """Rows of the metadata by file name; an empty dictionary where there is no such file."""
    try:
        with (folder / METADATA_FILE).open(newline="", encoding="utf-8-sig") as table:
            rows = list(csv.DictReader(table))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, csv.Error) as exc:
        raise DataSetError(f"{METADATA_FILE} cannot be read. Save it as CSV in UTF-8.") from exc
    if rows and "filename" not in rows[0]:
        raise DataSetError(f"{METADATA_FILE} has no column 'filename'. Name the column so.")
    return {row["filename"]: row for row in rows}


def _number_or_none(written: str | float | None) -> float | None:
    try:
        return None if written is None else float(written)
    except ValueError:
        return None  # e.g. "060Y" or "unknown": not worth refusing a radiograph
