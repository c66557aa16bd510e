"""Which radiographs the report shows: the errors first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import chain, zip_longest
from math import log

from cxrscreen.evaluation.result import Label, ScoredFile

MOST = 24

_ALWAYS_RIGHT = 4  # of the places, but no more than half, for comparison, however many errors there are
CLASS_NAMES: dict[Label, str] = {"covid": "COVID-19", "normal": "normal"}


@dataclass(frozen=True, slots=True, kw_only=True)
class GalleryPicture:
    """One radiograph under its activation map.

    Attributes:
        file: Relative to the labelled folder.
        truth: As labelled.
        prediction: On whose side of the threshold the score lies.
        score: Of the model, 0 to 1.
        jpeg: The picture.
        marked: False where the activation map is zero everywhere and the radiograph is shown without one.
    """

    file: str
    truth: Label
    prediction: Label
    score: float
    jpeg: bytes = field(repr=False)
    marked: bool = True

    @property
    def caption(self) -> str:
        """Return "truth - prediction", as the study wrote it below its pictures."""
        return f"{CLASS_NAMES[self.truth]} - {CLASS_NAMES[self.prediction]}"


def choose(files: Sequence[ScoredFile], threshold: float, most: int = MOST) -> tuple[ScoredFile, ...]:
    """Return the worst errors first, then the surest right ones of both classes in turn.

    How bad or sure is the distance of the score from the threshold in log-odds. Where there are more errors than
    places, missed disease and false alarms take turns and a few places stay for right ones.

    Args:
        files: All radiographs that were evaluated.
        threshold: Positive from this score.
        most: How many are shown at most.
    """
    far_first = sorted(files, key=lambda file: _far_first(file, threshold))
    missed, alarms, found, cleared = (
        [file for file in far_first if (file.label == truth, file.score >= threshold) == (True, positive)]
        for truth, positive in (("covid", False), ("normal", True), ("covid", True), ("normal", False))
    )
    right = _in_turn(found, cleared)
    kept_for_right = min(_ALWAYS_RIGHT, len(right), most // 2)
    errors = _in_turn(missed, alarms)[: most - kept_for_right]
    errors.sort(key=far_first.index)
    return tuple(errors + right[: most - len(errors)])


def errors(files: Sequence[ScoredFile], threshold: float, most: int) -> tuple[ScoredFile, ...]:
    """Return the radiographs on the wrong side of the threshold, the farthest from it first; at most ``most``."""
    wrong = [file for file in files if predicted(file, threshold) != file.label]
    return tuple(sorted(wrong, key=lambda file: _far_first(file, threshold))[:most])


def predicted(file: ScoredFile, threshold: float) -> Label:
    """Return the class on whose side of the threshold the score lies."""
    return "covid" if file.score >= threshold else "normal"


def _in_turn(first: Sequence[ScoredFile], second: Sequence[ScoredFile]) -> list[ScoredFile]:
    return [file for file in chain.from_iterable(zip_longest(first, second)) if file is not None]


def _far_first(file: ScoredFile, threshold: float) -> tuple[float, str]:
    return -abs(_log_odds(file.score) - _log_odds(threshold)), file.file


def _log_odds(score: float) -> float:
    inside = min(max(score, 1e-9), 1 - 1e-9)
    return log(inside / (1 - inside))
