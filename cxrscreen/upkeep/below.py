"""All that lies below a folder of the workspace, however deep; no link is followed."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path


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


def below(top: Path) -> Below:
    """List a folder and all folders in it; drafts, which are no files yet, are passed over.

    A list of what is left to do takes the place of ``os.walk``, which gives up a thousand folders deep before
    Python 3.12.

    Raises:
        OSError: A folder cannot be listed. One that is gone meanwhile is no error.
    """
    found = Below()
    left = [""]
    while left:
        prefix = left.pop()
        try:
            with os.scandir(top / prefix) as entries:
                listed = sorted(entries, key=lambda entry: entry.name)
        except FileNotFoundError:
            continue
        for entry in listed:
            name = prefix + entry.name
            if entry.name == ".drafts" or entry.name.startswith(".draft-"):
                continue
            if entry.is_dir(follow_symlinks=False):
                found.folders.append(name)
                left.append(f"{name}/")
            elif entry.is_file(follow_symlinks=False):
                found.files.append(name)
            else:
                found.others += 1
    return found
