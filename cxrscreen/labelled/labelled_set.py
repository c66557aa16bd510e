"""A labelled folder: ``covid/`` and ``normal/``, with an optional ``metadata.csv``."""

from __future__ import annotations

import hashlib
import math
import os
import stat
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cxrscreen.errors import DataSetError, RefusedError
from cxrscreen.evaluation.data_report import Copy
from cxrscreen.evaluation.result import LeftOutFile
from cxrscreen.labelled.metadata import Row, described_files
from cxrscreen.lungs.changed import SIDE
from cxrscreen.lungs.preparation import Square, squeezed
from cxrscreen.radiograph.acceptance import AcceptanceLimits
from cxrscreen.radiograph.edges import EdgeSignature, edge_signature
from cxrscreen.radiograph.prepare import prepare
from cxrscreen.radiograph.radiograph import Radiograph, View
from cxrscreen.radiograph.read import read_radiograph
from cxrscreen.radiograph.refusal import Reason
from cxrscreen.radiograph.screen_photograph import periodic_pattern
from cxrscreen.types import Diseased, Prepared, PreparedBatch, Progress

CLASS_FOLDERS = {"covid": True, "normal": False}
COPY = "copy"

_AGE_BOUND = 130  # years; from there on a number is a slip
_SEXES = {"m": "M", "male": "M", "f": "F", "female": "F", "o": "O", "other": "O"}
_CLASSES = {"covid": "covid", "covid-19": "covid", "covid19": "covid", "normal": "normal"}  # other words are not judged


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
        sex: "M", "F" or "O" (DICOM 0010,0040) if the metadata or DICOM say so.
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

    @property
    def names_patient(self) -> bool:
        """Metadata or DICOM say whose it is."""
        return self.patient != self.sha256


Squares = NDArray[np.uint8]
"""Radiographs squeezed to squares: (n, SIDE, SIDE), 0 to 255."""


@dataclass(frozen=True, slots=True, eq=False)
class ReadingLooks:
    """Of one reading.

    Attributes:
        edges: From ``edge_signature``.
        pattern: From ``periodic_pattern``.
    """

    edges: EdgeSignature = field(repr=False)
    pattern: float


@dataclass(frozen=True, slots=True, eq=False)
class _Pictures:
    """What is kept of one radiograph."""

    prepared: Prepared
    square: Square
    looks: ReadingLooks

    @classmethod
    def of(cls, radiograph: Radiograph) -> _Pictures:
        reading = radiograph.reading
        looks = ReadingLooks(edge_signature(reading), periodic_pattern(reading))
        return cls(prepare(radiograph.pixels), squeezed(reading, SIDE), looks)


@dataclass(frozen=True, slots=True)
class LabelledSet:
    """Radiographs that may be trained on, in order of their names.

    Attributes:
        name: Of the folder.
        radiographs: One for each row of ``prepared``.
        prepared: The whole radiographs as classifier inputs, 0.15 MB each.
        squares: The whole radiographs squeezed to squares, (n, SIDE, SIDE) of ``lungs.changed``, 0.26 MB each.
        looks: What the gate by content is told of each reading, in their order.
        left_out: Files that are no part of the set, with the code of their refusal or ``COPY``.
        copies: Of the files left out, those that repeat the content of one in the set.
        same_person: Pairs of patients of whom one content is filed under both names.
        unmatched_rows: How many rows of the metadata name no file of the folder.
        contradicted: Files of which the metadata name the other class than the folder that they lie in does.
    """

    name: str
    radiographs: tuple[LabelledRadiograph, ...]
    prepared: PreparedBatch = field(repr=False)
    squares: Squares = field(default_factory=lambda: np.empty((0, SIDE, SIDE), dtype=np.uint8), repr=False)
    looks: tuple[ReadingLooks, ...] = field(default=(), repr=False)
    left_out: tuple[LeftOutFile, ...] = ()
    copies: tuple[Copy, ...] = ()
    same_person: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    unmatched_rows: int = 0
    contradicted: int = 0

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

    Of equal files one is kept, since they could stand on both sides of a split: the first that the metadata describe,
    else the first. Left out is also, as unreadable, what cannot be opened or is no regular file.

    Raises:
        DataSetError: A class folder is missing or without any usable radiograph, the metadata are no
            table with a column ``filename`` or do not tell two files apart, or a content carries both labels.
    """
    files = [(file, label) for label in CLASS_FOLDERS for file in _files_below(folder / label)]
    described = described_files(folder, [file.relative_to(folder).as_posix() for file, _ in files])
    accepted: list[LabelledRadiograph] = []
    pictures: dict[str, _Pictures] = {}  # by content
    refused: list[LeftOutFile] = []
    for done, (file, label) in enumerate(files, start=1):
        file_name = file.relative_to(folder).as_posix()
        try:
            one, radiograph = _read_one(file, file_name, label, described.rows[file_name], limits)
        except RefusedError as exc:
            refused.append(LeftOutFile(file=file_name, reason=exc.reason.value))
        else:
            accepted.append(one)
            if one.sha256 not in pictures:
                pictures[one.sha256] = _Pictures.of(radiograph)
        if progress:
            progress("reading", done, len(files))
    kept, copies = _without_copies(accepted, described.rows)
    _check_labels(copies)
    for label, diseased in CLASS_FOLDERS.items():
        if not any(one.diseased == diseased for one in kept):
            raise DataSetError(f"There is no usable radiograph in {folder.name}/{label}. Put some there.")
    return LabelledSet(
        name=folder.resolve().name,
        radiographs=tuple(kept),
        prepared=np.stack([pictures[one.sha256].prepared for one in kept]),
        squares=np.stack([pictures[one.sha256].square for one in kept]),
        looks=tuple(pictures[one.sha256].looks for one in kept),
        left_out=(*refused, *(LeftOutFile(file=copy.file_name, reason=COPY) for copy, _ in copies)),
        copies=tuple(Copy(file=copy.file_name, of=first.file_name) for copy, first in copies),
        same_person=tuple((copy.patient, first.patient) for copy, first in copies if copy.patient != first.patient),
        unmatched_rows=described.unmatched,
        contradicted=sum(
            _CLASSES.get((_stated(described.rows[file.relative_to(folder).as_posix()], "label") or "").lower(), label)
            != label
            for file, label in files
        ),
    )


def _without_copies(
    accepted: Sequence[LabelledRadiograph], rows: Mapping[str, Row]
) -> tuple[list[LabelledRadiograph], list[tuple[LabelledRadiograph, LabelledRadiograph]]]:
    """Return one radiograph of each content, and the others each with the one that is kept in its place."""
    equal: defaultdict[str, list[LabelledRadiograph]] = defaultdict(list)
    for one in accepted:
        equal[one.sha256].append(one)
    chosen = {sha256: min(ones, key=lambda one: not rows[one.file_name]) for sha256, ones in equal.items()}
    kept = [one for one in accepted if chosen[one.sha256] is one]
    return kept, [(one, chosen[one.sha256]) for one in accepted if chosen[one.sha256] is not one]


def _check_labels(copies: Sequence[tuple[LabelledRadiograph, LabelledRadiograph]]) -> None:
    """Refuse contents with both labels, all of them at once: each one needs a person's decision."""
    pairs = [f"{first.file_name} and {copy.file_name}" for copy, first in copies if copy.diseased != first.diseased]
    if pairs:
        raise DataSetError(
            f"The same content carries both labels in {len(pairs)} pair{'s' if len(pairs) > 1 else ''} of files. "
            "Decide which label holds and take the other file away.",
            files=pairs,
        )


def _read_one(
    file: Path, file_name: str, label: str, row: Row, limits: AcceptanceLimits
) -> tuple[LabelledRadiograph, Radiograph]:
    content = _content_of(file, limits)
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
        age_years=_age_or_none(_stated(row, "age") or acquisition.age_years),
        sex=_SEXES.get(sex.lower()) if sex else acquisition.sex,
    )
    return one, radiograph


def _stated(row: Row, column: str) -> str | None:
    """Return a cell without the blanks around it; ``None`` where it is empty, missing, or the row is cut short."""
    return (row.get(column) or "").strip() or None


def _files_below(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise DataSetError(f"The labelled folder has no subfolder {folder.name}. Sort the files into covid and normal.")
    below = os.walk(folder)  # lists also what cannot be opened, so that it is told of
    return sorted(Path(inner, name) for inner, _, names in below for name in names if not name.startswith("."))


def _content_of(file: Path, limits: AcceptanceLimits) -> bytes:
    """Return what a file holds; a link counts as what it leads to, and a pipe is not waited for."""
    try:
        handle = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
        with os.fdopen(handle, "rb") as opened:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                raise RefusedError(Reason.UNREADABLE, "It is no regular file.")
            content = opened.read(limits.max_file_bytes + 1)
    except OSError as exc:
        raise RefusedError(Reason.UNREADABLE, f"It cannot be opened: {exc.strerror}.") from exc
    if len(content) > limits.max_file_bytes:
        raise RefusedError(Reason.TOO_LARGE, f"It has more than {limits.max_file_bytes // 2**20} MiB.")
    return content


def _age_or_none(written: str | float | None) -> float | None:
    try:
        age = math.nan if written is None else float(written)
    except ValueError:
        return None  # e.g. "060Y" or "unknown": not worth refusing a radiograph
    return age if 0 <= age < _AGE_BOUND else None
