"""The one place where a run may fail in showing its work, and goes on: what it has done lies in the workspace."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

log = logging.getLogger("cxrscreen.publishing")


@contextmanager
def never_fatal(what: str) -> Iterator[None]:
    """Log in words that ``what`` could not be shown; as a context, or around a function that returns nothing.

    The server may be gone for a moment, or a person may have deleted the artifact in the UI. The log names the kind of
    error alone: what a library says may name a file.
    """
    try:
        yield
    except Exception as exc:  # noqa: BLE001  # whatever it was, the work itself is done
        log.warning("Prefect could not be shown %s (%s). The run goes on.", what, type(exc).__name__)
