"""The optional ``metadata.csv`` of a labelled folder: which row describes which file."""

from __future__ import annotations

import csv
import io
import os
import stat
from collections import defaultdict
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from cxrscreen.errors import DataSetError

METADATA_FILE = "metadata.csv"
MOST_BYTES = 2**26  # 64 MiB: some hundred thousand rows

Row = Mapping[str, str | None]

_NOTHING: Row = {}


@dataclass(frozen=True, slots=True)
class Described:
    """What the metadata say.

    Attributes:
        rows: Of each file, by its name; empty where there is none.
        unmatched: How many rows name no file of the folder.
    """

    rows: Mapping[str, Row]
    unmatched: int


def described_files(folder: Path, file_names: Sequence[str]) -> Described:
    """Find the row of each file.

    A row names its file as ``covid/1.png``, or as ``1.png`` where only one file of the folder is called so:
    two files that shared a row would share a patient and a licence. Windows' separators and blanks around a name
    do not matter, nor does case where only one name is meant.

    Args:
        folder: The labelled folder.
        file_names: All its files, relative to it, with forward slashes.

    Raises:
        DataSetError: The metadata are no table with a column ``filename``, two different rows name one file, be it
            with its folder or without, or a row's bare name fits several files that have no row of their own.
    """
    rows, unmatched = _rows_by_name(folder, {*file_names} | {PurePosixPath(name).name for name in file_names})
    called: defaultdict[str, list[str]] = defaultdict(list)
    for file_name in file_names:
        called[PurePosixPath(file_name).name].append(file_name)
    described: dict[str, Row] = {}
    for bare, namesakes in called.items():
        for file_name in namesakes:
            if file_name in rows:
                described[file_name] = rows[file_name]
            elif bare in rows and len(namesakes) > 1:
                raise DataSetError(
                    f"A row of {METADATA_FILE} may mean any of several files. Write each file's name with its folder.",
                    files=namesakes,
                )
            else:
                described[file_name] = rows.get(bare, _NOTHING)
        if len(namesakes) == 1 and bare in rows and _differ(rows[bare], described[namesakes[0]]):
            raise _two_rows(namesakes)
    return Described(described, unmatched)


def _rows_by_name(folder: Path, names: AbstractSet[str]) -> tuple[dict[str, Row], int]:
    """Return the rows by which of ``names`` they mean, and how many mean none; nothing where there is no such file."""
    folded: defaultdict[str, list[str]] = defaultdict(list)
    for known in names:
        folded[known.casefold()].append(known)
    by_name: dict[str, Row] = {}
    unmatched = 0
    for row in _rows(folder):
        name = _meant(row["filename"] or "", names, folded)
        if name is None:
            unmatched += 1
            continue
        row["filename"] = name  # two ways to write it make no different rows
        if by_name.setdefault(name, row) != row:
            raise _two_rows([name])
    return by_name, unmatched


def _differ(one: Row, other: Row) -> bool:
    return {**one, "filename": None} != {**other, "filename": None}


def _two_rows(files: Sequence[str]) -> DataSetError:
    return DataSetError(f"{METADATA_FILE} has two different rows for a file. Keep one.", files=files)


def _rows(folder: Path) -> list[dict[str, str | None]]:
    """Read all rows that say something, with the names of their columns in lower case."""
    try:
        table = io.StringIO(_content_of(folder / METADATA_FILE).decode("utf-8-sig"), newline="")
        header = table.readline()
        table.seek(0)
        reader = csv.DictReader(table, delimiter=max(",;\t", key=header.count))
        columns = [column.strip().lower() for column in reader.fieldnames or ()]
        reader.fieldnames = columns
        rows = [row for row in reader if any(row.values())]
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError, csv.Error) as exc:
        raise DataSetError(f"{METADATA_FILE} cannot be read. Save it as CSV in UTF-8.") from exc
    if rows and "filename" not in columns:
        raise DataSetError(
            f"{METADATA_FILE} has no column 'filename'. Its first line must name the columns, parted by commas, "
            "semicolons or tabs."
        )
    return rows


def _content_of(path: Path) -> bytes:
    """Return what the file holds; a pipe is not waited for."""
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    with os.fdopen(handle, "rb") as file:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise DataSetError(f"{METADATA_FILE} is no regular file. Put the table itself there.")
        content = file.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise DataSetError(f"{METADATA_FILE} has more than {MOST_BYTES // 2**20} MiB. Keep the rows of this folder.")
    return content


def _meant(written: str, names: AbstractSet[str], folded: Mapping[str, Sequence[str]]) -> str | None:
    plain = written.strip().replace("\\", "/").removeprefix("./")
    for name in (written, plain):
        if name in names:
            return name
    alike = folded.get(plain.casefold(), ())
    return alike[0] if len(alike) == 1 else None
