"""Whether ``cxrscreen serve`` is up, and whether the Prefect server beside it answers."""

from __future__ import annotations

import ipaddress
from contextlib import closing
from http.client import HTTPConnection, HTTPException
from urllib.parse import urlsplit

from cxrscreen.settings import Settings
from cxrscreen.upkeep.standstill import is_held
from cxrscreen.upkeep.state import Service
from cxrscreen.workspace import Workspace

ANSWER_SECONDS = 2.0


def service_state(settings: Settings) -> Service:
    """Look at the lock of ``serve``, and ask Prefect's server for its health where it should be up."""
    host, workspace = _reachable(settings.host), Workspace(settings.workspace)
    # Who takes the workspace apart (recover) holds both locks.
    serving = is_held(workspace.serve_lock) and not is_held(workspace.ledger_lock)
    ui = f"http://{f'[{host}]' if ':' in host else host}:{settings.ui_port}"
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


def _reachable(host: str) -> str:
    """Return an address under which a server that listens at ``host`` is reached from this machine."""
    try:
        address = ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return host
    if address.is_unspecified:
        return "127.0.0.1" if address.version == 4 else "::1"  # noqa: PLR2004  # IPv4
    return str(address)
