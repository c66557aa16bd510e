"""Whether ``cxrscreen serve`` is up, and whether the Prefect server beside it answers."""

from __future__ import annotations

import fcntl
import ipaddress
import os
from contextlib import closing
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from cxrscreen.settings import Settings
from cxrscreen.upkeep.state import Service
from cxrscreen.workspace import Workspace

LOCK_FILE = "serve.lock"  # held by `cxrscreen serve` for as long as it lives
ANSWER_SECONDS = 2.0


def service_state(settings: Settings) -> Service:
    """Look at the lock of ``serve``, and ask Prefect's server for its health where it should be up."""
    host = _reachable(settings.host)
    serving = is_served(settings.workspace)
    return Service(
        serving=serving,
        was_served=Workspace(settings.workspace).prefect.is_dir(),
        ui=f"http://{f'[{host}]' if ':' in host else host}:{settings.ui_port}",
        ui_answers=serving and _answers(host, settings.ui_port),
    )


def is_served(root: Path) -> bool:
    """Return whether a living process serves the workspace: the system drops the lock with the process."""
    try:
        handle = os.open(root / LOCK_FILE, os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    else:
        return False
    finally:
        os.close(handle)


def _answers(host: str, port: int) -> bool:
    try:
        with closing(HTTPConnection(host, port, timeout=ANSWER_SECONDS)) as connection:
            connection.request("GET", "/api/health")
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
