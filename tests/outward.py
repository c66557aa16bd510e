"""Processes without a way out to any network, which tell what they try to reach."""

from __future__ import annotations

import fcntl
import os
import shutil
import socket
import struct
import subprocess
from pathlib import Path

LOG = "outward.log"
_SIOCGIFFLAGS, _SIOCSIFFLAGS, _IFF_UP = 0x8913, 0x8914, 0x1  # netdevice(7)
_UNSHARE = ("unshare", "--net")

# Imported by each Python process at its start; audit events as in the library's documentation, table "Audit events".
_SITECUSTOMIZE = """\
import sys

HERE = {"127.0.0.1", "::1", "localhost", "0.0.0.0", "::", "", None}


def told(event, given):
    if event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
        address = given[1]
        host = address[0] if isinstance(address, tuple) else None  # a text is a socket in the file system
    elif event in ("socket.getaddrinfo", "socket.gethostbyname"):
        host = given[0]
    else:
        return
    host = host.decode() if isinstance(host, bytes) else host
    if host not in HERE:
        with open(LOG, "a") as file:
            file.write(f"{event} {host} by {sys.argv[:3]}\\n")


sys.addaudithook(told)
"""


def can_be_cut_off() -> bool:
    """Return whether this system lets us start a process in a network namespace of its own."""
    return shutil.which(_UNSHARE[0]) is not None and subprocess.run([*_UNSHARE, "true"], check=False).returncode == 0


def cut_off(command: list[str]) -> list[str]:
    """Return the command that starts another one where there is no network but loopback, which is down at first."""
    return [*_UNSHARE, *command]


def raise_loopback() -> None:
    """Bring up the loopback device of this process's own namespace."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as device:
        asked = struct.pack("16sh14x", b"lo", 0)
        _, flags = struct.unpack("16sh14x", fcntl.ioctl(device, _SIOCGIFFLAGS, asked))
        fcntl.ioctl(device, _SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", flags | _IFF_UP))


def overheard(folder: Path) -> dict[str, str]:
    """Return the environment in which all Python processes write into ``folder`` what they try to reach outside."""
    (folder / "sitecustomize.py").write_text(_SITECUSTOMIZE.replace("LOG", repr(str(folder / LOG))))
    paths = [str(folder), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}


def attempts(folder: Path) -> list[str]:
    """Return what has been overheard."""
    log = folder / LOG
    return log.read_text().splitlines() if log.exists() else []
