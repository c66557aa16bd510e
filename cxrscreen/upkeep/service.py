"""Whether ``cxrscreen serve`` is up, and whether the Prefect server beside it answers."""

from __future__ import annotations

from contextlib import closing
from http.client import HTTPConnection, HTTPException
from urllib.parse import urlsplit

from cxrscreen.access import url_of
from cxrscreen.locks import is_held
from cxrscreen.settings import Settings
from cxrscreen.upkeep.state import Service
from cxrscreen.workspace import Workspace

ANSWER_SECONDS = 2.0


def service_state(settings: Settings) -> Service:
    """Look at the lock of ``serve``, and ask Prefect's server for its health where it should be up."""
    ui, workspace = url_of(settings.host, settings.ui_port), Workspace(settings.workspace)
    # Who takes the workspace apart (recover) holds both locks.
    serving = is_held(workspace.serve_lock) and not is_held(workspace.ledger_lock)
    return Service(
        serving=serving,
        was_served=workspace.prefect.is_dir(),
        ui=ui,
        ui_answers=serving and answers(f"{ui}/api/health"),
    )


def answers(url: str, seconds: float = ANSWER_SECONDS) -> bool:
    """Return whether a server answers in time, in whatever way."""
    address = urlsplit(url)
    try:
        with closing(HTTPConnection(address.hostname or "", address.port, timeout=seconds)) as connection:
            connection.request("GET", address.path)
            connection.getresponse()  # whatever its code: a server that asks for a password is up
    except (OSError, HTTPException):
        return False
    return True
