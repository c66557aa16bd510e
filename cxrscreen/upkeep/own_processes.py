"""Processes of one workspace, as Linux lists them under ``/proc``, and the addresses at which they listen."""

from __future__ import annotations

import ipaddress
import os
import re
import sys
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from cxrscreen.workspace import Workspace

PROC = Path("/proc")

_LISTENS = "0A"  # state of a socket in /proc/net/tcp
_SOCKET = re.compile(r"socket:\[(\d+)\]")
_NO_CORE = re.compile(r"^Max core file size\s+0\s+0\s", re.MULTILINE)
_UMASK = re.compile(r"^Umask:\s+(\d+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnProcess:
    """A process that was started for a workspace."""

    number: int
    umask: int | None  # None: the system does not say
    no_core: bool


def own_processes(root: Path) -> list[OwnProcess]:
    """Return the processes of the workspace: its name stands in their environment, or they have its ledger open."""
    workspace, mark = Workspace(root.resolve()), b"CXRSCREEN_WORKSPACE=" + os.fsencode(root)
    held = {str(workspace.ledger), str(workspace.ledger_lock)}
    return [process for folder in PROC.glob("[0-9]*") for process in _process(folder, mark, held)]


def listening(processes: Sequence[OwnProcess], ports: Sequence[int]) -> set[tuple[str, int]]:
    """Return (address, port) of every socket at which one of ``processes``, or anybody at ``ports``, listens."""
    own = {inode for process in processes for inode in _sockets(process.number)}
    return {
        (host, port)
        for table in ("tcp", "tcp6")
        for host, port, inode in _listening_sockets(PROC / "net" / table)
        if inode in own or port in ports
    }


def _process(folder: Path, mark: bytes, held: AbstractSet[str]) -> Iterator[OwnProcess]:
    with suppress(OSError):  # it has ended, or is another person's
        marked = mark in (folder / "environ").read_bytes().split(b"\0")
        if not marked and held.isdisjoint(_open_files(folder)):
            return
        umask = _UMASK.search((folder / "status").read_text())
        yield OwnProcess(
            number=int(folder.name),
            umask=int(umask[1], 8) if umask else None,
            no_core=bool(_NO_CORE.search((folder / "limits").read_text())),
        )


def _sockets(number: int) -> Iterator[str]:
    for name in _open_files(PROC / str(number)):
        if found := _SOCKET.fullmatch(name):
            yield found[1]


def _open_files(folder: Path) -> Iterator[str]:
    with suppress(OSError):
        for handle in (folder / "fd").iterdir():
            with suppress(OSError):
                yield str(handle.readlink())


def _listening_sockets(table: Path) -> Iterator[tuple[str, int, str]]:
    """Read one of the kernel's tables (proc_pid_net(5)): local address in hexadecimal, port, state, inode."""
    with suppress(OSError):
        for line in table.read_text().splitlines()[1:]:
            columns = line.split()
            if columns[3] == _LISTENS:
                host, port = columns[1].split(":")
                yield str(_address(host)), int(port, 16), columns[9]


def _address(written: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """Decode words of four bytes, each in the machine's own order."""
    words = (bytes.fromhex(written[start : start + 8]) for start in range(0, len(written), 8))
    packed = b"".join(word[::-1] if sys.byteorder == "little" else word for word in words)
    address = ipaddress.ip_address(packed)
    return getattr(address, "ipv4_mapped", None) or address
