"""Whether rows for the ledger can be true, wherever they were read.

Of a damaged page, SQLite may return anything; and who has written a record, or a backup, is not known. What passes here
leads to no place outside the workspace, but for the folder from which files are copied.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable
from contextlib import suppress
from datetime import date, datetime
from typing import Any, TypeGuard, get_args

from cxrscreen.classifier.card import ModelCard
from cxrscreen.classifier.operating_point import Finding
from cxrscreen.radiograph.refusal import Reason
from cxrscreen.screening.moving import BY_HEAD
from cxrscreen.screening.outcomes import Outcome
from cxrscreen.settings import ExplanationVariant, Language

Row = dict[str, Any]
"""A row of the ledger by column; names of files are text, with surrogates where they are no UTF-8."""

_Check = Callable[[object], bool]
_HASH = re.compile(rf"((?:{BY_HEAD})?[0-9a-f]{{64}})?")
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")  # of batches and studies: no part of a path
_REPORT = re.compile(rf"reports/{_PLAIN.pattern}/{_PLAIN.pattern}")
_LAST_SECOND = 1e11  # since the epoch: in the year 5138
_LAST_NUMBER = 2**53


def is_batch(row: Row, *, whole: bool = False) -> bool:
    """Return whether what is there of a row of the table ``batch`` can be true, and, if asked, is all of it."""
    return _all_true(row, _BATCH, whole=whole)


def is_file(row: Row, *, whole: bool = False) -> bool:
    """Return whether what is there of a row of the table ``file`` can be true, and, if asked, is all of it.

    Here, names that are no UTF-8 are bytes, as SQLite holds them.
    """
    if not _all_true(row, _FILE, whole=whole):
        return False
    if row.get("outcome") == Outcome.REFUSED:
        return row.get("reason") in tuple(Reason)
    told = (row.get(column) for column in ("score", "positive", "report"))
    return row.get("outcome") != Outcome.REPORTED or None not in told


def text_of(stored: str | bytes) -> str:
    """Return text as SQLite gives it, with surrogates where it is no UTF-8."""
    return stored if isinstance(stored, str) else stored.decode(errors="surrogateescape")


def _all_true(row: Row, checks: dict[str, _Check], *, whole: bool) -> bool:
    if whole and not checks.keys() <= row.keys():
        return False
    with suppress(ValueError, OverflowError, RecursionError):
        return all(check(row[name]) for name, check in (checks | _LATER).items() if name in row)
    return False


def _is_text(value: object) -> TypeGuard[str]:
    return isinstance(value, str) and value == value.encode(errors="replace").decode()


def _is_plain(value: object) -> bool:
    return isinstance(value, str) and bool(_PLAIN.fullmatch(value))


def _is_hash(value: object) -> bool:
    return isinstance(value, str) and bool(_HASH.fullmatch(value))


def _is_report(value: object) -> bool:
    return isinstance(value, str) and bool(_REPORT.fullmatch(value))


def _is_time(value: object) -> bool:
    if not isinstance(value, str):
        return False
    datetime.fromisoformat(value).astimezone()
    return value[:10] == date.fromisoformat(value[:10]).isoformat()  # it names a folder


def _is_card(value: object) -> bool:
    return isinstance(value, str) and bool(ModelCard.model_validate_json(value))


def _is_folder(value: object) -> bool:
    if not isinstance(value, str | bytes):
        return False
    path = os.fsencode(value)
    return path.startswith(b"/") and b"\0" not in path


def _is_name(value: object) -> bool:
    """Return whether a file of that name lies in its folder; the name of a folder ends with a slash."""
    if not (isinstance(value, bytes) or _is_text(value)):
        return False
    name = text_of(value)
    return "\0" not in name and not any(part in ("", ".", "..") for part in name.removesuffix("/").split("/"))


def _is_destination(value: object) -> bool:
    return _is_name(value) and os.fsencode(value).startswith((b"archive/", b"quarantine/"))  # type: ignore[arg-type]  # a name is str or bytes


def _is_number(value: object) -> bool:
    return isinstance(value, int) and 0 <= value < _LAST_NUMBER


def _is_score(value: object) -> bool:
    return isinstance(value, float) and math.isfinite(value)


def _is_lease(value: object) -> bool:
    return isinstance(value, float) and 0 <= value < _LAST_SECOND


def _none_or(check: _Check) -> _Check:
    return lambda value: value is None or check(value)


_BATCH: dict[str, _Check] = {
    "batch_id": _is_plain,
    "folder": _is_folder,
    "keeps_source": (0, 1).__contains__,
    "card": _is_card,
    "language": get_args(Language).__contains__,
    "explanation": get_args(ExplanationVariant).__contains__,
    "started_at": _is_time,
    "finished_at": _none_or(_is_time),
    "owner": _is_text,
    "lease_until": _is_lease,
}
_FILE: dict[str, _Check] = {
    "file_id": _is_number,
    "batch_id": _is_plain,
    "name": _is_name,
    "sha256": _is_hash,
    "study_key": lambda value: value == "" or _is_plain(value),
    "outcome": _none_or(tuple(Outcome).__contains__),
    "reason": _is_text,
    "detail": _is_text,
    "score": _none_or(_is_score),
    "positive": (None, 0, 1).__contains__,
    "report": _none_or(_is_report),
    "destination": _none_or(_is_destination),
    "placed": (0, 1).__contains__,
}
_LATER: dict[str, _Check] = {  # columns that the first ledgers did not have
    "meant": _is_text,
    "tries": _is_number,
    "finding": (None, *Finding).__contains__,
    "strangeness": _none_or(_is_score),
    "lung_share": _none_or(_is_score),
    "review": _is_text,
}
