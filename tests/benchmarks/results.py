"""Where benchmarks find radiographs and leave their figures."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "results"


def real_folder() -> Path:
    """Return the labelled folder of real radiographs.

    Raises:
        SystemExit: There is none on this machine.
    """
    shared = Path(os.environ.get("CXRSCREEN_REAL_DATA", Path(__file__).resolve().parents[3] / "shared"))
    if not (shared / "cxr" / "covid").is_dir():
        raise SystemExit("Real radiographs are needed: set CXRSCREEN_REAL_DATA to the folder that holds cxr/.")
    return shared / "cxr"


def all_real_radiographs() -> list[Path]:
    """Return as many real radiographs of one class as of the other, taking turns.

    Raises:
        SystemExit: There are none on this machine.
    """
    classes = [sorted((real_folder() / name).glob("*.*")) for name in ("covid", "normal")]
    return [file for pair in zip(*classes, strict=False) for file in pair]


def real_radiographs(count: int) -> list[Path]:
    """Return ``count`` real radiographs, half of each class.

    Raises:
        SystemExit: There are not so many on this machine.
    """
    files = all_real_radiographs()[:count]
    if len(files) < count:
        raise SystemExit(f"{count} real radiographs are needed, there are {len(files)}.")
    return files


def save(name: str, figures: Mapping[str, Any], *, folder: Path = FOLDER) -> None:
    """Print the figures and write them where the README is made from."""
    folder.mkdir(exist_ok=True, parents=True)
    with_machine = {**figures, "cores": os.cpu_count() or 0, "python": platform.python_version()}
    text = json.dumps(with_machine, indent=2) + "\n"
    print(text, end="")
    (folder / f"{name}.json").write_text(text)


def load(name: str, *, folder: Path = FOLDER) -> dict[str, Any]:
    """Return what ``save`` wrote."""
    figures: dict[str, Any] = json.loads((folder / f"{name}.json").read_text())
    return figures
