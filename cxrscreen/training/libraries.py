"""Versions of everything that can move a score."""

from __future__ import annotations

import platform
from importlib.metadata import version

_LIBRARIES = (
    *("cxrscreen", "tensorflow", "keras", "numpy", "scikit-learn"),
    *("opencv-python", "pydicom", "python-gdcm"),  # decode the radiographs
)


def library_versions() -> dict[str, str]:
    """Versions as the package records state them; starts none of the libraries."""
    return {"python": platform.python_version()} | {name: version(name) for name in _LIBRARIES}
