"""The gate that travels inside a model's folder."""

from __future__ import annotations

from pathlib import Path

from cxrscreen.classifier.bundle import read_gate_arrays
from cxrscreen.lungs.gate import Gate


def load_gate(folder: Path) -> Gate | None:
    """Load a model's gate; ``None`` for a model of before there were gates.

    Raises:
        ModelError: A file is missing, damaged or not the card's.
    """
    card, arrays = read_gate_arrays(folder)
    return None if card.gate is None else Gate.from_arrays(card.gate.limits, arrays)
