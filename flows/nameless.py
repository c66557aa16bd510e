"""Keeps file names out of what Prefect stores of a failed step: its state, its log, its traceback."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from cxrscreen.errors import CxrscreenError, DataSetError


class UnexpectedError(Exception):
    """A fault in the software; its traceback says where."""


@contextmanager
def nameless() -> Iterator[None]:
    """Let errors pass with their kind and place, but without file names.

    Our own messages name folders and reports at most; those about labelled folders do, once their files are left out.
    What they were raised from, and what the system or a library says, may name a file of the intake, and senders put
    patients' names there.
    """
    try:
        yield
    except DataSetError as exc:
        raise DataSetError(exc.words).with_traceback(exc.__traceback__) from None
    except CxrscreenError as exc:
        raise exc from None  # what it was raised from would be printed with the traceback
    except OSError as exc:
        # With both arguments, Python makes it a PermissionError, a FileNotFoundError ... again.
        raise OSError(exc.errno, exc.strerror).with_traceback(exc.__traceback__) from None
    except Exception as exc:  # noqa: BLE001  # whatever a library says may name a file
        raise UnexpectedError(type(exc).__name__).with_traceback(exc.__traceback__) from None
