"""What was found in a labelled folder before any training, with the names of files: never for a card."""

from __future__ import annotations

from cxrscreen.classifier.bias_report import BiasReport
from cxrscreen.classifier.estimate import Frozen


class Copy(Frozen):
    """A file that was left out because an earlier one has the same content."""

    file: str
    of: str


class Likeness(Frozen):
    """Two files that seem to show one exposure: rescaled, recoded, windowed anew or mirrored."""

    first: str
    second: str
    correlation: float  # of fine detail, 0 to 1
    mirrored: bool
    across_classes: bool
    same_patient: bool


class DataReport(Frozen):
    """All findings."""

    bias: BiasReport
    copies: tuple[Copy, ...]
    alike: tuple[Likeness, ...]  # across classes first
