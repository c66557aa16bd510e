"""Is what is installed what was locked, nothing else, and can nobody else change it?"""

from __future__ import annotations

import importlib.metadata
import os
import re
import stat
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

from cxrscreen.settings import PROJECT
from cxrscreen.upkeep.self_test import Finding

LOCK_FILE = PROJECT / "deployments" / "requirements.lock"
DEVELOPERS_LOCK_FILE = LOCK_FILE.with_name("requirements-dev.lock")  # names all of the other and more
OWN_PACKAGE, INSTALLER = "cxrscreen", "pip"
CODE_FOLDERS = ("cxrscreen", "flows", "templates", "deployments")
OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH
MOST_LINKS = 40  # on one way, as the kernel follows them

_PINNED = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^]]*\])?==([^\s;\\]+)\s*(;)?", re.MULTILINE)


def locked_packages(lock: Path = LOCK_FILE) -> Iterator[Finding]:
    """Compare what is installed with the lock file; a name may be pinned once for each of several systems.

    Packages that are in no lock file run with the rest as soon as something imports their name.
    """
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
    known = {*pinned, OWN_PACKAGE, INSTALLER}
    if DEVELOPERS_LOCK_FILE.is_file():
        known |= {name for name, *_ in _PINNED.findall(DEVELOPERS_LOCK_FILE.read_text(encoding="utf-8"))}
    known = {_normal(name) for name in known}
    wrong += sorted(
        f"{found.name} {found.version} is in no lock file"
        for found in importlib.metadata.distributions()
        if _normal(str(found.name)) not in known
    )
    said = "; ".join(wrong[:5]) + (f"; and {len(wrong) - 5} more" if len(wrong) > 5 else "")  # noqa: PLR2004  # one line
    yield Finding(
        "packages",
        healthy=not wrong,
        detail=f"{said}. Remove .venv and run deployments/install.sh again." if wrong else f"{len(pinned)} as locked",
    )


def own_software(project: Path = PROJECT, packages: Path | None = None) -> Iterator[Finding]:
    """See that nobody else may change what runs: code, templates, the shipped model, packages, the interpreter.

    Args:
        project: Where our code is.
        packages: Where the installed packages are; ``None`` takes this interpreter's own.
    """
    interpreter = Path(sys.executable)
    single = project, Path(sys.prefix), interpreter, interpreter.resolve()
    trees = [*(project / name for name in CODE_FOLDERS), packages or Path(sysconfig.get_path("purelib"))]
    found = [str(path) for path in single if others_may_change(path)]
    found += exchangeable_above(*single)
    found += [path for tree in trees for path in _below(tree) if others_may_change(path)]
    said = (
        f"others own or may write to {len(found)} of its files and folders, e.g. {found[0]}. Run chmod go-w and chown."
        if found
        else ""
    )
    yield Finding("software", healthy=not found, detail=said or "only its owner may write to it")


def others_may_change(path: str | Path) -> bool:
    """Others may write to it, or own it and so may give themselves that right; of a link, its folder counts."""
    status = os.lstat(path)
    return not stat.S_ISLNK(status.st_mode) and (bool(status.st_mode & OTHERS_WRITE) or _is_foreign(status))


def exchangeable_above(*places: Path) -> list[str]:
    """Return the folders on the way to some places, as written and as links lead, in which others may rename things.

    That takes the right to write to a folder that is not sticky, as ``/tmp`` is, or to own it.
    """
    passed = {step: status for place in places for step, status in _on_the_way(place)}
    return [
        str(step)
        for step, status in sorted(passed.items())
        if _is_foreign(status)
        or (stat.S_ISDIR(status.st_mode) and status.st_mode & OTHERS_WRITE and not status.st_mode & stat.S_ISVTX)
    ]


def _on_the_way(place: Path) -> Iterator[tuple[Path, os.stat_result]]:
    """Yield each folder in which the system looks up a part of the way to a place, and each link that it follows."""
    here, left, links = Path("/"), [*reversed(place.absolute().parts[1:])], 0
    while left and links < MOST_LINKS:
        yield here, here.lstat()
        step = here / left.pop()
        if step.name == "..":
            here = here.parent
        elif step.is_symlink():
            yield step, step.lstat()
            links += 1
            target = step.readlink()
            if target.is_absolute():
                here = Path("/")
            left += [part for part in reversed(target.parts) if part != "/"]
        elif step.is_dir():
            here = step
        else:
            return  # the file itself, or nothing


def _is_foreign(status: os.stat_result) -> bool:
    return status.st_uid not in {0, os.geteuid()}


def _below(tree: Path) -> Iterator[str]:
    yield str(tree)
    for folder, folders, files in os.walk(tree):
        yield from (f"{folder}/{name}" for name in (*folders, *files))


def _normal(name: str) -> str:
    """Write a package's name as all its spellings are compared (packaging.python.org, name normalization)."""
    return re.sub(r"[-_.]+", "-", name).lower()
