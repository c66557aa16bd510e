"""Every error that cxrscreen raises on purpose.

::

    CxrscreenError
    ├── SettingsError      a setting is missing, unknown or out of range
    ├── WorkspaceError     a folder is missing, not writable or not a workspace
    ├── LedgerError        the ledger cannot be read or contradicts the folders
    │   ├── LedgerDamagedError   its database is damaged: set it aside and rebuild it
    │   └── TakenOverError       another run has this one's batch and finishes it
    ├── RefusedError       this file may not be screened; carries the reason
    ├── ModelError         a model is missing, damaged or of another format
    ├── SelfTestError      the model does not score as it did when it was made: nothing may be screened
    ├── DataSetError       a labelled folder cannot be trained or evaluated on
    ├── CalibrationError   an operating point cannot be chosen from these scores
    └── ReportError        a report could not be written

The message says what happened and, after it, what the person can do. It never holds a patient's
name, identifier or birth date: messages reach logs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cxrscreen.radiograph.refusal import Reason


class CxrscreenError(Exception):
    """Base of all errors that cxrscreen raises on purpose."""


class SettingsError(CxrscreenError):
    """A setting is missing, unknown or out of range."""


class WorkspaceError(CxrscreenError):
    """A folder is missing, not writable or not a workspace."""


class LedgerError(CxrscreenError):
    """The ledger cannot be read or contradicts the folders."""


class LedgerDamagedError(LedgerError):
    """The ledger's database is damaged; ``cxrscreen recover`` rebuilds it."""


class TakenOverError(LedgerError):
    """Another run has taken this one's batch over and finishes it."""


class RefusedError(CxrscreenError):
    """A file may not be screened.

    Attributes:
        reason: Why, as a code that reports translate into words and advice.
        detail: What was found, one English sentence without patient data.
    """

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(f"{reason.value}: {detail}")
        self.reason = reason
        self.detail = detail

    def __reduce__(self) -> tuple[type[RefusedError], tuple[Reason, str]]:
        return type(self), (self.reason, self.detail)


class ModelError(CxrscreenError):
    """A model is missing, damaged or of another format."""


class SelfTestError(CxrscreenError):
    """The model does not score as it did when it was made."""


class DataSetError(CxrscreenError):
    """A labelled folder cannot be trained or evaluated on.

    Attributes:
        words: What is wrong and what to do, without names of files: for places that keep what they are told.
        files: The files that it is about, one line each; printed after the words for the person at the screen.
    """

    def __init__(self, words: str, *, files: Sequence[str] = ()) -> None:
        super().__init__("\n".join([words, *files]))
        self.words = words
        self.files = tuple(files)

    def __reduce__(self) -> tuple[type[DataSetError], tuple[str], dict[str, object]]:
        return type(self), (self.words,), {"args": self.args, "files": self.files}


class CalibrationError(CxrscreenError):
    """An operating point cannot be chosen from these scores."""


class ReportError(CxrscreenError):
    """A report could not be written."""


def loggable(exc: Exception) -> str:
    """Return what may be logged of an error: all but ours may name files, and so may name patients."""
    if isinstance(exc, CxrscreenError):
        return str(exc)
    return (exc.strerror if isinstance(exc, OSError) else None) or type(exc).__name__
