"""The inside of a backup: one plain tar of regular files, its last member a list of them with their hashes."""

from __future__ import annotations

import hashlib
import os
import tarfile
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path, PurePosixPath
from typing import IO, BinaryIO
from urllib.parse import quote, unquote_to_bytes

from pydantic import BaseModel, ConfigDict, Field

from cxrscreen.drafts import is_draft
from cxrscreen.errors import WorkspaceError

MANIFEST = "MANIFEST.json"
SETTINGS, LEDGER, KEYS = "cxrscreen.toml", "ledger.sqlite", "pseudonym.key"
# In this order: a file moves from the intake to the others, so one that moves meanwhile is met in one place at least.
TOPS = ("intake", "archive", "quarantine", "reports", "lungs", "models", "retraining")
FORMAT = 1
_BLOCK = 2**20
_LONGEST_LINE = 600  # bytes of the list for a file, beside its name

Sink = Callable[[str], AbstractContextManager[BinaryIO | None]]
"""Told the name of a member, opens what its content is to be written to."""


class Member(BaseModel):
    """One file of a backup."""

    model_config = ConfigDict(frozen=True)

    name: str  # relative to the workspace, percent-encoded: file names need not be valid text
    sha256: str
    bytes: int
    mtime_ns: int = Field(gt=-(10**27), lt=10**27)  # the system counts seconds with 64 bits
    torn: bool = False  # it was written to while it was read: it is no whole file

    @property
    def path(self) -> str:
        """The name itself, with surrogates where it is no UTF-8."""
        return os.fsdecode(unquote_to_bytes(self.name))


class Manifest(BaseModel):
    """The last member of a backup; without it the backup was never finished."""

    model_config = ConfigDict(frozen=True)

    format: int = FORMAT
    made_at: str = Field(pattern=r"^[0-9TZ:.+-]{1,40}$")  # ISO 8601 with zone
    members: tuple[Member, ...]
    left_out: int = 0  # links, pipes, files too large to be screened: what no backup holds


def quoted(name: str) -> str:
    """Return a file name as the manifest holds it."""
    return quote(os.fsencode(name))


def read_through(backup: Path, sink: Sink = lambda _name: nullcontext()) -> Manifest:
    """Read a whole backup and compare each member with the manifest.

    Args:
        backup: The tar.
        sink: Where to write the members.

    Raises:
        WorkspaceError: It cannot be read, was cut short, is changed or holds what no backup of ours holds.
        OSError: A sink cannot be written.
    """
    if not backup.is_file():
        raise WorkspaceError(f"There is no backup {backup}, or it is no regular file.")
    found: dict[str, tuple[str, int]] = {}
    manifest = None
    try:
        with tarfile.open(backup, "r:") as tar:
            for entry in tar:
                if manifest is not None or not _allowed(entry) or quoted(entry.name) in found:
                    raise WorkspaceError(f"{backup.name} is no backup of a workspace: it holds what none would hold.")
                content = tar.extractfile(entry)
                assert content is not None  # noqa: S101  # it is a regular file
                if entry.name == MANIFEST:
                    if entry.size > sum(len(name) + _LONGEST_LINE for name in ["", *found]):
                        raise WorkspaceError(f"{backup.name} is no backup: its list is longer than the files need.")
                    manifest = Manifest.model_validate_json(content.read())
                    continue
                with sink(entry.name) as kept:
                    found[quoted(entry.name)] = _copied(content, kept), entry.size
    except (tarfile.TarError, ValueError, OverflowError, EOFError) as exc:
        raise WorkspaceError(f"{backup.name} is no backup, or it is damaged: {type(exc).__name__}.") from exc
    if manifest is None:
        raise WorkspaceError(f"{backup.name} was never finished: its list of files is missing. Take another backup.")
    if manifest.format > FORMAT:
        raise WorkspaceError(f"{backup.name} has format {manifest.format}, of a newer cxrscreen. Restore it with that.")
    listed = {member.name: (member.sha256, member.bytes) for member in manifest.members}
    if found != listed or len(manifest.members) != len(listed):
        raise WorkspaceError(f"{backup.name} is damaged: files differ from its list of them. Take another backup.")
    return manifest


def _allowed(entry: tarfile.TarInfo) -> bool:
    """Return whether a member is a plain file at a place of its own inside a workspace."""
    if entry.type not in (tarfile.REGTYPE, tarfile.AREGTYPE) or entry.issparse() or entry.size < 0:
        return False
    parts = PurePosixPath(entry.name).parts
    if (
        str(PurePosixPath(entry.name)) != entry.name
        or "\0" in entry.name
        or any(p in ("..", "/") or is_draft(p) for p in parts)
    ):
        return False
    if len(parts) > 1:
        return parts[0] in TOPS
    return entry.name in (SETTINGS, LEDGER, MANIFEST) or entry.name.startswith(KEYS)


def _copied(content: IO[bytes], kept: BinaryIO | None) -> str:
    digest = hashlib.sha256()
    while block := content.read(_BLOCK):
        digest.update(block)
        if kept is not None:
            kept.write(block)
    return digest.hexdigest()


def add_file(tar: tarfile.TarFile, name: str, source: BinaryIO) -> Member:
    """Add an open file as it is now; one that changes while it is read is marked as torn.

    Raises:
        OSError: It cannot be read, or the disk is full.
    """
    before = os.fstat(source.fileno())
    entry = tarfile.TarInfo(name)
    entry.size, entry.mtime, entry.mode = before.st_size, before.st_mtime_ns // 10**9, 0o600
    reader = _Reader(source, entry.size)
    tar.addfile(entry, reader)
    after = os.fstat(source.fileno())
    torn = reader.short or (after.st_size, after.st_mtime_ns) != (before.st_size, before.st_mtime_ns)
    return Member(
        name=quoted(name), sha256=reader.digest.hexdigest(), bytes=entry.size, mtime_ns=before.st_mtime_ns, torn=torn
    )


class _Reader:
    """Reads exactly so many bytes of a file, which may shrink meanwhile, and hashes them."""

    def __init__(self, source: BinaryIO, size: int) -> None:
        self.digest = hashlib.sha256()
        self.short = False
        self._source = source
        self._left = size

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes; zeros where the file has become shorter: its length is written already."""
        wanted = self._left if size < 0 else min(size, self._left)
        block = self._source.read(wanted)
        if len(block) < wanted:
            self.short = True
            block = block.ljust(wanted, b"\0")
        self._left -= wanted
        self.digest.update(block)
        return block


def total_bytes(members: Iterable[Member]) -> int:
    """Return how much the members hold."""
    return sum(member.bytes for member in members)
