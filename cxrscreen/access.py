"""Who may use what `cxrscreen serve` offers: this machine alone, or whoever knows the password.

Whoever can write to Prefect's API can run code as the user who serves, and the reports are about patients. So on a
loopback address only requests that name this machine are answered (a page that has its own name point to 127.0.0.1,
"DNS rebinding", names itself), and on any other address a password is asked for.
"""

from __future__ import annotations

import ipaddress
import os
import re
import socket
import stat
from collections.abc import Sequence
from pathlib import Path

from cxrscreen.errors import SettingsError

AUTH_FILE = "auth"
SHORTEST_PASSWORD = 12
LONGEST_LINE = 512
_HOST = re.compile(r"(?:\[([0-9a-f:.]+)\]|([a-z0-9.]+))(?::[0-9]{1,5})?", re.IGNORECASE)
REFUSAL = "This server answers to this machine's own names alone"
HOW_TO = """Make one with:  (umask 077; echo "night:$(openssl rand -hex 16)" > {path})"""


def require_password(host: str, root: Path) -> str | None:
    """Return ``user:password`` of the workspace, or ``None`` where it has no such file and needs none.

    Raises:
        SettingsError: ``host`` is more than this machine, and there is no password; or the file is not as it must be.
    """
    path = root / AUTH_FILE
    try:
        return _read(path)
    except FileNotFoundError:
        if is_loopback(host):
            return None
    raise SettingsError(
        f"host = {host!r} lets other machines in, so a password is needed, and there is no file {path}. "
        f"{HOW_TO.format(path=path)} Or set host to 127.0.0.1."
    )


def is_loopback(host: str) -> bool:
    """Tell whether an address or name to listen at stands for this machine alone.

    Raises:
        SettingsError: It is neither an address nor a name that is known here.
    """
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as exc:
        raise SettingsError(f"host = {host!r} is no address of this machine. Correct it in cxrscreen.toml.") from exc
    return all(ipaddress.ip_address(str(address[0]).partition("%")[0]).is_loopback for *_, address in found)


def url_of(host: str, port: int) -> str:
    """Return where a server that listens at ``host`` is reached from this machine."""
    try:
        address = ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return f"http://{host}:{port}"
    if address.is_unspecified:
        address = ipaddress.ip_address("127.0.0.1" if address.version == 4 else "::1")  # noqa: PLR2004  # IPv4
    return f"http://{address}:{port}" if address.version == 4 else f"http://[{address}]:{port}"  # noqa: PLR2004  # likewise


def names_this_machine(host_header: str) -> bool:
    """Tell whether the Host of a request, with or without port, is a name of this machine that nobody else can take."""
    found = _HOST.fullmatch(host_header)
    if found is None:
        return False
    try:
        return (found[2] or "").lower() == "localhost" or ipaddress.ip_address(found[1] or found[2]).is_loopback
    except ValueError:
        return False


def comes_from_here(hosts: Sequence[str], origins: Sequence[str]) -> bool:
    """Tell whether a request names this machine, and comes from no page or from one of the same host and port.

    Args:
        hosts: Its Host headers, with port.
        origins: Its Origin headers.
    """
    return (
        len(hosts) == 1
        and names_this_machine(hosts[0])
        and all(origin.lower() == f"http://{hosts[0]}".lower() for origin in origins)
    )


def _read(path: Path) -> str:
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        raise
    except OSError as exc:
        raise SettingsError(f"The password file {path} cannot be read: {exc.strerror}.") from exc
    with os.fdopen(handle, "rb") as file:
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode) or stat.S_IMODE(found.st_mode) & 0o077 or found.st_uid != os.geteuid():
            raise SettingsError(
                f"The password file {path} must be readable by the user who serves and by nobody else. "
                f"Type:  chmod 600 {path}  and  chown {os.geteuid()} {path}"
            )
        content = file.read(LONGEST_LINE + 1)
    line = content.removesuffix(b"\n").removesuffix(b"\r")
    user, colon, password = line.partition(b":")
    # Prefect compares texts in a way that takes ASCII alone, and a header holds no control characters.
    if not (colon and user and line.isascii() and line.decode("ascii").isprintable() and len(line) <= LONGEST_LINE):
        raise SettingsError(f"The password file {path} must hold one line user:password. {HOW_TO.format(path=path)}")
    if len(password) < SHORTEST_PASSWORD or len(set(password)) < SHORTEST_PASSWORD // 2:
        raise SettingsError(
            f"The password in {path} is too easy: it takes at least {SHORTEST_PASSWORD} characters, not all alike. "
            f"{HOW_TO.format(path=path)}"
        )
    return line.decode("ascii")
