"""Is what is installed what was locked, and can nobody else change it?"""

from __future__ import annotations

import importlib.metadata
import re
import stat
from collections.abc import Iterator
from pathlib import Path

from cxrscreen.settings import PROJECT
from cxrscreen.upkeep.self_test import Finding

LOCK_FILE = PROJECT / "deployments" / "requirements.lock"
CODE_FOLDERS = ("cxrscreen", "flows", "templates", "deployments")
OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH

_PINNED = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)\s*(;)?", re.MULTILINE)


def locked_packages(lock: Path = LOCK_FILE) -> Iterator[Finding]:
    """Compare what is installed with the lock file; a name may be pinned once for each of several systems."""
    pinned: dict[str, set[str]] = {}
    optional: set[str] = set()
    for name, version, condition in _PINNED.findall(lock.read_text(encoding="utf-8")):
        pinned.setdefault(name, set()).add(version)
        if condition:
            optional.add(name)
    wrong = []
    for name, versions in pinned.items():
        try:
            installed = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            if name not in optional:
                wrong.append(f"{name} is missing")
            continue
        if installed not in versions:
            wrong.append(f"{name} {installed} instead of {' or '.join(sorted(versions))}")
    said = "; ".join(wrong[:5]) + (f"; and {len(wrong) - 5} more" if len(wrong) > 5 else "")  # noqa: PLR2004  # one line
    yield Finding(
        "packages",
        healthy=not wrong,
        detail=f"{said}. Run deployments/install.sh again." if wrong else f"{len(pinned)} as locked",
    )


def own_software(project: Path = PROJECT) -> Iterator[Finding]:
    """See that nobody else may change what runs: code, templates, the shipped model."""
    writable = [
        str(path.relative_to(project))
        for name in CODE_FOLDERS
        for path in [project / name, *(project / name).rglob("*")]
        if not path.is_symlink() and path.stat().st_mode & OTHERS_WRITE
    ]
    said = (
        f"others may write to {len(writable)} of its files, e.g. {writable[0]}. Run chmod -R go-w." if writable else ""
    )
    yield Finding("software", healthy=not writable, detail=said or "only its owner may write to it")
