"""The optional ``metadata.csv`` of a labelled folder: which row describes which file."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

from cxrscreen.errors import DataSetError

METADATA_FILE = "metadata.csv"

_NOTHING: Mapping[str, str] = {}


def described_files(folder: Path, file_names: Sequence[str]) -> dict[str, Mapping[str, str]]:
    """Find the row of each file; empty where there is none.

    A row names its file as ``covid/1.png``, or as ``1.png`` where only one file of the folder is called so:
    two files that shared a row would share a patient and a licence.

    Args:
        folder: The labelled folder.
        file_names: All its files, relative to it, with forward slashes.

    Raises:
        DataSetError: The metadata are no table with a column ``filename``, two rows name one file, or a
            row's bare name fits several files that have no row of their own.
    """
    rows = _rows_by_name(folder)
    called: defaultdict[str, list[str]] = defaultdict(list)
    for file_name in file_names:
        called[PurePosixPath(file_name).name].append(file_name)
    described: dict[str, Mapping[str, str]] = {}
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
    return described


def _rows_by_name(folder: Path) -> dict[str, dict[str, str]]:
    """Rows by the name that they give; an empty dictionary where there is no such file."""
    try:
        with (folder / METADATA_FILE).open(newline="", encoding="utf-8-sig") as table:
            rows = list(csv.DictReader(table))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, csv.Error) as exc:
        raise DataSetError(f"{METADATA_FILE} cannot be read. Save it as CSV in UTF-8.") from exc
    if rows and "filename" not in rows[0]:
        raise DataSetError(f"{METADATA_FILE} has no column 'filename'. Name the column so.")
    by_name: dict[str, dict[str, str]] = {}
    for row in rows:
        name = row["filename"]
        if not name:
            continue
        if by_name.setdefault(name, row) is not row and row != by_name[name]:
            raise DataSetError(f"{METADATA_FILE} has two different rows for a file. Keep one.", files=[name])
    return by_name
