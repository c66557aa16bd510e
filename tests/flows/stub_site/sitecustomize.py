"""Gives every Python process that has this folder on its path a classifier without TensorFlow.

Python reads this file at its start. The model's card is the real one; its scores are mean grey values.
``CXRSCREEN_STUB_SECONDS`` is what one radiograph takes.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import importlib.util
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any


def load_stub(folder: Path) -> SimpleNamespace:
    import numpy as np  # noqa: PLC0415  # most processes never load a model

    from cxrscreen.classifier.bundle import read_card  # noqa: PLC0415
    from cxrscreen.classifier.contract import Classified  # noqa: PLC0415

    def classify(prepared: Any, *, explanation: str) -> Classified:
        assert explanation
        time.sleep(len(prepared) * float(os.environ.get("CXRSCREEN_STUB_SECONDS", "0")))
        maps = np.zeros((len(prepared), 7, 7), np.float32)
        maps[:, 3, 3] = 1
        return Classified(prepared.mean(axis=(1, 2, 3)) / 255.0, maps, np.zeros((len(prepared), 512), np.float32))

    return SimpleNamespace(card=read_card(folder), classify=classify)


PATCHED: dict[str, tuple[str, Any]] = {
    "cxrscreen.classifier.bundle": ("load_classifier", load_stub),
    "cxrscreen.lungs.bundle": ("load_segmenter", lambda _folder: None),  # nobody looks for lungs
    "cxrscreen.screening.golden": ("check_golden", lambda _session, _card: None),  # it scores otherwise
}


class Patcher(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Loads these modules as they are, and replaces one function of each."""

    def __init__(self) -> None:
        self._loaders: dict[str, importlib.abc.Loader] = {}

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if name not in PATCHED:
            return None
        found = importlib.machinery.PathFinder.find_spec(name, path, target)
        assert found is not None
        assert found.loader is not None
        self._loaders[name] = found.loader
        found.loader = self
        return found

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType | None:
        return self._loaders[spec.name].create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        self._loaders[module.__name__].exec_module(module)
        name, stub = PATCHED[module.__name__]
        setattr(module, name, stub)


sys.meta_path.insert(0, Patcher())
