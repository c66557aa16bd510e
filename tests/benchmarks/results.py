"""Where benchmarks find radiographs and leave their figures."""

from __future__ import annotations

import json
import os
import platform
from pathlib import Path

FOLDER = Path(__file__).parent / "results"


def real_radiographs(count: int) -> list[Path]:
    """Return ``count`` real radiographs, half of each class.

    Raises:
        SystemExit: There are none on this machine.
    """
    shared = Path(os.environ.get("CXRSCREEN_REAL_DATA", Path(__file__).resolve().parents[3] / "shared"))
    classes = [sorted((shared / "cxr" / name).glob("*.*")) for name in ("covid", "normal")]
    files = [file for pair in zip(*classes, strict=False) for file in pair][:count]
    if len(files) < count:
        raise SystemExit(f"{count} real radiographs are needed: set CXRSCREEN_REAL_DATA to the folder that holds cxr/.")
    return files


def save(name: str, figures: dict[str, float | int | str]) -> None:
    """Print the figures and write them where the README is made from."""
    FOLDER.mkdir(exist_ok=True)
    figures |= {"cores": os.cpu_count() or 0, "python": platform.python_version()}
    text = json.dumps(figures, indent=2) + "\n"
    print(text, end="")
    (FOLDER / f"{name}.json").write_text(text)
