"""The folder of one retraining: what it has finished, and the version that it will give its model."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pydantic import ValidationError

from cxrscreen.classifier.bundle import free_folder
from cxrscreen.classifier.estimate import Frozen
from cxrscreen.durable import write_file
from cxrscreen.errors import WorkspaceError
from cxrscreen.training.request import RetrainRequest

_RECORD = "run.json"
_NOT_PART_OF_THE_KEY = {"data_folder", "version", "note", "base"}  # the data and the base are known by their content


class _Record(Frozen):
    started_at: str  # ISO 8601 with zone
    version: str


@dataclass(frozen=True, slots=True)
class Run:
    """One retraining, from its first start to its model.

    Attributes:
        folder: Keeps what is finished; gone once the model is on disk.
        version: Of the model.
    """

    folder: Path
    version: str

    def close(self) -> None:
        """Forget what was kept: the model is on disk, and the next run with the same request is another one."""
        shutil.rmtree(self.folder, ignore_errors=True)


def open_run(runs: Path, request: RetrainRequest, *, fingerprint: str, base_sha256: str, models: Path) -> Run:
    """Begin a run, or go on with the one of the same request, data and base that never came to its end.

    Raises:
        ModelError: The version that was asked for exists already.
        WorkspaceError: The folder cannot be written.
    """
    key = hashlib.sha256(
        "\n".join((request.model_dump_json(exclude=_NOT_PART_OF_THE_KEY), fingerprint, base_sha256)).encode()
    ).hexdigest()
    folder = runs / key[:16]
    former = _record_in(folder)
    if former is not None and (models / former.version).exists():
        shutil.rmtree(folder, ignore_errors=True)  # it came to its end, and was killed before it had cleared up
        former = None
    now = datetime.now(UTC)
    version = request.version or (former.version if former else f"{request.recipe}-{now:%Y%m%d-%H%M%S}")
    free_folder(models, version)
    if former is None or former.version != version:
        record = _Record(started_at=now.isoformat(timespec="seconds"), version=version)
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_file(folder / _RECORD, record.model_dump_json().encode())
        except OSError as exc:
            raise WorkspaceError(f"The folder of the retraining cannot be written: {exc.strerror}.") from exc
    return Run(folder, version)


def _record_in(folder: Path) -> _Record | None:
    try:
        return _Record.model_validate_json((folder / _RECORD).read_bytes())
    except (OSError, ValidationError):
        return None  # never begun, or damaged: the points that are there prove themselves
