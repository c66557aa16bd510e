"""How a model was made: enough to make it again, and to know which radiographs it has seen."""

from __future__ import annotations

from statistics import fmean, stdev

from cxrscreen.classifier.estimate import Frozen
from cxrscreen.classifier.recipe import RecipeName

MAKING_FILE = "making.json"


class Augmentation(Frozen):
    """Shifted copies of each training radiograph, drawn before the first step."""

    copies: int = 0
    max_shift: float = 0.1  # of the side, to each of the four directions


class GridPoint(Frozen):
    """One point of the search and what the folds gave."""

    stage: str
    learning_rate: float
    batch_size: int
    optimizer: str
    epochs: int
    fold_auc: tuple[float, ...]
    fold_accuracy: tuple[float, ...]  # at a score of 0.5, as the study took it

    @property
    def mean_auc(self) -> float:
        """Mean over the folds."""
        return fmean(self.fold_auc)

    @property
    def sd_auc(self) -> float:
        """Standard deviation over the folds (n - 1)."""
        return stdev(self.fold_auc)

    @property
    def mean_accuracy(self) -> float:
        """Mean over the folds."""
        return fmean(self.fold_accuracy)

    @property
    def sd_accuracy(self) -> float:
        """Standard deviation over the folds (n - 1)."""
        return stdev(self.fold_accuracy)


class SearchRecord(Frozen):
    """A finished search: all points in the order of the stages, and the one that was chosen."""

    start: str  # "study" or "best": what each stage started from
    criterion: str  # "auc" or "accuracy", the mean over the folds
    points: tuple[GridPoint, ...]
    chosen: GridPoint


class Making(Frozen):
    """Beside card and weights in the bundle.

    Attributes:
        data_folder: Its name, no path.
        development: SHA-256 of the files that it was trained and calibrated on.
        test: SHA-256 of the files that were set aside.
        looks: How many other models had been scored on some of this test part before.
    """

    recipe: RecipeName
    seed: int
    data_folder: str
    fingerprint: str
    base_weights_sha256: str
    augmentation: Augmentation
    search: SearchRecord | None
    note: str
    development: tuple[str, ...]
    test: tuple[str, ...]
    looks: int
