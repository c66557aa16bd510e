"""All that lies below a folder of the workspace, however deep; no link is followed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from cxrscreen.drafts import is_draft
from cxrscreen.workspace import FOLDER_MARK


@dataclass(slots=True)
class Below:
    """Names relative to the folder, with forward slashes.

    Attributes:
        files: Regular files.
        folders: Each before those inside it.
        others: How many links, pipes, sockets and devices.
    """

    files: list[str] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)
    others: int = 0


def entries(folder: Path) -> list[os.DirEntry[str]]:
    """List one folder by name, without drafts and marks of ours; nothing where it is gone, or none.

    Raises:
        OSError: It cannot be listed.
    """
    try:
        with os.scandir(folder) as found:
            kept = [entry for entry in found if not (is_draft(entry.name) or entry.name == FOLDER_MARK)]
    except (FileNotFoundError, NotADirectoryError):
        return []
    return sorted(kept, key=lambda entry: entry.name)


def folders(parent: Path) -> list[Path]:
    """Return the folders right in a folder, by name; nothing where it is gone.

    Raises:
        OSError: It cannot be listed.
    """
    return [Path(entry.path) for entry in entries(parent) if entry.is_dir(follow_symlinks=False)]


def is_gone(path: Path) -> bool:
    """Return whether nothing lies there; what cannot be seen, for want of rights or as a disk fails, is not gone."""
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False
    return False


def walk(top: Path) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """Find all that lies below a folder, but for drafts, which are no files yet, and marks of ours.

    A list of what is left to do takes the place of ``os.walk``, which gives up a thousand folders deep before
    Python 3.12.

    Yields:
        The name relative to the folder, with forward slashes, and the entry; a folder before what is in it.

    Raises:
        OSError: A folder cannot be listed. One that is gone meanwhile is no error.
    """
    left = [""]
    while left:
        prefix = left.pop()
        for entry in entries(top / prefix):
            name = prefix + entry.name
            if entry.is_dir(follow_symlinks=False):
                left.append(f"{name}/")
            yield name, entry


def below(top: Path) -> Below:
    """List a folder and all folders in it, as ``walk`` finds them.

    Raises:
        OSError: A folder cannot be listed. One that is gone meanwhile is no error.
    """
    found = Below()
    for name, entry in walk(top):
        if entry.is_dir(follow_symlinks=False):
            found.folders.append(name)
        elif entry.is_file(follow_symlinks=False):
            found.files.append(name)
        else:
            found.others += 1
    return found
