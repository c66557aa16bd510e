"""What an error may still say once a step has failed with it."""

from __future__ import annotations

import traceback
from pathlib import Path

import pytest

from cxrscreen.errors import LedgerError, WorkspaceError
from flows.nameless import UnexpectedError, nameless


def printed(error: BaseException) -> str:
    return "".join(traceback.format_exception(error)) + repr(error)


def fail_on(name: str) -> None:
    raise ValueError(name)


NAME = "DOE^JANE.dcm"


def test_an_error_of_the_system_keeps_its_kind_and_loses_the_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as caught, nameless():
        (tmp_path / NAME).read_bytes()
    assert "No such file" in str(caught.value)
    assert "DOE" not in printed(caught.value)


def test_an_error_of_ours_keeps_its_words_and_loses_its_cause(tmp_path: Path) -> None:
    def read() -> None:
        try:
            (tmp_path / NAME).read_bytes()
        except OSError as exc:
            raise WorkspaceError("The share is gone.") from exc

    with pytest.raises(WorkspaceError, match="The share is gone") as caught, nameless():
        read()
    assert "DOE" not in printed(caught.value)


def test_an_error_of_a_library_keeps_its_place_and_loses_its_words() -> None:
    with pytest.raises(UnexpectedError, match="ValueError") as caught, nameless():
        fail_on(NAME)
    assert "in fail_on" in printed(caught.value)
    assert "DOE" not in str(caught.value)


def test_a_busy_ledger_is_still_told_from_other_errors() -> None:
    with pytest.raises(LedgerError), nameless():
        raise LedgerError("busy")
