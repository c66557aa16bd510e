"""What a person asked to have screened, checked before anything starts."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path

from cxrscreen.classifier.registry import Registry
from cxrscreen.errors import WorkspaceError
from cxrscreen.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A folder, or some files, or neither for the intake; as typed."""

    folder: str
    files: tuple[str, ...]
    model: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """A folder (``None``: the intake) and the files in it that count; no names means all."""

    folder: Path | None
    names: tuple[str, ...]


def resolve(settings: Settings, request: Request) -> Chosen:
    """Turn a request into a folder and names.

    Raises:
        WorkspaceError: Something named does not exist, is not absolute, or both a folder and files are named.
        ModelError: There is no such model version.
    """
    Registry.at_site(settings.workspace / "models").card_of(request.model)
    files = [Path(name.strip()) for name in request.files if name.strip()]
    if request.folder.strip() and files:
        raise WorkspaceError("Name a folder or files, not both.")
    if files:
        missing = [str(index) for index, file in enumerate(files, start=1) if not _is_regular(file)]
        if missing:
            raise WorkspaceError(
                f"Of the files named, number {', '.join(missing)} is no absolute path of a file on this machine "
                "(links do not count). Correct it, or name the folder."
            )
        files = [Path(os.path.realpath(file.parent), file.name) for file in files]  # names are taken without links
        folder = Path(os.path.commonpath([file.parent for file in files]))
        return Chosen(folder=folder, names=tuple(dict.fromkeys(file.relative_to(folder).as_posix() for file in files)))
    if not request.folder.strip():
        return Chosen(folder=None, names=())
    folder = Path(request.folder.strip())
    if not (folder.is_absolute() and os.path.isdir(folder)):  # noqa: PTH112  # Path's own raises where a name is too long
        raise WorkspaceError(f"{folder} is no absolute path of a folder on this machine. Correct it and run again.")
    return Chosen(folder=folder, names=())


def _is_regular(file: Path) -> bool:
    if not file.is_absolute() or file.name == "..":
        return False
    try:
        return stat.S_ISREG(file.lstat().st_mode)
    except (OSError, ValueError):  # a name that is too long, or has a null byte
        return False
