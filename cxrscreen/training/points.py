"""Finished points of a search on disk, so that a search that was killed goes on where it was."""

from __future__ import annotations

import hashlib
import json
import logging
from dataclasses import asdict, dataclass
from pathlib import Path

from pydantic import ValidationError

from cxrscreen.classifier.making import GridPoint
from cxrscreen.classifier.recipe import DenseRecipe
from cxrscreen.durable import write_file
from cxrscreen.errors import WorkspaceError
from cxrscreen.training.development import Development
from cxrscreen.training.libraries import library_versions

# What a figure is; part of the key, to be changed together with how a head is fitted or scored.
_MEANING = "cxrscreen 1: AUC and accuracy of each fold by a head fitted on the other four"

_log = logging.getLogger(__name__)


def circumstances_of(development: Development, *, seed: int) -> str:
    """Digest of all that moves a figure of the search besides the recipe: what is fitted on, folds, seed, libraries."""
    told = hashlib.sha256(json.dumps([_MEANING, seed, library_versions()]).encode())
    folds = [rows for fold in development.folds for rows in fold]
    for array in (development.pooled, development.shifted, development.diseased, *folds):
        if array is None:
            told.update(b"none")
        else:
            told.update(f"{array.dtype.str} {array.shape}".encode())
            told.update(array.tobytes())
    return told.hexdigest()


@dataclass(frozen=True, slots=True)
class PointStore:
    """One small file for each point: a digest, and below it the point that it belongs to.

    Attributes:
        folder: Of one retraining.
        circumstances: Digest of all that moves a figure besides the recipe; from ``circumstances_of``.
    """

    folder: Path
    circumstances: str

    def found(self, recipe: DenseRecipe, *, stage: str) -> GridPoint | None:
        """A finished point of these settings, also from another stage; ``None`` if there is none or it is damaged."""
        file = self._file(recipe)
        try:
            digest, _, body = file.read_text(encoding="utf-8").partition("\n")
            if digest != _digest(body):
                raise ValueError(digest)  # noqa: TRY301  # falls under the same handling as a file that is no text
            return GridPoint.model_validate_json(body).model_copy(update={"stage": stage})
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError, ValidationError, ValueError):
            _log.warning("A finished point of the search is damaged and is computed again: %s.", file.name)
            return None

    def keep(self, recipe: DenseRecipe, point: GridPoint) -> None:
        """Store a finished point.

        Raises:
            WorkspaceError: The disk is full or the folder not writable.
        """
        body = point.model_dump_json()
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_file(self._file(recipe), f"{_digest(body)}\n{body}".encode())
        except OSError as exc:
            raise WorkspaceError(f"A finished point of the search cannot be kept: {exc.strerror}.") from exc

    def _file(self, recipe: DenseRecipe) -> Path:
        return (
            self.folder
            / f"{_digest(json.dumps([self.circumstances, asdict(recipe), recipe.hyperparameters()]))[:32]}.json"
        )


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
